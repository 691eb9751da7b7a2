from rootcoz.kit.text_key import text_key


def test_the_key_of_a_text_never_changes() -> None:
    assert text_key("tests.network.TestDNS.test_lookup") == text_key("tests.network.TestDNS.test_lookup")
    assert text_key("") == -3888600598277665768
    assert text_key("child", 7, "test") != text_key("child", 77, "test")


def test_the_same_letters_in_other_parts_have_another_key() -> None:
    assert text_key("ab", "c") != text_key("a", "bc")


def test_half_a_surrogate_pair_is_a_text_like_any_other() -> None:
    assert isinstance(text_key("\ud800"), int)
