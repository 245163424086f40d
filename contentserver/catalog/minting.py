"""Many signed URLs at once, for a client that has no signing key of its own or does not want one.

What is handed out is what the gate would accept now: each wish is decided as the URL itself will
be. Keys of clients that we hold are made when first needed and exist only wrapped.
"""

import datetime as dt
import time
from dataclasses import dataclass
from urllib.parse import quote

from django.conf import settings

from contentserver.catalog.links import obtain_key, wait_for_gate
from contentserver.store.address import Version
from skold.control import parts
from skold.gate import Decision, Principal
from skold.principals import EndUserKnown
from skold.urls import decode_wrapped, sign_url, unwrap_url_key

ACTIONS = {"GET": "read", "HEAD": "read", "PUT": "write", "DELETE": "delete"}
USUAL_LIFETIME = 300  # seconds


@dataclass(frozen=True, slots=True)
class Wish:
    """One URL. `lifetime` in seconds; `subject` is the end user it names."""

    collection: str
    key: str
    method: str = "GET"
    lifetime: int = USUAL_LIFETIME
    subject: str | None = None
    disposition: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Minted:
    """`expires` is epoch seconds."""

    url: str
    expires: int


def decide(client: str, wish: Wish, now: float) -> Decision:
    """As the data plane will decide on the URL: by the grants to sign and to do, the collection's
    lifetime, and what it asks of end users. Raises what the gate raises.
    """
    known: EndUserKnown | None = None if wish.subject is None else "signed_url"
    signed = Principal(
        client=client,
        credential="not signed yet",
        credential_kind="signed_url",
        end_user=wish.subject,
        end_user_known=known,
        expires=int(now) + wish.lifetime,
    )
    year = None if wish.version is None else Version.parse(wish.version).year
    return parts.gate().decide(
        signed, ACTIONS[wish.method], wish.collection, wish.key, year, year_follows=year is None
    )


def mint(*, actor: str, client: str, address: str, wishes: list[Wish]) -> list[Minted]:
    """Absolute URLs in the order of `wishes`, accepted by our own gate. Raises NotAcceptedError,
    UrlKeyUnusable.
    """
    now = int(time.time())
    last = dt.datetime.fromtimestamp(now + max(wish.lifetime for wish in wishes), dt.UTC)
    key, fresh = obtain_key(actor, client, last)
    secret = unwrap_url_key(parts.url_keys()[key.wrapping], key.pk, decode_wrapped(key.wrapped))
    signed = [_sign(secret, key.pk, wish, now) for wish in wishes]
    wait_for_gate(signed[0], address, fresh=fresh, method=wishes[0].method)
    found = zip(signed, wishes, strict=True)
    return [Minted(settings.CONFIG.public_url + url, now + wish.lifetime) for url, wish in found]


def _sign(secret: bytes, kid: str, wish: Wish, now: int) -> str:
    return sign_url(
        secret,
        kid,
        wish.method,
        f"/v1/content/{wish.collection}/{quote(wish.key, safe='/')}",
        expires=now + wish.lifetime,
        subject=wish.subject,
        disposition=wish.disposition,
        parameters=[] if wish.version is None else [("version", wish.version)],
    )
