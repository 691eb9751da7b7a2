from pathlib import Path

import pytest

from rootcoz.kit.sealed import Seal, Unreadable, key_id_of, replace_file

SEALED_ONCE = (
    "01a8c41e8e3d5f05cce1925e6b254b98e31c019c96710b9363dd59f435b7bc8130d3d5"
    "13c19366aa37ff93f8006883d2c29e2d9647"
)


def test_a_digest_tells_a_value_again_and_only_with_the_same_key() -> None:
    digest = Seal("one").digest("rootcoz_value")

    assert digest == Seal("one").digest("rootcoz_value")
    assert digest != Seal("two").digest("rootcoz_value")
    assert digest != Seal("one").digest("rootcoz_valuf")
    assert len(digest) == 64


def test_a_digest_is_made_of_any_bytes_that_a_header_can_hold() -> None:
    assert Seal("one").digest(b"\xff\xfe".decode("utf-8", "surrogateescape"))


def test_a_ring_opens_what_any_of_its_keys_has_sealed_and_seals_with_one() -> None:
    old, new = Seal("one"), Seal("two")
    sealed = old.close(b"value", place="a row")
    new.add("one")

    assert new.open(sealed, place="a row") == b"value"
    assert key_id_of(new.close(b"value", place="a row")) == new.first_id
    assert key_id_of(new.close(b"value", place="a row", key_id=old.key_id)) == old.key_id


def test_a_value_opens_with_its_key_and_in_its_place_only() -> None:
    sealed = Seal("one").close(b"value", place="a row")
    damaged = [sealed[:-1], sealed[:20], sealed[:5], sealed[:3], b"", b"\x02" + sealed[1:], sealed + b"x"]

    with pytest.raises(Unreadable, match="another key"):
        Seal("two").open(sealed, place="a row")
    with pytest.raises(Unreadable, match="elsewhere"):
        Seal("one").open(sealed, place="another row")
    for value in damaged:
        with pytest.raises(Unreadable):
            Seal("one").open(value, place="a row")


def test_a_key_file_is_made_once_for_its_owner_alone_and_is_read_again_when_it_was_replaced(
    tmp_path: Path,
) -> None:
    file = tmp_path / "encryption.key"
    first, second = Seal.from_file(file), Seal.from_file(file)
    replace_file(file, "another secret")
    before = first.knows(Seal("another secret").key_id)
    first.look_again()

    assert first.key_id == second.key_id
    assert not before
    assert first.knows(Seal("another secret").key_id)
    assert first.knows(second.key_id)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["encryption.key"]


def test_digests_stay_the_same_when_the_key_of_values_changes() -> None:
    old, new = Seal("one"), Seal("two")
    new.digest_with(old.digest_key_of(old.key_id))

    assert new.digest("rootcoz_value") == old.digest("rootcoz_value")


def test_what_the_first_version_sealed_is_readable() -> None:
    """A value that a server of that version has stored, sealed with `a secret` for `request_secrets 1`."""
    sealed = bytes.fromhex(SEALED_ONCE)

    assert Seal("a secret").open(sealed, place="request_secrets 1") == b'{"github_token":"t"}'
