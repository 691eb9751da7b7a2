import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.support.reviewed_build import analysed_build

from rootcoz.cli.main import main
from rootcoz.domain.finding import Classification
from rootcoz.domain.review import FailureTarget
from rootcoz.features.review import Reviews
from rootcoz.store.engine import APP_FILE, Database


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory with one analysis in which one group was judged."""

    async def judge() -> None:
        job_id = await analysed_build(tmp_path)
        database = await Database.open(tmp_path)
        await Reviews(database).override(
            job_id, FailureTarget("b.one"), Classification.INFRASTRUCTURE, "carol"
        )
        await database.close()

    asyncio.run(judge())
    return tmp_path


def test_little_data_is_said_to_be_little(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["backtest", "--data-dir", str(data_dir)])
    out = capsys.readouterr().out

    assert code == 0
    assert "1 failure groups that people judged" in out
    assert "TOO LITTLE DATA" in out
    assert "`as answered` looks worse than it was" in out
    assert "built-in rules" in out


def test_the_figures_are_there_for_programs(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["backtest", "--data-dir", str(data_dir), "--format", "json"])
    document = json.loads(capsys.readouterr().out)

    assert code == 0
    assert (document["judged"], document["overridden"], document["confirmed"]) == (1, 1, 0)
    assert document["too_little_data"] is True
    assert [one["who"] for one in document["answers"]] == [
        "same failure",
        "similar failure",
        "built-in rules",
        "together",
        "as answered",
    ]


def test_nothing_is_written_to_the_data(data_dir: Path) -> None:
    file = data_dir / APP_FILE
    before = (file.read_bytes(), sorted(data_dir.iterdir()))
    main(["backtest", "--data-dir", str(data_dir)])

    assert (file.read_bytes(), sorted(data_dir.iterdir())) == before


def test_before_anybody_judged_there_is_nothing_to_look_back_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(analysed_build(tmp_path))
    code = main(["backtest", "--data-dir", str(tmp_path)])

    assert code == 0
    assert "Nobody has judged a failure yet" in capsys.readouterr().out


def test_another_version_s_data_is_left_alone(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def age() -> None:
        database = await Database.open(data_dir)
        async with database.write() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '0008'"))
        await database.close()

    asyncio.run(age())
    code = main(["backtest", "--data-dir", str(data_dir)])

    assert code == 2
    assert "start the server of this version once" in capsys.readouterr().err
