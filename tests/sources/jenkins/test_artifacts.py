from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.support.jenkins_server import JenkinsServer, page, running_jenkins

from rootcoz.sources.jenkins.artifacts import ArtifactLimits, Download, download_artifacts
from rootcoz.sources.jenkins.client import JenkinsAccess, JenkinsClient
from rootcoz.sources.jenkins.names import BuildName

BUILD = BuildName("nightly", 12)
PLENTY = ArtifactLimits(file_bytes=1_000_000, total_bytes=1_000_000)


@pytest.fixture
def jenkins() -> Iterator[JenkinsServer]:
    with running_jenkins() as server:
        yield server


@pytest.fixture
async def client(jenkins: JenkinsServer) -> AsyncIterator[JenkinsClient]:
    async with JenkinsClient(JenkinsAccess(jenkins.url), first_pause_s=0.001) as opened:
        yield opened


def on_disk(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def names(download: Download) -> list[str]:
    return [file.relative_path for file in download.files]


async def test_artifacts_are_written_where_their_paths_say(
    jenkins: JenkinsServer, client: JenkinsClient, tmp_path: Path
) -> None:
    jenkins.artifact(BUILD.path, "logs/e2e.log", b"log")
    jenkins.artifact(BUILD.path, "shots.zip", b"zip")
    download = await download_artifacts(client, BUILD, ["logs/e2e.log", "shots.zip"], tmp_path, PLENTY)

    assert on_disk(tmp_path) == {"logs/e2e.log": b"log", "shots.zip": b"zip"}
    assert [(file.relative_path, file.size) for file in download.files] == [
        ("logs/e2e.log", 3),
        ("shots.zip", 3),
    ]
    assert download.notes == ()


async def test_a_file_over_the_limit_is_noted_and_the_next_one_taken(
    jenkins: JenkinsServer, client: JenkinsClient, tmp_path: Path
) -> None:
    jenkins.artifact(BUILD.path, "core", b"x" * 5000)
    jenkins.artifact(BUILD.path, "a.log", b"log")
    limits = ArtifactLimits(file_bytes=4000, total_bytes=1_000_000)
    download = await download_artifacts(client, BUILD, ["core", "a.log"], tmp_path, limits)

    assert on_disk(tmp_path) == {"a.log": b"log"}
    assert download.notes == (
        "1 artifact did not fit into the 1 MB that artifacts may have (jenkins_artifacts_max_size_mb): core.",
    )


async def test_all_files_together_stay_within_their_limit(
    jenkins: JenkinsServer, client: JenkinsClient, tmp_path: Path
) -> None:
    for name in "abcd":
        jenkins.artifact(BUILD.path, name, b"x" * 400)
    limits = ArtifactLimits(file_bytes=1000, total_bytes=800)
    download = await download_artifacts(client, BUILD, list("abcd"), tmp_path, limits)

    assert names(download) == ["a", "b"]
    assert download.notes == ("2 artifacts not asked for: a limit was reached, or the server fell silent.",)


@pytest.mark.parametrize(
    "path", ["../escape", "/etc/passwd", "a/../../escape", "a//b", "..\\escape", "nul\x00", "n" * 300]
)
async def test_a_path_that_is_not_safe_is_noted_and_not_written(
    jenkins: JenkinsServer, client: JenkinsClient, tmp_path: Path, path: str
) -> None:
    folder = tmp_path / "artifacts"
    jenkins.artifact(BUILD.path, "good", b"g")
    download = await download_artifacts(client, BUILD, [path, "good"], folder, PLENTY)

    assert on_disk(tmp_path) == {"artifacts/good": b"g"}
    assert "cannot be written safely" in download.notes[0]


async def test_a_name_that_is_a_file_and_a_folder_is_noted(
    jenkins: JenkinsServer, client: JenkinsClient, tmp_path: Path
) -> None:
    jenkins.artifact(BUILD.path, "a", b"a")
    jenkins.artifact(BUILD.path, "a/b", b"b")
    download = await download_artifacts(client, BUILD, ["a", "a/b"], tmp_path, PLENTY)

    assert names(download) == ["a"]
    assert "a/b" in download.notes[0]


async def test_a_download_that_fails_does_not_sink_the_others(
    jenkins: JenkinsServer, client: JenkinsClient, tmp_path: Path
) -> None:
    jenkins.artifact(BUILD.path, "good", b"g")
    download = await download_artifacts(client, BUILD, ["gone", "good"], tmp_path, PLENTY)

    assert names(download) == ["good"]
    assert "1 artifact could not be downloaded: gone. The last error: " in download.notes[0]
    assert "status 404" in download.notes[0]


async def test_a_server_that_has_no_answer_is_not_asked_for_every_file(
    jenkins: JenkinsServer, client: JenkinsClient, tmp_path: Path
) -> None:
    paths = [f"f{number}" for number in range(50)]
    for path in paths:
        jenkins.answer(f"{BUILD.path}artifact/{path}", page("oops", 503))
    download = await download_artifacts(client, BUILD, paths, tmp_path, PLENTY)

    assert {seen.path.rpartition("/")[2] for seen in jenkins.requests} == {"f0", "f1", "f2"}
    assert download.notes[1] == "47 artifacts not asked for: a limit was reached, or the server fell silent."
