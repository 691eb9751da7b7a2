import pytest

from rootcoz.domain.account import checked_username, is_reserved, name_key, outside_name
from rootcoz.domain.errors import InvalidInput


@pytest.mark.parametrize("name", ["admin", "Admin", "ADMIN", " admin ", "\uff41dmin"])
def test_admin_is_reserved_however_it_is_written(name: str) -> None:
    assert is_reserved(name)
    assert outside_name(name) == ""


@pytest.mark.parametrize("name", ["administrator", "admin2", "", "release-admin"])
def test_other_names_are_not_reserved(name: str) -> None:
    assert not is_reserved(name)


@pytest.mark.parametrize("name", ["adm\u200bin", "a\nb", "x" * 201, "\x1b[31m", ""])
def test_a_name_that_nobody_could_be_called_is_no_name(name: str) -> None:
    assert outside_name(name) == ""


@pytest.mark.parametrize("name", ["josé", "Ann O'Neill", "x" * 200, "ann@example.com"])
def test_a_name_from_outside_may_be_any_printable_text(name: str) -> None:
    assert outside_name(f" {name} ") == name


@pytest.mark.parametrize("name", ["ab", "release-admin", "a.b_c-d", "0x", "a" * 50])
def test_an_administrator_may_give_names_of_the_documented_kind(name: str) -> None:
    assert checked_username(name) == name


@pytest.mark.parametrize(
    "name", ["", " ", "a", "a" * 51, "-ab", ".ab", "a b", "josé", "a/b", "ab\nc", "AdMin"]
)
def test_an_administrator_may_give_no_other_names(name: str) -> None:
    with pytest.raises(InvalidInput):
        checked_username(name)


def test_names_that_differ_in_case_are_one() -> None:
    assert name_key("Alice ") == name_key("alice") != name_key("alicia")
