from datetime import UTC, datetime, timedelta, timezone

import pytest

from rootcoz.kit.clock import utc_now, utc_text


def test_a_moment_is_written_in_utc_with_milliseconds_and_z() -> None:
    moment = datetime(2026, 3, 1, 1, 15, 2, 113_999, tzinfo=timezone(timedelta(hours=-6)))

    assert utc_text(moment) == "2026-03-01T07:15:02.113Z"


def test_a_whole_second_has_its_milliseconds_so_that_texts_sort_as_times() -> None:
    assert utc_text(datetime(2026, 3, 1, tzinfo=UTC)) == "2026-03-01T00:00:00.000Z"


def test_now_is_now() -> None:
    age = datetime.now(UTC) - datetime.fromisoformat(utc_now())

    assert timedelta(0) <= age < timedelta(seconds=60)


@pytest.mark.parametrize("second", [datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)])
def test_the_text_fits_the_column_it_is_kept_in(second: datetime) -> None:
    assert len(utc_text(second)) == 24
