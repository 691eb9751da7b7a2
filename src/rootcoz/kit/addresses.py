"""Who is at the other end of a connection when proxies stand between."""

import ipaddress
from collections.abc import Iterable, Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks, as `192.0.2.7` or `10.0.0.0/8`. Raises ValueError that names the wrong one."""
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            raise ValueError(f"{text} is no address or network such as 192.0.2.7 or 10.0.0.0/8") from None
    return tuple(found)


def is_within(address: str, of: Sequence[Network]) -> bool:
    """Whether the address lies in one of the networks; False for what is no address."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in of)


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The nearest address that is no trusted proxy's.

    `forwarded_for` is the value of X-Forwarded-For: each proxy adds the address it was called from at the right end, so
    what a client wrote there itself stands to the left of what the trusted proxies added, and is not reached.
    """
    nearest = _plain(peer)
    for entry in reversed(forwarded_for.split(",")):
        parsed = _parsed(entry.strip())
        if parsed is None or not is_within(nearest, trusted):
            break
        nearest = str(parsed)
    return nearest


def _plain(address: str) -> str:
    parsed = _parsed(address)
    return address if parsed is None else str(parsed)


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        return parsed.ipv4_mapped
    return parsed
