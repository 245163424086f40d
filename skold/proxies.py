"""Which peers are our own proxies: only they may say who their caller is.

Pure; shared by both planes. uvicorn believes X-Forwarded-For of the same list.
"""

import ipaddress
from collections.abc import Iterable

from skold.networks import Networks

_MAX_KNOWN = 1_000


class TrustedProxies:
    """Addresses and networks of CONTENTSERVER_TRUSTED_PROXIES.

    `*` lets uvicorn believe X-Forwarded-For of anybody; an identity is never taken from anybody, so
    here it names no one.
    """

    def __init__(self, words: Iterable[str]) -> None:
        """Raises ValueError for a word that is neither an address, a network nor `*`."""
        networks = tuple(ipaddress.ip_network(word) for word in words if word != "*")
        self._networks = Networks(networks, _MAX_KNOWN) if networks else None

    def has(self, peer: str | None) -> bool:
        """Whether the other end of the connection is one of them; one without address is not."""
        return self._networks is not None and peer is not None and self._networks.have(peer)

    def find_caller(self, peer: str, forwarded: str | None) -> str:
        """Whom the request comes from: `peer`, or, if that is one of ours, the last address in
        X-Forwarded-For that is not. What stands further left was written by anybody.
        """
        if forwarded is None or not self.has(peer):
            return peer
        for hop in reversed([word.strip() for word in forwarded.split(",")]):
            if not _is_address(hop):
                return peer
            if not self.has(hop):
                return hop
        return peer


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
