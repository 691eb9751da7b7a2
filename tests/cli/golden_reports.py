"""The reports kept in `golden/`; `python -m tests.cli.golden_reports` writes them anew for a look."""

from collections.abc import Callable
from pathlib import Path

from tests.cli import sample_results
from tests.cli.sample_results import Json, typed

from rootcoz.cli.report.finished import FinishedAnalysis, Page
from rootcoz.cli.report.formats import FORMATS

FOLDER = Path(__file__).parent / "golden"
_NARROW = Page(width=80)
_WIDE_ASCII = Page(width=120, encoding="ascii")
_COLOURED = Page(width=80, color=True)

CASES: dict[str, tuple[Callable[[], Json], str, Page]] = {
    "nightly.80.txt": (sample_results.nightly, "table", _NARROW),
    "nightly.120-ascii.txt": (sample_results.nightly, "table", _WIDE_ASCII),
    "nightly.colour.txt": (sample_results.nightly, "table", _COLOURED),
    "nightly.md": (sample_results.nightly, "markdown", _NARROW),
    "product_bug.80.txt": (sample_results.product_bug, "table", _NARROW),
    "product_bug.md": (sample_results.product_bug, "markdown", _NARROW),
    "debated.80.txt": (sample_results.debated, "table", _NARROW),
    "debated.md": (sample_results.debated, "markdown", _NARROW),
    "all_passed.80.txt": (sample_results.all_passed, "table", _NARROW),
    "run_failed.80.txt": (sample_results.run_failed, "table", _NARROW),
    "hostile.80.txt": (sample_results.hostile, "table", _NARROW),
    "hostile.md": (sample_results.hostile, "markdown", _NARROW),
}


def rendered(name: str) -> bytes:
    make, format_name, page = CASES[name]
    [document] = FORMATS[format_name](FinishedAnalysis(typed(make())), page)
    return document.content


if __name__ == "__main__":
    for case in CASES:
        (FOLDER / case).write_bytes(rendered(case))
