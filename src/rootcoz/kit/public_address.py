"""Whether a name leads to the internet or into a network that outsiders cannot reach.

A server that sends to addresses which its users choose must not become their way to what only the server reaches.
A name may lead elsewhere the next time it is asked for: whoever connects uses the address that was looked at.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

from rootcoz.kit.addresses import Network, is_within

RESOLVE_S = 5.0

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""Addresses that stand for one of IPv4 in their last 32 bits: RFC 6052."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotPublic(Exception):
    """The name leads to an address that is not on the internet."""


async def public_address(host: str, port: int, allowed: Sequence[Network] = ()) -> str:
    """An address of the host, all of whose addresses are on the internet or in `allowed`.

    Raises NotPublic, and OSError for a name that cannot be resolved (TimeoutError within RESOLVE_S among them).
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(RESOLVE_S):
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError as error:  # a label that is empty or too long
            raise OSError(f"{host!r} is no host name") from error
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    if not addresses:
        raise OSError(f"{host!r} has no address")
    for address in addresses:
        if not is_public(address) and not is_within(address, allowed):
            raise NotPublic(host)
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether the address is one of the internet: not private, loopback, link-local, multicast, reserved or unknown."""
    parsed = ipaddress.ip_address(address)
    return all(_is_public(one) for one in (parsed, *_within(parsed)))


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and _embedded(address):
        return True  # what it stands for is looked at itself
    if isinstance(address, ipaddress.IPv6Address) and (
        address.is_site_local or address.sixtofour is not None
    ):
        return False  # 6to4 is given up (RFC 7526), and versions of Python disagree about it
    return address.is_global and not address.is_multicast and not address.is_reserved


def _embedded(address: ipaddress.IPv6Address) -> bool:
    return address.ipv4_mapped is not None or address in _NAT64


def _within(address: Address) -> list[ipaddress.IPv4Address]:
    """Addresses of IPv4 that one of IPv6 leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found = [address.ipv4_mapped] if address.ipv4_mapped is not None else []
    found += address.teredo or ()
    if address in _NAT64:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return found
