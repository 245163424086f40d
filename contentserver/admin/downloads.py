"""Downloads by people who are signed in to the admin.

They read as the client `admin`, which is made at the first download with a grant to read every
collection by signed URLs; Django's permission `download_file` says who may. Withdraw the grant, or
disable the client, and nobody can. The data plane records the reading with the person's name.
"""

from django.db import transaction
from django.utils.translation import gettext as _

from contentserver.catalog.links import signed_url
from contentserver.catalog.models import File
from skold.models import Client
from skold.services import create_client, give_grant

CLIENT = "admin"


def download_url(
    *, actor: str, username: str, file: File, address: str, version: str | None = None
) -> str:
    """A signed URL that serves the file as an attachment. Raises as `signed_url`."""
    _obtain_client(actor)
    return signed_url(
        actor=actor,
        client=CLIENT,
        file=file,
        address=address,
        end_user=username,
        version=version,
        disposition="attachment",
    )


def _obtain_client(actor: str) -> None:
    """The client; its grant is given once, so that withdrawing it lasts."""
    if Client.objects.filter(pk=CLIENT).exists():
        return
    with transaction.atomic():
        client = create_client(actor=actor, id=CLIENT, name=_("Downloads from the admin"))
        give_grant(actor=actor, client=client, collection="*", actions=["read", "sign"])
