import pytest

from rootcoz.kit.addresses import networks
from rootcoz.kit.public_address import NotPublic, is_public, public_address


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "2606:4700::1111",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ],
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - nobody listens there
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
        "2001:db8::1",
        "2002:808:808::1",
        "2002:a00:1::1",
        "fc00::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_other_addresses_are_not(address: str) -> None:
    assert not is_public(address)


async def test_a_name_of_this_machine_is_refused_unless_it_is_allowed() -> None:
    with pytest.raises(NotPublic):
        await public_address("localhost", 443)
    found = await public_address("localhost", 443, networks(["127.0.0.0/8", "::1"]))

    assert found in {"127.0.0.1", "::1"}


@pytest.mark.parametrize("host", ["no-such-name.invalid", "a..b", "x" * 64, "x" * 300])
async def test_what_is_no_name_leads_nowhere(host: str) -> None:
    with pytest.raises(OSError, match=r".+"):
        await public_address(host, 443)
