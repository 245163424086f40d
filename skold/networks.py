"""Whether an address lies in some networks, asked for every request."""

import ipaddress
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def find_address(text: str) -> Address | None:
    """An IPv4 address that came mapped into IPv6 as itself; None for what is no address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


class Networks:
    """Some networks, with a memory of the addresses that were asked for. `most` bounds it."""

    def __init__(self, networks: Sequence[Network], most: int) -> None:
        self._networks = networks
        self._most = most
        self._known: dict[str, bool] = {}

    def have(self, text: str) -> bool:
        """Whether the address lies in one of them; one that cannot be read is nowhere."""
        answer = self._known.get(text)
        if answer is None:
            if len(self._known) >= self._most:
                self._known.clear()
            answer = self._known[text] = self._lies_within(text)
        return answer

    def _lies_within(self, text: str) -> bool:
        address = find_address(text)
        return address is not None and any(address in network for network in self._networks)
