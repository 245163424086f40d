"""Makes skold.login.site the site of the admin: in INSTALLED_APPS in the place of Django's."""

from django.contrib.admin.apps import AdminConfig


class LoginConfig(AdminConfig):
    """Django's admin with our site; unfold is installed by its BasicAppConfig then."""

    default_site = "skold.login.site.Site"
