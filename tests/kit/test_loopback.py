import pytest

from rootcoz.kit.loopback import is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_addresses_that_only_this_machine_reaches(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",  # noqa: S104 - nothing is bound here
        "::",
        "",
        "192.168.0.1",
        "127.0.0.1.example.com",
        "127.example.com",
        "::ffff:8.8.8.8",
    ],
)
def test_addresses_and_names_that_others_may_reach(host: str) -> None:
    assert not is_loopback(host)
