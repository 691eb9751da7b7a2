import pytest

from rootcoz.kit.time_bounds import first_moment, last_moment


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-05-31", "2026-05-31T00:00:00.000Z", "2026-05-31T23:59:59.999Z"),
        ("9999-12-31", "9999-12-31T00:00:00.000Z", "9999-12-31T23:59:59.999Z"),
        ("2026-05-31T12:00:00Z", "2026-05-31T12:00:00.000Z", "2026-05-31T12:00:00.999Z"),
        ("2026-05-31T12:00:00.000Z", "2026-05-31T12:00:00.000Z", "2026-05-31T12:00:00.000Z"),
        ("2026-05-31T01:00:00+02:00", "2026-05-30T23:00:00.000Z", "2026-05-30T23:00:00.999Z"),
        ("2026-05-31T01:00:00 02:00", "2026-05-30T23:00:00.000Z", "2026-05-30T23:00:00.999Z"),
        ("2026-05-31 12:00:00", "2026-05-31T12:00:00.000Z", "2026-05-31T12:00:00.999Z"),
        ("2026-05-31T12:00", "2026-05-31T12:00:00.000Z", "2026-05-31T12:00:00.999Z"),
        (" 2026-05-31 ", "2026-05-31T00:00:00.000Z", "2026-05-31T23:59:59.999Z"),
    ],
)
def test_a_date_is_its_whole_day_and_a_moment_itself(text: str, first: str, last: str) -> None:
    assert (first_moment(text), last_moment(text)) == (first, last)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "",
        "2026-13-01",
        "2026-02-30",
        "2026",
        "31.05.2026",
        "0001-01-01T00:00:00+02:00",
        "1e9",
        "9" * 5000,
    ],
)
def test_nonsense_is_refused_with_examples(text: str) -> None:
    for read in (first_moment, last_moment):
        with pytest.raises(ValueError, match="must be a date such as 2026-05-31"):
            read(text)
