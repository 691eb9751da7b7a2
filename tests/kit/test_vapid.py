import pytest

from rootcoz.kit.vapid import new_vapid_keys, read_vapid_keys

KEYS = new_vapid_keys()


def test_a_new_pair_can_be_read_again_with_padding_or_without() -> None:
    assert read_vapid_keys(KEYS.public, KEYS.private) == KEYS
    assert read_vapid_keys(f"{KEYS.public}=", f"{KEYS.private}=") == KEYS


def test_no_two_pairs_are_alike() -> None:
    assert new_vapid_keys() != KEYS


def test_a_pair_does_not_show_its_private_half() -> None:
    assert KEYS.private not in repr(KEYS)


@pytest.mark.parametrize(
    ("public", "private", "words"),
    [
        (new_vapid_keys().public, KEYS.private, "does not belong"),
        ("", KEYS.private, "does not belong"),
        (KEYS.public, "AAAA", "32 bytes"),
        (KEYS.public, "é", "32 bytes"),
        (KEYS.public, "A" * 43, "none of P-256"),
        (KEYS.public, "_" * 43, "none of P-256"),
    ],
    ids=["of another", "missing", "short", "not ascii", "zero", "too large"],
)
def test_what_is_no_pair_is_told(public: str, private: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_vapid_keys(public, private)
