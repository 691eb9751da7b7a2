from rootcoz.kit.sealed import Seal


def test_a_digest_tells_a_value_again_and_only_with_the_same_key() -> None:
    digest = Seal("one").digest("rootcoz_value")

    assert digest == Seal("one").digest("rootcoz_value")
    assert digest != Seal("two").digest("rootcoz_value")
    assert digest != Seal("one").digest("rootcoz_valuf")
    assert len(digest) == 64


def test_a_digest_is_made_of_any_bytes_that_a_header_can_hold() -> None:
    assert Seal("one").digest(b"\xff\xfe".decode("utf-8", "surrogateescape"))
