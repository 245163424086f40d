"""What the control plane alone can answer, as RFC 9457 problems through Sköld's handler."""

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException


class FeedRenewedProblem(APIException):
    """410: the catalog was rebuilt since, numbers mean other changes now."""

    status_code = 410
    default_detail = _("This feed was numbered anew. Begin again without `after`.")
    default_code = "feed_renewed"


class LinkUnavailable(APIException):
    """503: no URL that the data plane accepts can be signed now."""

    status_code = 503
    default_detail = _("The link is not valid yet; is the bridge running? Try again.")
    default_code = "link_unavailable"
