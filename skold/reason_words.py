"""What the codes of a record mean, for people: reasons of decisions and pages without a model."""

from django.utils.translation import gettext_lazy as _

REASONS = {
    "address_outside": _("outside the address ranges of the client"),
    "address_limit": _("too many requests from the address"),
    "anonymous": _("no credential"),
    "client_limit": _("too many requests of the client"),
    "client_disabled": _("client disabled"),
    "end_user_forbidden": _("an end user must not be named"),
    "end_user_required": _("no end user named"),
    "end_user_unproven": _("end user not proven"),
    "key_expired": _("API key expired"),
    "malformed_key": _("malformed API key"),
    "malformed_on_behalf_of": _("malformed end user"),
    "malformed_signed_url": _("malformed signed URL"),
    "method_not_allowed": _("method not allowed"),
    "no_address_ranges": _("client without address ranges"),
    "no_credential": _("no credential"),
    "no_grant": _("no grant"),
    "no_grant_to_sign": _("no grant to sign"),
    "no_permission": _("no permission for this page"),
    "no_live_credential": _("no valid credential of this kind"),
    "not_found": _("nothing there"),
    "not_staff": _("not admitted to the admin"),
    "on_behalf_of_beside_signed_url": _("end user named beside a signed URL"),
    "outside_years": _("outside the years of the grant"),
    "placeholder": _("shown in place of another file"),
    "refused": _("refused"),
    "shadow": _("compared with the legacy database"),
    "signed_url_method": _("method not covered by the signature"),
    "signed_url_without_collection": _("signed URL without a collection"),
    "two_credentials": _("two credentials at once"),
    "unknown": _("unknown"),
    "unknown_client": _("unknown client"),
    "unknown_collection": _("unknown collection"),
    "unknown_key": _("unknown API key"),
    "unknown_scheme": _("unknown kind of credential"),
    "unknown_url_key": _("unknown signing key"),
    "url_expired": _("signed URL expired"),
    "url_key_expired": _("signing key expired"),
    "url_lifetime_too_long": _("signed URL valid for too long"),
    "wrong_secret": _("wrong secret"),
    "wrong_signature": _("wrong signature"),
}

PLACES = {
    "skold_auditrecord_dashboard": _("Overview of the audit"),
    "skold_auditrecord_export": _("Export of audit records"),
    "skold_auditrecord_file_story": _("Story of a file"),
    "skold_auditrecord_people": _("People and files in the audit"),
    "skold_auditrecord_person_story": _("Story of a person"),
    "ChangesView": _("Change feed"),
    "NowhereView": _("An address that does not exist"),
    "app_list": _("Overview of an application"),
    "autocomplete": _("Choices of a field"),
    "catch_all": _("An address that does not exist"),
    "index": _("Start page of the admin"),
    "login": _("Sign-in"),
    "logout": _("Sign-out"),
    "password_change": _("Change of password"),
    "password_change_done": _("Change of password"),
    "search": _("Search of the admin"),
    "toggle_sidebar": _("Sidebar of the admin"),
    "view_on_site": _("An object's page"),
}


def reason_in_words(code: str) -> str:
    """A code without a word of its own is shown with spaces."""
    return str(REASONS.get(code) or code.replace("_", " "))
