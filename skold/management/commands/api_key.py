"""`manage.py api_key`: API keys issued, rotated, revoked, listed. A secret is printed once."""

import datetime as dt

from django.utils.translation import gettext as _

from skold import services
from skold.control.commands import actor
from skold.management.key_command import KeyCommand, Secret
from skold.models import ApiKey, Client


class Command(KeyCommand):
    help = (
        "Issues, rotates, revokes and lists API keys. The secret is printed once, to the standard "
        "output alone. Example: manage.py api_key rotate 8fJ2kQ0sLm1z --days 14"
    )
    model = ApiKey
    kind = "api-key"

    def issue(self, client: Client, label: str, expires_at: dt.datetime | None) -> Secret:
        issued = services.issue_api_key(
            actor=actor(), client=client, label=label, expires_at=expires_at
        )
        return issued.key, issued.plaintext

    def rotate(self, key: ApiKey, days: int) -> Secret:
        issued = services.rotate_api_key(actor=actor(), key=key, days=days)
        return issued.key, issued.plaintext

    def revoke(self, key: ApiKey) -> ApiKey:
        return services.revoke_api_key(actor=actor(), key=key)

    def unknown(self) -> str:
        return _("There is no API key %(id)s; `manage.py api_key list` shows all.")

    def shown_once(self) -> str:
        return _("Key %(id)s of %(client)s. It opens within a second and is shown this once.")
