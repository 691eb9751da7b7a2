"""Which addresses lead to this machine only."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it. Names other than localhost may lead anywhere."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
