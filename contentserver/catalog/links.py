"""From a file of the catalog to a signed URL of the data plane.

The control plane sends no bytes. It signs with a key of the caller's own client, so the data plane
judges the reading by that client's grants and records it, under the same names as any other.
"""

import datetime as dt
import time
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from contentserver.catalog.models import Collection, File
from contentserver.store.address import Version
from contentserver.store.errors import BadMetadata
from skold.control import parts
from skold.gate import Principal, RequestFacts
from skold.models import Client, UrlKey
from skold.services import issue_url_key
from skold.urls import DISPOSITIONS, decode_wrapped, sign_url, unwrap_url_key

LIFETIME = 60
"""Seconds; the redirect is followed at once."""
LABEL = "control plane"
KEY_LIFETIME = dt.timedelta(days=90)
ACCEPTED_WITHIN = 3.0
"""Seconds that a new signing key may take into the policy."""
OTHER_READERS = 0.3
"""Seconds after which every process has looked at the policy file again."""


class NotAcceptedError(Exception):
    """The data plane would refuse the URL now: the new signing key is not published (is the bridge
    running?), or the client may not call from there."""


def signed_url(
    *,
    actor: str,
    client: str,
    file: File,
    address: str,
    end_user: str | None = None,
    version: str | None = None,
    disposition: str | None = None,
) -> str:
    """An absolute URL of the file's content that is good for a minute, from network `address`.

    Our own gate has accepted it when it is returned. Raises ValidationError naming the parameter,
    NotAcceptedError, UrlKeyUnusable.
    """
    parameters = [("version", _checked_version(version))] if version is not None else []
    if disposition is not None and disposition not in DISPOSITIONS:
        raise ValidationError({"disposition": _("Write inline or attachment.")})
    key, fresh = obtain_key(actor, client, timezone.now() + dt.timedelta(days=1))
    secret = unwrap_url_key(parts.url_keys()[key.wrapping], key.pk, decode_wrapped(key.wrapped))
    signed = sign_url(
        secret,
        key.pk,
        "GET",
        f"/v1/content/{file.collection}/{quote(file.key, safe='/')}",
        expires=int(time.time()) + _lifetime(file.collection),
        subject=end_user,
        disposition=disposition,
        parameters=parameters,
    )
    wait_for_gate(signed, address, fresh=fresh)
    return str(settings.CONFIG.public_url + signed)


def _checked_version(text: str) -> str:
    try:
        return str(Version.parse(text))
    except BadMetadata as error:
        raise ValidationError({"version": error.reason}) from error


def _lifetime(collection: str) -> int:
    rules = Collection.objects.filter(pk=collection).first()
    return min(LIFETIME, rules.url_lifetime) if rules else LIFETIME


def obtain_key(actor: str, client: str, until: dt.datetime) -> tuple[UrlKey, bool]:
    """A signing key of the client that we hold, good until then at least, and whether it was made
    just now. Clients never see it; one for each, so that revoking it ends what it signed.
    """
    keys = UrlKey.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=until),
        client_id=client,
        label=LABEL,
        revoked_at=None,
    )
    key = keys.order_by("-created_at").first()
    if key is not None:
        return key, False
    issued = issue_url_key(
        actor=actor,
        client=Client.objects.get(pk=client),
        wrapping_keys=parts.url_keys(),
        label=LABEL,
        expires_at=max(until, timezone.now()) + KEY_LIFETIME,
    )
    return issued.key, True


def wait_for_gate(signed: str, address: str, *, fresh: bool, method: str = "GET") -> None:
    """A new key reaches every reader of the policy before the first URL that it signed. Raises
    NotAcceptedError.
    """
    path, _mark, query = signed.partition("?")
    facts = RequestFacts(method, path.encode(), query.encode(), None, None, address)
    deadline = time.monotonic() + ACCEPTED_WITHIN
    while not isinstance(parts.gate().identify(facts), Principal):
        if not fresh or time.monotonic() > deadline:
            raise NotAcceptedError
        time.sleep(0.05)
    if fresh:
        time.sleep(OTHER_READERS)


def redirect_to(url: str) -> HttpResponse:
    """307, so that the method stays; not kept by any cache, as the URL dies soon."""
    headers = {"Location": url, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return HttpResponse(status=307, headers=headers)
