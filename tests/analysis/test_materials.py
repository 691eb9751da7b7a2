"""Claims looked up in the workspace."""

from pathlib import Path

import pytest

from rootcoz.analysis.materials import check_in_workspace
from rootcoz.domain.finding import Classification, Evidence, Finding

LINE = "FATAL: registry.test refused the login"


def lay(root: Path, path: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"begin\n{LINE}\n")


def claim(root: Path, source: str, quote: str = LINE) -> tuple[str, int | None, bool]:
    finding = Finding(Classification.INFRASTRUCTURE, None, "", (Evidence(quote, source),))
    (checked,) = check_in_workspace(finding, root).evidence
    return checked.source, checked.line, checked.verified


def test_a_quotation_is_found_where_it_is_said_to_stand(tmp_path: Path) -> None:
    for place in ("repos/tests/a.txt", "consoles/a.txt", "build-artifacts/a.txt"):
        lay(tmp_path, place)

    for place in ("repos/tests/a.txt", "consoles/a.txt", "build-artifacts/a.txt"):
        assert claim(tmp_path, place) == (place, 2, True)


@pytest.mark.parametrize("folder", ["repos/tests", "consoles", "build-artifacts"])
def test_one_that_stands_elsewhere_gets_its_place(tmp_path: Path, folder: str) -> None:
    lay(tmp_path, f"{folder}/b.txt")

    assert claim(tmp_path, "the console") == (f"{folder}/b.txt", 2, True)


def test_one_that_stands_nowhere_stays_unverified_whatever_folders_there_are(tmp_path: Path) -> None:
    assert claim(tmp_path, "consoles/a.txt") == ("consoles/a.txt", None, False)


def test_the_files_of_a_question_prove_nothing(tmp_path: Path) -> None:
    lay(tmp_path, "group-1/earlier-answer.txt")

    assert not claim(tmp_path, "group-1/earlier-answer.txt")[2]
