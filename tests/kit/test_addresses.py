import pytest

from rootcoz.kit.addresses import LOOPBACK, client_address, is_within, networks

PROXIES = networks(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # nobody trusts this peer
        ("10.1.1.1", "198.51.100.1", "198.51.100.1"),
        ("10.1.1.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),  # the client wrote 1.2.3.4 itself
        ("10.1.1.1", "1.2.3.4, 198.51.100.1, 192.0.2.7", "198.51.100.1"),
        ("10.1.1.1", "1.2.3.4, nonsense", "10.1.1.1"),
        ("10.1.1.1", "1.2.3.4, nonsense, 10.2.2.2", "10.2.2.2"),
        ("10.1.1.1", "", "10.1.1.1"),
        ("2001:db8::1", "2001:0DB9::0:5", "2001:db9::5"),
        ("::ffff:10.1.1.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("testclient", "198.51.100.1", "testclient"),
    ],
)
def test_the_client_is_the_nearest_address_that_is_no_proxy_s(peer: str, forwarded: str, client: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == client


def test_loopback_is_this_machine() -> None:
    assert is_within("127.0.0.1", LOOPBACK)
    assert is_within("::1", LOOPBACK)
    assert is_within("::ffff:127.0.0.1", LOOPBACK)
    assert not is_within("10.0.0.1", LOOPBACK)
    assert not is_within("localhost", LOOPBACK)


def test_a_network_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/99 is no address"):
        networks(["10.0.0.1", "10.0.0.0/99"])
