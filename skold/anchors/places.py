"""The addresses of SKOLD_ANCHORS: which ways a checkpoint may leave by, and what each is called."""

import hashlib
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

WEB, MAIL, STAMP = "https", "mail", "rfc3161"
_KINDS = {
    "https": WEB,
    "http": WEB,
    "mailto": MAIL,
    "rfc3161+https": STAMP,
    "rfc3161+http": STAMP,
}
_MAILBOX = re.compile(r"[^@\s,<>\"?&%]+@([A-Za-z0-9.-]+)")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9.-]")


class AddressInvalidError(ValueError):
    """An address to which no checkpoint can go; the text says why, and repeats no secret."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where checkpoints go. `name` stands in file names, metrics and pages: kind, host and the
    beginning of a hash of the address, so that no mailbox, path or token is told by it."""

    name: str
    kind: str
    address: str
    host: str

    @property
    def url(self) -> str:
        """What HTTP is spoken with; not for mail."""
        return self.address.removeprefix("rfc3161+")


def parse_place(address: str) -> Place:
    """Raises AddressInvalidError."""
    parts = _split(address)
    kind = _KINDS.get(parts.scheme)
    if kind is None:
        raise AddressInvalidError(
            "an anchor's address begins with https://, rfc3161+https:// or mailto:"
        )
    host = _mail_host(parts) if kind == MAIL else _web_host(parts)
    digest = hashlib.sha256(address.encode()).hexdigest()[:6]
    name = f"{kind}-{_NOT_IN_NAMES.sub('-', host.lower())[:80]}-{digest}"
    return Place(name, kind, address, host)


def parse_places(addresses: Sequence[str]) -> tuple[list[Place], list[str]]:
    """The places, each once, and a sentence for every address that names none."""
    places: dict[str, Place] = {}
    wrong = []
    for number, address in enumerate(addresses, 1):
        try:
            place = parse_place(address)
        except AddressInvalidError as error:
            # By its number: what is wrong with an address may be that it holds a password.
            wrong.append(f"SKOLD_ANCHORS, address {number}: {error}")
            continue
        places[place.name] = place
    return list(places.values()), wrong


def is_loopback(host: str) -> bool:
    """Whether what is sent there stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _split(address: str) -> SplitResult:
    if not address.isascii() or not address.isprintable() or " " in address:
        raise AddressInvalidError("an anchor's address is printable ASCII without spaces")
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError as error:
        raise AddressInvalidError("this is no URL") from error
    return parts


def _web_host(parts: SplitResult) -> str:
    if not parts.hostname:
        raise AddressInvalidError("the URL names no host")
    if "@" in parts.netloc or parts.fragment:
        raise AddressInvalidError(
            "a URL holds no user, password or fragment; secrets come from SKOLD_ANCHOR_TOKENS_FILE"
        )
    if parts.scheme.endswith("http") and not is_loopback(parts.hostname):
        raise AddressInvalidError("http:// is for this machine alone; use https://")
    return parts.hostname


def _mail_host(parts: SplitResult) -> str:
    found = _MAILBOX.fullmatch(parts.path)
    if found is None or parts.query or parts.fragment or parts.netloc:
        raise AddressInvalidError("after mailto: stands one mailbox, as in mailto:auditor@host")
    return found[1]
