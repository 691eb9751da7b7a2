import asyncio
import base64
import logging
import os
import shutil
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.git_server import (
    CommandLineWatch,
    GitServer,
    Repository,
    git_server,
    self_signed_certificate,
)

from rootcoz.domain.errors import InvalidInput, OutsideError, Refused, Unavailable
from rootcoz.workspace.addresses import RepositorySpec, repository
from rootcoz.workspace.git import GitRun
from rootcoz.workspace.repositories import ClonedRepository, _Target, _within_size, clone

TOKEN = "s3cr3t-t0ken-of-the-tests"  # noqa: S105 - made up
FORMS_OF_TOKEN = (TOKEN, base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode())
PATH_ONLY = {"PATH": os.environ["PATH"]}


def test_git_is_here() -> None:
    assert shutil.which("git"), "the tests of the workspace need the program git"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def made(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Repository o/r: two commits on main, a branch with a slash, tags with and without a message."""
    made = Repository(root, "o/r", tmp_path_factory.mktemp("work"))
    made.commit({"a.txt": "one\n"}, "first")
    made.git("tag", "v1")
    made.git("tag", "--annotate", "--message=two", "20240115")
    made.git("checkout", "--quiet", "-b", "feature/x")
    made.commit({"b.txt": "branch\n"}, "on a branch")
    made.git("push", "--quiet", "origin", "feature/x:refs/pull/7/head")
    made.git("checkout", "--quiet", "main")
    made.commit({"a.txt": "two\n"}, "second")
    return made


@pytest.fixture(scope="module")
def served(root: Path, made: Repository) -> Iterator[GitServer]:
    with git_server(root) as running:
        yield running


@pytest.fixture
def server(served: GitServer) -> GitServer:
    served.seen.clear()
    return served


@pytest.fixture(scope="module")
def guarded(root: Path, made: Repository) -> Iterator[GitServer]:
    with git_server(root, token=TOKEN) as running:
        yield running


@pytest.fixture
def hostile(root: Path, tmp_path: Path) -> Repository:
    """Repository h/<name of the test's folder>, empty, for one test to fill."""
    return Repository(root, f"h/{tmp_path.name}", tmp_path / "work")


def address(server: GitServer, repository: Repository) -> str:
    return f"{server.url}/h/{repository.bare.name}"


async def cloned(
    spec: RepositorySpec, target: Path, *, depth: int = 1, timeout_s: float = 30, max_bytes: int = 50_000_000
) -> ClonedRepository:
    return await clone(
        spec, target, depth=depth, timeout_s=timeout_s, max_bytes=max_bytes, environment=PATH_ONLY
    )


def holds(folder: Path, words: tuple[str, ...]) -> list[Path]:
    """Files below the folder that hold one of the words."""
    return [
        file
        for file in folder.rglob("*")
        if file.is_file() and any(word.encode() in file.read_bytes() for word in words)
    ]


# --- what is checked out -------------------------------------------------------------------------


async def test_the_default_branch_is_cloned_without_a_ref(
    server: GitServer, made: Repository, tmp_path: Path
) -> None:
    done = await cloned(repository("tests", f"{server.url}/o/r.git"), tmp_path / "clone")

    assert (done.ref, done.commit) == ("main", made.git("rev-parse", "main"))
    assert (tmp_path / "clone" / "a.txt").read_text() == "two\n"


@pytest.mark.parametrize("ref", ["feature/x", "refs/heads/feature/x"])
async def test_a_branch_with_a_slash_is_cloned(
    server: GitServer, made: Repository, tmp_path: Path, ref: str
) -> None:
    done = await cloned(repository("tests", f"{server.url}/o/r.git:{ref}"), tmp_path / "clone")

    assert (done.ref, done.commit) == ("feature/x", made.git("rev-parse", "feature/x"))


@pytest.mark.parametrize("tag", ["v1", "20240115"])
async def test_a_tag_is_cloned_even_if_it_looks_like_a_commit(
    server: GitServer, made: Repository, tmp_path: Path, tag: str
) -> None:
    done = await cloned(repository("tests", f"{server.url}/o/r.git:{tag}"), tmp_path / "clone")

    assert (done.ref, done.commit) == (tag, made.git("rev-parse", f"{tag}^{{commit}}"))


async def test_a_full_commit_is_fetched_alone(server: GitServer, made: Repository, tmp_path: Path) -> None:
    first = made.git("rev-parse", "main~1")
    done = await cloned(repository("tests", f"{server.url}/o/r.git", ref=first), tmp_path / "clone")

    assert (done.ref, done.commit) == (None, first)
    assert (tmp_path / "clone" / ".git" / "shallow").exists()


@pytest.mark.parametrize("length", [7, 12, 39])
async def test_an_abbreviated_commit_is_found_in_the_whole_history(
    server: GitServer, made: Repository, tmp_path: Path, length: int
) -> None:
    first = made.git("rev-parse", "main~1")
    done = await cloned(repository("tests", f"{server.url}/o/r.git", ref=first[:length]), tmp_path / "clone")

    assert (done.ref, done.commit) == (None, first)
    assert (tmp_path / "clone" / "a.txt").read_text() == "one\n"


async def test_a_ref_outside_branches_and_tags_is_fetched(
    server: GitServer, made: Repository, tmp_path: Path
) -> None:
    done = await cloned(
        repository("tests", f"{server.url}/o/r.git", ref="refs/pull/7/head"), tmp_path / "clone"
    )

    assert (done.ref, done.commit) == ("refs/pull/7/head", made.git("rev-parse", "feature/x"))


async def test_the_depth_bounds_the_history(server: GitServer, made: Repository, tmp_path: Path) -> None:
    await cloned(repository("tests", f"{server.url}/o/r.git"), tmp_path / "clone", depth=1)
    shutil.copytree(tmp_path / "clone" / ".git", tmp_path / "copy")
    count = made.git(f"--git-dir={tmp_path / 'copy'}", "rev-list", "--count", "HEAD")

    assert count == "1"


async def test_the_size_is_reported(server: GitServer, tmp_path: Path) -> None:
    done = await cloned(repository("tests", f"{server.url}/o/r.git"), tmp_path / "clone")
    files = [file for file in (tmp_path / "clone").rglob("*") if file.is_file()]

    assert done.size.files == len(files)
    assert done.size.total_bytes == sum(file.stat().st_size for file in files)


# --- secrets -------------------------------------------------------------------------------------


async def test_the_token_opens_a_guarded_repository(guarded: GitServer, tmp_path: Path) -> None:
    done = await cloned(repository("tests", f"{guarded.url}/o/r.git", token=TOKEN), tmp_path / "clone")

    assert done.ref == "main"


async def test_a_credential_of_the_url_is_used_and_not_kept(guarded: GitServer, tmp_path: Path) -> None:
    address = f"{guarded.url}/o/r.git:main".replace("//", f"//somebody:{TOKEN}@")
    await cloned(repository("tests", address), tmp_path / "clone")
    words = (TOKEN, base64.b64encode(f"somebody:{TOKEN}".encode()).decode())

    assert holds(tmp_path / "clone", words) == []


@pytest.mark.parametrize("ref", ["main", "feature/x", "HEAD~commit", "short"])
async def test_the_token_is_in_no_file_and_no_process_arguments(
    guarded: GitServer, made: Repository, tmp_path: Path, ref: str, caplog: pytest.LogCaptureFixture
) -> None:
    first = made.git("rev-parse", "main~1")
    wanted = {"HEAD~commit": first, "short": first[:9]}.get(ref, ref)
    caplog.set_level(logging.DEBUG)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with CommandLineWatch() as watch:
        await clone(
            repository("tests", f"{guarded.url}/o/r.git", ref=wanted, token=TOKEN),
            tmp_path / "clone",
            depth=1,
            timeout_s=30,
            max_bytes=50_000_000,
            environment=PATH_ONLY,
            scratch=scratch,
        )

    assert any("remote-http" in line for line in watch.seen), "the watch saw nothing of git"
    assert [line for line in watch.seen if any(form in line for form in FORMS_OF_TOKEN)] == []
    assert holds(tmp_path / "clone", FORMS_OF_TOKEN) == []
    assert list(scratch.iterdir()) == []
    assert not any(form in caplog.text for form in FORMS_OF_TOKEN)


async def test_the_token_is_in_no_error(guarded: GitServer, tmp_path: Path) -> None:
    wrong = "wr0ng-t0ken"
    forms = (wrong, base64.b64encode(f"x-access-token:{wrong}".encode()).decode())
    texts = []
    for path in ("o/r.git", "o/nothing.git", "login/o/r.git", "sign-in/o/r.git", "broken/o/r.git"):
        with pytest.raises(OutsideError) as caught:
            await cloned(repository("tests", f"{guarded.url}/{path}", token=wrong), tmp_path / "clone")
        texts.append("".join(traceback.format_exception(caught.value)))

    assert not any(form in text for form in forms for text in texts)


def test_a_specification_does_not_show_its_token() -> None:
    assert TOKEN not in repr(repository("tests", "https://host/o/r", token=TOKEN))


async def test_a_token_without_encryption_is_noted(guarded: GitServer, tmp_path: Path) -> None:
    done = await cloned(repository("tests", f"{guarded.url}/o/r.git", token=TOKEN), tmp_path / "clone")

    assert [note for note in done.notes if "without encryption" in note]


# --- servers that say no -------------------------------------------------------------------------


async def test_a_missing_token_is_asked_for(guarded: GitServer, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="the server wants a token"):
        await cloned(repository("tests", f"{guarded.url}/o/r.git"), tmp_path / "clone")


async def test_a_wrong_token_is_said_to_be_wrong(guarded: GitServer, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="did not accept the token"):
        await cloned(repository("tests", f"{guarded.url}/o/r.git", token=TOKEN[1:]), tmp_path / "clone")


async def test_a_missing_repository_is_said_to_be_missing(server: GitServer, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no such repository"):
        await cloned(repository("tests", f"{server.url}/o/nothing.git"), tmp_path / "clone")


@pytest.mark.parametrize("ref", ["nothing", "feature", "f" * 7, "f" * 40, "refs/pull/1/head"])
async def test_a_missing_ref_is_named(server: GitServer, tmp_path: Path, ref: str) -> None:
    with pytest.raises(Refused, match=f"no branch, tag or commit `{ref}`"):
        await cloned(repository("tests", f"{server.url}/o/r.git", ref=ref), tmp_path / "clone")


@pytest.mark.parametrize("ref", [None, "main", "refs/pull/7/head", "f" * 7, "f" * 40])
async def test_a_web_page_is_no_repository_and_named_as_the_likely_reason(
    server: GitServer, tmp_path: Path, ref: str | None
) -> None:
    with pytest.raises(Refused, match="a login page or another web page answered"):
        await cloned(repository("tests", f"{server.url}/login/o/r.git", ref=ref), tmp_path / "clone")

    assert not (tmp_path / "clone").exists()


async def test_an_empty_repository_is_refused(server: GitServer, root: Path, tmp_path: Path) -> None:
    Repository(root, "o/empty", tmp_path / "empty")
    with pytest.raises(Refused, match="the repository is empty"):
        await cloned(repository("tests", f"{server.url}/o/empty.git"), tmp_path / "clone")


async def test_a_broken_server_may_be_asked_again(server: GitServer, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="503"):
        await cloned(repository("tests", f"{server.url}/broken/o/r.git"), tmp_path / "clone")


async def test_a_server_that_is_not_there_may_be_asked_again(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="connect"):
        await cloned(repository("tests", "http://127.0.0.1:1/o/r.git"), tmp_path / "clone")


async def test_a_silent_server_is_given_up_in_time(server: GitServer, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"within 0\.5 seconds") as caught:
        await cloned(repository("tests", f"{server.url}/slow/o/r.git"), tmp_path / "clone", timeout_s=0.5)

    assert caught.value.timed_out
    assert not (tmp_path / "clone").exists()


async def test_a_missing_git_is_said_to_be_missing(server: GitServer, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="`git` is missing"):
        await clone(
            repository("tests", f"{server.url}/o/r.git"),
            tmp_path / "clone",
            depth=1,
            timeout_s=5,
            max_bytes=1_000_000,
            environment={"PATH": str(tmp_path)},
        )


async def test_an_untrusted_certificate_is_refused(root: Path, made: Repository, tmp_path: Path) -> None:
    with (
        git_server(root, certificate=self_signed_certificate(tmp_path)) as server,
        pytest.raises(Refused, match="certificate is not trusted"),
    ):
        await cloned(repository("tests", f"{server.url}/o/r.git"), tmp_path / "clone")


async def test_a_certificate_of_ssl_cert_file_is_trusted(
    root: Path, made: Repository, tmp_path: Path
) -> None:
    certificate = self_signed_certificate(tmp_path)
    with git_server(root, certificate=certificate) as server:
        done = await clone(
            repository("tests", f"{server.url}/o/r.git"),
            tmp_path / "clone",
            depth=1,
            timeout_s=30,
            max_bytes=1_000_000,
            environment=PATH_ONLY | {"SSL_CERT_FILE": str(certificate)},
        )

    assert done.ref == "main"


# --- redirects -----------------------------------------------------------------------------------


async def test_a_repository_that_moved_on_the_same_server_is_found(
    guarded: GitServer, tmp_path: Path
) -> None:
    done = await cloned(repository("tests", f"{guarded.url}/moved/o/r.git", token=TOKEN), tmp_path / "clone")

    assert done.url == f"{guarded.url}/o/r.git"
    assert [note for note in done.notes if "has moved" in note]


async def test_another_server_is_named_and_never_asked(
    guarded: GitServer, root: Path, tmp_path: Path
) -> None:
    with git_server(root) as other:
        guarded.elsewhere = other.url
        with pytest.raises(Refused, match=f"redirects to another server, {other.url}"):
            await cloned(
                repository("tests", f"{guarded.url}/elsewhere/o/r.git", token=TOKEN), tmp_path / "clone"
            )

    assert other.seen == []


async def test_a_redirect_to_a_login_is_recognised(server: GitServer, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="probably to its login"):
        await cloned(repository("tests", f"{server.url}/sign-in/o/r.git"), tmp_path / "clone")


# --- hostile repositories ------------------------------------------------------------------------


async def test_links_become_plain_files(server: GitServer, hostile: Repository, tmp_path: Path) -> None:
    (hostile.folder / "out").symlink_to("/etc/passwd")
    (hostile.folder / "up").symlink_to("../..")
    hostile.commit({})
    await cloned(repository("tests", address(server, hostile)), tmp_path / "clone")

    assert [path for path in (tmp_path / "clone").rglob("*") if path.is_symlink()] == []
    assert (tmp_path / "clone" / "out").read_text() == "/etc/passwd"


async def test_nothing_of_the_repository_runs(server: GitServer, hostile: Repository, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    hostile.commit(
        {
            ".gitattributes": "*.txt filter=evil diff=evil merge=evil\n*.bin filter=lfs\n",
            ".gitconfig": f"[filter 'evil']\n\tsmudge = touch {mark}\n",
            ".githooks/post-checkout": f"#!/bin/sh\ntouch {mark}\n",
            "large.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            ".gitmodules": f"[submodule 'x']\n\tpath = x\n\turl = {server.url}/o/r.git\n\tupdate = !touch {mark}\n",
        }
    )
    await cloned(repository("tests", address(server, hostile)), tmp_path / "clone")

    assert not mark.exists()
    assert not (tmp_path / "clone" / ".git" / "hooks").exists()
    assert (tmp_path / "clone" / "large.bin").read_text().startswith("version")


async def test_a_repository_that_unpacks_too_big_is_ended(
    server: GitServer, hostile: Repository, tmp_path: Path
) -> None:
    hostile.commit({"zeros": bytes(30_000_000)})
    with pytest.raises(Refused, match="larger than the limit of 5 MB"):
        await cloned(repository("tests", address(server, hostile)), tmp_path / "clone", max_bytes=5_000_000)

    assert not (tmp_path / "clone").exists()


async def test_work_on_a_folder_that_outgrows_its_limit_is_stopped(tmp_path: Path) -> None:
    stopped = asyncio.Event()

    async def work() -> GitRun:
        (tmp_path / "growing").write_bytes(bytes(2_000))
        try:
            forever: asyncio.Future[GitRun] = asyncio.get_running_loop().create_future()
            return await forever
        finally:
            stopped.set()

    target = _Target(tmp_path, max_bytes=1_000, max_files=10)
    with pytest.raises(Refused, match="larger than the limit"):
        await _within_size(work(), RepositorySpec("tests", "https://host/o/r"), target)

    assert stopped.is_set()


async def test_a_tree_that_holds_itself_many_times_is_never_checked_out(
    server: GitServer, hostile: Repository, tmp_path: Path
) -> None:
    # One small tree that holds itself a hundred times, five levels deep: 10^10 files if nobody stops it.
    blob = hostile.git("hash-object", "-w", "/dev/null")
    tree = blob
    kind = "100644 blob"
    for _ in range(5):
        listing = tmp_path / "listing"
        listing.write_text("".join(f"{kind} {tree}\tf{number:03}\n" for number in range(100)))
        tree = hostile.git("-c", f"alias.tree-of=!git mktree < {listing}", "tree-of")
        kind = "040000 tree"
    commit = hostile.git("commit-tree", tree, "-m", "bomb")
    hostile.git("push", "--quiet", "origin", f"{commit}:refs/heads/bomb")
    with pytest.raises(Refused, match="1,000 files"):
        await clone(
            repository("tests", f"{address(server, hostile)}:bomb"),
            tmp_path / "clone",
            depth=1,
            timeout_s=60,
            max_bytes=50_000_000,
            max_files=1_000,
            environment=PATH_ONLY,
        )

    assert not (tmp_path / "clone").exists()


async def test_a_cancelled_clone_leaves_nothing(server: GitServer, tmp_path: Path) -> None:
    task = asyncio.ensure_future(
        cloned(repository("tests", f"{server.url}/slow/o/r.git"), tmp_path / "clone")
    )
    async with asyncio.timeout(20):
        while not any(path.startswith("/slow/") for path, _ in server.seen):  # noqa: ASYNC110 - seen by a thread
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not (tmp_path / "clone").exists()


# --- hostile specifications ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec",
    [
        RepositorySpec("tests", "--upload-pack=touch /tmp/x"),
        RepositorySpec("tests", "file:///etc"),
        RepositorySpec("tests", "ext::sh -c true"),
        RepositorySpec("tests", f"https://{TOKEN}@host/o/r"),
        RepositorySpec("tests", "https://host/o/r", ref="--upload-pack=x"),
        RepositorySpec("tests", "https://host/o/r", ref="a..b"),
    ],
)
async def test_a_specification_that_is_no_plain_one_is_refused(spec: RepositorySpec, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        await cloned(spec, tmp_path / "clone")


async def test_a_folder_with_something_in_it_is_left_alone(server: GitServer, tmp_path: Path) -> None:
    target = tmp_path / "clone"
    target.mkdir()
    (target / "mine").write_text("mine")
    with pytest.raises(InvalidInput, match="not empty"):
        await cloned(repository("tests", f"{server.url}/o/r.git"), target)

    assert (target / "mine").read_text() == "mine"
