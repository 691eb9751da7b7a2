import asyncio
import errno
import gc
import os
import resource
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rootcoz.kit import process, process_guard
from rootcoz.kit.process import (
    Completed,
    FolderMissing,
    ProgramMissing,
    ProgramNotExecutable,
    WatchmanLost,
    run,
    scrubbed_environment,
)

PLAIN = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
SOURCE = Path(process.__file__).parents[2]

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs a subreaper and /proc")

DETACHED = """
    import os, signal, sys, time
    from pathlib import Path
    def note(name):
        Path(name + ".part").write_text(str(os.getpid()))
        os.rename(name + ".part", name)
    # A daemon's way: two forks and a session of its own between them, and deaf to TERM.
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            note("daemon")
            time.sleep(60)
        os._exit(0)
    os.wait()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        note("child")
        time.sleep(60)
    while not (os.path.exists("daemon") and os.path.exists("child")):
        time.sleep(0.005)
    note("program")
"""
"""Leaves a child in its group and a daemon outside of it; the names are files that hold their process ids."""


def python(folder: Path, text: str) -> list[str]:
    """Arguments that start a program made of `text`."""
    script = folder / "program.py"
    script.write_text(textwrap.dedent(text))
    return [sys.executable, "-I", "-S", str(script)]


def shell(text: str) -> list[str]:
    return ["/bin/sh", "-c", text]


async def eventually(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.01)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    row = process_guard.process_row(pid)
    return row is None or not row.is_dead


def pid_in(file: Path) -> int:
    return int(file.read_text())


def our_children() -> set[int]:
    """Processes that this one has started and not collected, zombies included."""
    return {row.pid for row in process_guard.process_table() if row.parent == os.getpid()}


def open_files() -> set[str]:
    return {entry.name for entry in Path("/dev/fd").iterdir()}


async def test_the_output_the_errors_and_the_exit_code_come_back(tmp_path: Path) -> None:
    ended = await run(
        shell("cat; echo oops >&2; exit 3"), stdin=b"question", cwd=tmp_path, env=PLAIN, timeout_s=10
    )

    assert (ended.exit_code, ended.signal, ended.stdout, ended.stderr) == (3, None, b"question", b"oops\n")
    assert [ended.timed_out, ended.stdout_truncated, ended.stderr_truncated] == [False] * 3


async def test_a_program_killed_by_a_signal_says_which(tmp_path: Path) -> None:
    ended = await run(shell("kill -HUP $$"), cwd=tmp_path, env=PLAIN, timeout_s=10)

    assert (ended.exit_code, ended.signal) == (None, signal.SIGHUP)


async def test_arguments_arrive_as_given(tmp_path: Path) -> None:
    words = ["", "two words", "--flag=é", "$HOME", "line\nbreak", "\udcff"]
    argv = [
        *python(
            tmp_path, "import os, sys; sys.stdout.buffer.write(b'|'.join(map(os.fsencode, sys.argv[1:])))"
        )
    ]

    ended = await run([*argv, *words], cwd=tmp_path, env=PLAIN, timeout_s=10)

    assert ended.stdout == b"|".join(os.fsencode(word) for word in words)


async def test_the_program_runs_in_its_folder_and_its_own_session(tmp_path: Path) -> None:
    argv = python(tmp_path, "import os; print(os.listdir(), os.getsid(0) == os.getpgid(0) == os.getpid())")

    ended = await run(argv, cwd=tmp_path, env=PLAIN, timeout_s=10)

    assert ended.stdout == b"['program.py'] True\n"


async def test_the_environment_is_exactly_the_given_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_TOKEN", "secret")

    ended = await run(["/usr/bin/env"], cwd=tmp_path, env={"A": "1", "B": "x=y\nz"}, timeout_s=10)

    assert ended.stdout == b"A=1\nB=x=y\nz\n"


@linux_only
async def test_no_process_in_between_shows_the_environment_or_the_arguments(tmp_path: Path) -> None:
    argv = python(tmp_path, "import os; print(open(f'/proc/{os.getppid()}/environ').read(), end='')")
    argv[-1:] = [argv[-1], "argument-canary"]

    ended = await run(argv, cwd=tmp_path, env={"CANARY": "secret"}, timeout_s=10)

    assert ended.exit_code == 0
    assert b"CANARY" not in ended.stdout


async def test_the_program_inherits_its_three_streams_and_no_other_file(tmp_path: Path) -> None:
    os.set_inheritable(reading := os.open(tmp_path, os.O_RDONLY), True)  # noqa: FBT003 - standard library
    argv = python(
        tmp_path, "import os; print([fd for fd in range(3, 256) if os.path.exists(f'/dev/fd/{fd}')])"
    )

    ended = await run(argv, cwd=tmp_path, env=PLAIN, timeout_s=10)
    os.close(reading)

    assert ended.stdout in {b"[]\n", b"[3]\n"}  # 3 would be the one that looks.


# glibc keeps signals 32 and 33 for itself and lets nobody change them, so they stay as our own parent left them.
RESERVED_SIGNALS = 1 << 31 | 1 << 32


@linux_only
async def test_signals_have_their_default_meaning_in_the_program(tmp_path: Path) -> None:
    # cat sets no handlers, so its status is what it was started with.
    ended = await run(["cat", "/proc/self/status"], cwd=tmp_path, env=PLAIN, timeout_s=10)
    masks = dict(line.split(":\t") for line in ended.stdout.decode().splitlines() if line.startswith("Sig"))

    assert int(masks["SigIgn"], 16) & ~RESERVED_SIGNALS == 0
    assert int(masks["SigBlk"], 16) & ~RESERVED_SIGNALS == 0


async def test_a_missing_program_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ProgramMissing) as caught:
        await run(["no-such-program"], cwd=tmp_path, env=PLAIN, timeout_s=10)

    assert caught.value.errno == errno.ENOENT
    assert caught.value.filename == "no-such-program"


async def test_the_program_is_looked_up_in_the_given_path_alone(tmp_path: Path) -> None:
    with pytest.raises(ProgramMissing):
        await run(["cat"], cwd=tmp_path, env={"PATH": str(tmp_path)}, timeout_s=10)


@pytest.mark.parametrize(("text", "mode"), [("#!/bin/sh\n", 0o644), ("no interpreter line\n", 0o755)])
async def test_a_file_that_cannot_be_executed_is_an_error_of_its_own(
    tmp_path: Path, text: str, mode: int
) -> None:
    file = tmp_path / "program"
    file.write_text(text)
    file.chmod(mode)

    with pytest.raises(ProgramNotExecutable):
        await run([str(file)], cwd=tmp_path, env=PLAIN, timeout_s=10)


async def test_a_missing_folder_is_not_mistaken_for_a_missing_program(tmp_path: Path) -> None:
    with pytest.raises(FolderMissing) as caught:
        await run(["cat"], cwd=tmp_path / "gone", env=PLAIN, timeout_s=10)

    assert caught.value.filename == str(tmp_path / "gone")


@pytest.mark.parametrize(
    ("argv", "env"),
    [([], {}), ([""], {}), (["a\0b"], {}), (["a"], {"N\0": ""}), (["a"], {"N=": ""}), (["a"], {"": ""})],
)
async def test_what_cannot_be_handed_to_a_program_is_refused(
    tmp_path: Path, argv: list[str], env: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match=r"argv|NUL|variable"):
        await run(argv, cwd=tmp_path, env=env, timeout_s=10)


async def test_a_flood_on_standard_output_is_cut_and_ended(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    ended = await run(shell("exec yes"), cwd=tmp_path, env=PLAIN, timeout_s=20, max_output_bytes=100_000)

    assert ended.stdout == b"y\n" * 50_000
    assert (ended.stdout_truncated, ended.timed_out, ended.signal) == (True, False, signal.SIGTERM)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32_000


async def test_exactly_the_limit_is_no_flood(tmp_path: Path) -> None:
    ended = await run(shell("printf 12345"), cwd=tmp_path, env=PLAIN, timeout_s=10, max_output_bytes=5)

    assert (ended.stdout, ended.stdout_truncated, ended.exit_code) == (b"12345", False, 0)


async def test_of_the_errors_the_last_bytes_are_kept_and_nothing_is_stopped(tmp_path: Path) -> None:
    argv = python(
        tmp_path, "import os\nfor _ in range(200): os.write(2, b'x' * 9_999 + b'\\n')\nos.write(2, b'end')"
    )

    ended = await run(argv, cwd=tmp_path, env=PLAIN, timeout_s=10, max_error_bytes=10)

    assert (ended.exit_code, ended.stderr, ended.stderr_truncated) == (0, b"xxxxxx\nend", True)


async def test_a_huge_input_that_nobody_reads_does_no_harm(tmp_path: Path) -> None:
    ended = await run(
        shell("sleep 0.1; echo done"), stdin=b"x" * 20_000_000, cwd=tmp_path, env=PLAIN, timeout_s=10
    )

    assert (ended.exit_code, ended.stdout) == (0, b"done\n")


async def test_an_input_closed_early_does_no_harm(tmp_path: Path) -> None:
    ended = await run(
        shell("head -c 3; exec <&-; sleep 0.1; echo done"),
        stdin=b"x" * 20_000_000,
        cwd=tmp_path,
        env=PLAIN,
        timeout_s=10,
    )

    assert (ended.exit_code, ended.stdout) == (0, b"xxxdone\n")


async def test_a_huge_input_arrives_whole_while_output_flows_back(tmp_path: Path) -> None:
    text = bytes(range(256)) * 20_000

    ended = await run(["cat"], stdin=text, cwd=tmp_path, env=PLAIN, timeout_s=20)

    assert ended.stdout == text


async def test_a_program_over_its_time_is_asked_to_end(tmp_path: Path) -> None:
    argv = shell("trap 'echo bye; exit 7' TERM; echo hi; while :; do sleep 0.05; done")

    ended = await run(argv, cwd=tmp_path, env=PLAIN, timeout_s=0.3)

    assert (ended.timed_out, ended.exit_code, ended.stdout) == (True, 7, b"hi\nbye\n")
    assert ended.duration_s < 3


async def test_a_program_deaf_to_term_is_killed_with_all_it_started(tmp_path: Path) -> None:
    argv = python(
        tmp_path,
        DETACHED + "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    while True: time.sleep(60)\n",
    )

    ended = await run(argv, cwd=tmp_path, env=PLAIN, timeout_s=0.7, term_grace_s=0.2)

    assert (ended.timed_out, ended.signal) == (True, signal.SIGKILL)
    assert ended.duration_s < 3
    assert not lives(pid_in(tmp_path / "program"))
    assert not lives(pid_in(tmp_path / "child"))
    if sys.platform == "linux":
        assert not lives(pid_in(tmp_path / "daemon"))


async def test_what_a_program_leaves_behind_is_ended(tmp_path: Path) -> None:
    ended = await run(python(tmp_path, DETACHED), cwd=tmp_path, env=PLAIN, timeout_s=10)

    assert (ended.exit_code, ended.timed_out) == (0, False)
    assert not lives(pid_in(tmp_path / "child"))
    if sys.platform == "linux":
        assert not lives(pid_in(tmp_path / "daemon"))


async def test_a_background_process_that_holds_the_output_does_not_delay_the_end(tmp_path: Path) -> None:
    ended = await run(shell("sleep 60 & echo done"), cwd=tmp_path, env=PLAIN, timeout_s=30)

    assert (ended.exit_code, ended.stdout) == (0, b"done\n")
    assert ended.duration_s < 5


async def test_a_program_that_closes_its_output_is_still_waited_for(tmp_path: Path) -> None:
    argv = shell("exec >&- 2>&-; sleep 0.2; exit 4")

    assert (await run(argv, cwd=tmp_path, env=PLAIN, timeout_s=10)).exit_code == 4


async def test_cancelling_ends_the_program_before_the_cancellation_is_answered(tmp_path: Path) -> None:
    argv = python(tmp_path, DETACHED + "    time.sleep(60)\n")
    task = asyncio.create_task(run(argv, cwd=tmp_path, env=PLAIN, timeout_s=60, term_grace_s=0.2))
    await eventually((tmp_path / "program").exists)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not lives(pid_in(tmp_path / "program"))
    assert not lives(pid_in(tmp_path / "child"))


async def test_cancelling_again_and_again_leaves_nothing_behind(tmp_path: Path) -> None:
    argv = python(
        tmp_path, DETACHED + "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    time.sleep(60)\n"
    )
    before = our_children()
    task = asyncio.create_task(run(argv, cwd=tmp_path, env=PLAIN, timeout_s=60, term_grace_s=0.3))
    await eventually((tmp_path / "program").exists)

    while not task.done():
        task.cancel()
        await asyncio.sleep(0.01)

    assert task.cancelled()
    assert not lives(pid_in(tmp_path / "program"))
    assert our_children() <= before


async def test_cancelling_right_after_the_start_leaves_nothing_behind(tmp_path: Path) -> None:
    before = our_children()
    files = open_files()

    for wait in (0, 0.001, 0.01, 0.02, 0.03):
        task = asyncio.create_task(run(shell("sleep 60"), cwd=tmp_path, env=PLAIN, timeout_s=60))
        await asyncio.sleep(wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert our_children() <= before
    assert open_files() == files


async def test_a_surrounding_time_limit_works_as_for_any_coroutine(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await run(shell("sleep 60"), cwd=tmp_path, env=PLAIN, timeout_s=60)


async def test_fifty_at_once_leave_no_file_and_no_zombie(tmp_path: Path) -> None:
    gc.collect()  # what earlier tests of this process left open is not ours to count
    files = open_files()
    children = our_children()

    ended = await asyncio.gather(
        *(
            run(shell(f"cat; exit {number}"), stdin=b"x" * number, cwd=tmp_path, env=PLAIN, timeout_s=60)
            for number in range(50)
        )
    )
    gc.collect()

    assert [(one.exit_code, len(one.stdout)) for one in ended] == [(n, n) for n in range(50)]
    assert open_files() <= files
    assert our_children() <= children


SERVER = """
    import asyncio, sys
    from pathlib import Path
    sys.path.insert(0, {source!r})
    from rootcoz.kit.process import run
    limits = dict(timeout_s=60, scratch=Path("scratch").resolve())
    asyncio.run(run({argv!r}, cwd=Path({cwd!r}), env={{}}, stdin=b"x" * 5_000_000, **limits))
"""


def start_server(folder: Path, argv: list[str], first: str = "") -> "subprocess.Popen[bytes]":
    """A process like our server that does `first`, runs one program, and may be killed."""
    text = textwrap.dedent(SERVER).format(source=str(SOURCE), argv=argv, cwd=str(folder))
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(first) + text], cwd=folder)


async def test_nothing_outlives_a_server_killed_outright(tmp_path: Path) -> None:
    argv = python(
        tmp_path, DETACHED + "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    time.sleep(60)\n"
    )
    server = start_server(tmp_path, argv)
    await eventually((tmp_path / "program").exists)
    names = ("program", "child", "daemon") if sys.platform == "linux" else ("program", "child")
    pids = [pid_in(tmp_path / name) for name in names]
    started = all(lives(pid) for pid in pids)

    server.kill()
    server.wait()
    await eventually(lambda: not any(lives(pid) for pid in pids), within_s=3)

    assert started


async def test_the_scratch_folder_of_a_killed_server_is_removed_after_the_program(tmp_path: Path) -> None:
    server = start_server(tmp_path, python(tmp_path, DETACHED + "    time.sleep(60)\n"))
    scratch = tmp_path / "scratch"
    (scratch / "home").mkdir(parents=True)
    (scratch / "home" / "token").write_text("x")
    await eventually((tmp_path / "program").exists)

    server.kill()
    server.wait()
    await eventually(lambda: not scratch.exists(), within_s=3)

    assert not lives(pid_in(tmp_path / "program"))


async def test_the_scratch_folder_is_the_callers_while_the_caller_lives(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    await run(shell("sleep 60"), cwd=tmp_path, env=PLAIN, timeout_s=0.2, scratch=scratch)

    assert await asyncio.to_thread(scratch.exists)


@linux_only
async def test_a_fork_of_the_server_that_lives_on_does_not_keep_the_program_alive(tmp_path: Path) -> None:
    argv = python(tmp_path, DETACHED + "    time.sleep(60)\n")
    fork = """
        import os, threading, time
        def fork():
            while not os.path.exists("program"): time.sleep(0.01)
            if os.fork() == 0:
                with open("fork", "w") as file: file.write(str(os.getpid()))
                time.sleep(60)
        threading.Thread(target=fork, daemon=True).start()
    """
    server = start_server(tmp_path, argv, first=fork)
    await eventually(lambda: (tmp_path / "fork").exists() and (tmp_path / "fork").read_text() != "")

    server.kill()
    server.wait()
    await eventually(lambda: not lives(pid_in(tmp_path / "program")), within_s=3)
    fork_lived = lives(pid_in(tmp_path / "fork"))
    os.kill(pid_in(tmp_path / "fork"), signal.SIGKILL)

    assert fork_lived


async def test_a_frozen_program_does_not_outlive_the_server(tmp_path: Path) -> None:
    argv = python(tmp_path, DETACHED + "    os.kill(os.getpid(), signal.SIGSTOP)\n    time.sleep(60)\n")
    server = start_server(tmp_path, argv)
    await eventually((tmp_path / "program").exists)

    server.kill()
    server.wait()

    await eventually(lambda: not lives(pid_in(tmp_path / "program")), within_s=3)


@linux_only
async def test_a_killed_watchman_takes_the_programs_group_with_it(tmp_path: Path) -> None:
    argv = python(tmp_path, DETACHED + "    time.sleep(60)\n")
    task = asyncio.create_task(run(argv, cwd=tmp_path, env=PLAIN, timeout_s=60))
    await eventually((tmp_path / "program").exists)
    row = process_guard.process_row(pid_in(tmp_path / "program"))
    assert row is not None

    os.kill(row.parent, signal.SIGKILL)
    with pytest.raises(WatchmanLost):
        await task

    await eventually(lambda: not lives(row.pid))
    await eventually(lambda: not lives(pid_in(tmp_path / "child")))
    # Known: a daemon outside the program's session is lost with the only process that knew of it.
    os.kill(pid_in(tmp_path / "daemon"), signal.SIGKILL)


@linux_only
async def test_a_watchman_asked_to_end_ends_the_program(tmp_path: Path) -> None:
    argv = python(tmp_path, DETACHED + "    time.sleep(60)\n")
    task = asyncio.create_task(run(argv, cwd=tmp_path, env=PLAIN, timeout_s=60, term_grace_s=0.2))
    await eventually((tmp_path / "program").exists)
    row = process_guard.process_row(pid_in(tmp_path / "program"))
    assert row is not None

    os.kill(row.parent, signal.SIGTERM)
    ended = await task

    assert (ended.signal, ended.timed_out) == (signal.SIGTERM, False)
    assert not lives(pid_in(tmp_path / "daemon"))


def start_bare_watchman(folder: Path, argv: list[str]) -> "tuple[subprocess.Popen[bytes], socket.socket]":
    """A watchman without a subreaper, and the server's end of its control socket."""
    guard = folder / "guard.py"
    text = Path(process_guard.__file__).read_text()
    guard.write_text(text.replace('startswith("linux")', 'startswith("no such system")'))
    words = [os.fsencode(word) for word in argv]
    reading, writing = os.pipe()
    ours, theirs = socket.socketpair()
    with theirs:
        numbers = (reading, theirs.fileno())
        watchman = subprocess.Popen([sys.executable, "-I", "-S", guard, *map(str, numbers)], pass_fds=numbers)
    os.write(writing, process_guard.Request(os.fsencode(folder), words, {}, 0.2).encode())
    os.close(writing)
    os.close(reading)
    return watchman, ours


@linux_only
async def test_without_a_subreaper_the_group_is_still_ended(tmp_path: Path) -> None:
    """What is left on systems other than Linux, tried here by a watchman that may not call prctl."""
    argv = python(
        tmp_path, DETACHED + "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    time.sleep(60)\n"
    )
    watchman, server_end = start_bare_watchman(tmp_path, argv)
    await eventually((tmp_path / "program").exists)

    server_end.close()
    await asyncio.to_thread(watchman.wait, 10)
    os.kill(pid_in(tmp_path / "daemon"), signal.SIGKILL)  # It is out of reach without a subreaper.

    assert not lives(pid_in(tmp_path / "program"))
    assert not lives(pid_in(tmp_path / "child"))


def test_a_number_that_now_names_another_process_is_not_signalled() -> None:
    sleeper = subprocess.Popen(["sleep", "60"])
    row = process_guard.process_row(sleeper.pid)
    if row is None:
        pytest.skip("needs /proc")

    process_guard.send_verified((sleeper.pid, row.start - 1), signal.SIGKILL)
    time.sleep(0.05)
    spared = sleeper.poll() is None
    process_guard.send_verified((sleeper.pid, row.start), signal.SIGKILL)

    assert sleeper.wait(timeout=5) == -signal.SIGKILL
    assert spared


def test_a_command_name_with_parentheses_does_not_confuse_the_process_table() -> None:
    stat = b"42 (a) S 1 (b c) R 7 8 9 " + b" ".join(b"%d" % number for number in range(4, 50))

    row = process_guard.ProcessRow(42, stat)

    assert (row.state, row.parent, row.group, row.session, row.start) == (b"R", 7, 8, 9, 19)


@pytest.mark.parametrize("cut", [0, 1, 2, 4, 8, 15, 29])
def test_a_request_cut_short_is_not_carried_out(cut: int) -> None:
    whole = process_guard.Request(b"/", [b"rm", b"-r", b"/tmp/a/b/c"], {b"A": b"1"}, 1.0).encode()

    assert process_guard.Request.decode(whole[:cut]) is None
    assert process_guard.Request.decode(whole) is not None


def test_a_scrubbed_environment_holds_what_is_allowed_and_private_folders(tmp_path: Path) -> None:
    source = {"PATH": "/bin", "TZ": "UTC", "HOME": "/root", "AWS_SECRET": "x", "TMPDIR": "/tmp/shared"}  # noqa: S108 - not used

    environment = scrubbed_environment(
        ["PATH", "TZ", "LANG", "HOME"],
        home=tmp_path / "home",
        tmpdir=tmp_path / "tmp",
        extra={"MODEL": "m"},
        source=source,
    )

    assert environment == {
        "PATH": "/bin",
        "TZ": "UTC",
        "MODEL": "m",
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
    }


def test_a_scrubbed_environment_takes_nothing_unnamed_from_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_TOKEN", "secret")
    monkeypatch.delenv("PATH")

    environment = scrubbed_environment(home=tmp_path, tmpdir=tmp_path)

    assert "CANARY_TOKEN" not in environment
    assert environment["PATH"] == os.defpath


async def three_runs(folder: Path) -> list[Completed]:
    huge = b"x" * 3_000_000
    return [
        await run(["cat"], stdin=huge, cwd=folder, env=PLAIN, timeout_s=20),
        await run(shell("sleep 60"), cwd=folder, env=PLAIN, timeout_s=0.3),
        await run(shell("exec <&-; echo hi"), stdin=huge, cwd=folder, env=PLAIN, timeout_s=20),
    ]


def test_it_runs_on_uvloop(tmp_path: Path) -> None:
    uvloop = pytest.importorskip("uvloop")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        ended = runner.run(three_runs(tmp_path))

    assert [(len(one.stdout), one.timed_out) for one in ended] == [(3_000_000, False), (0, True), (3, False)]


async def test_it_runs_in_a_loop_off_the_main_thread(tmp_path: Path) -> None:
    ended = await asyncio.to_thread(lambda: asyncio.run(three_runs(tmp_path)))

    assert [(len(one.stdout), one.timed_out) for one in ended] == [(3_000_000, False), (0, True), (3, False)]
