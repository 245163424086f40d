"""Which peers are our own proxies: only they may say who their caller is.

Pure; shared by both planes. uvicorn believes X-Forwarded-For of the same list.
"""

import ipaddress
from collections.abc import Iterable

_MAX_KNOWN = 1_000


class TrustedProxies:
    """Addresses and networks of CONTENTSERVER_TRUSTED_PROXIES.

    `*` lets uvicorn believe X-Forwarded-For of anybody; an identity is never taken from anybody, so
    here it names no one.
    """

    def __init__(self, words: Iterable[str]) -> None:
        """Raises ValueError for a word that is neither an address, a network nor `*`."""
        self._networks = tuple(ipaddress.ip_network(word) for word in words if word != "*")
        self._known: dict[str, bool] = {}

    def has(self, peer: str | None) -> bool:
        """Whether the other end of the connection is one of them; one without address is not."""
        if not self._networks or peer is None:
            return False
        answer = self._known.get(peer)
        if answer is None:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            answer = self._known[peer] = self._lies_within(peer)
        return answer

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

    def _lies_within(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
