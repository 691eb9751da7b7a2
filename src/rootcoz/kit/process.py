"""The one way to run another program: bounded in time and memory, and never left behind.

Each run has a watchman of its own (`process_guard.py`), a small process between us and the program. It ends
the program and everything the program started when the time is up, when the awaiting task is cancelled, and
when this process dies, SIGKILL included. Errors:

    ProcessError (an OSError)
    ├── ProgramNotStarted           nothing ran
    │   ├── ProgramMissing          no such file, or not on the PATH of the given environment
    │   ├── ProgramNotExecutable    no right to execute it, or not a program (a script without `#!`)
    │   └── FolderMissing           the working folder does not exist or may not be entered
    └── WatchmanLost                somebody killed the watchman; what could be found of the program was
    killed

Needs an event loop with `add_reader` and `add_writer` (every Unix loop, uvloop too), on any thread.
"""

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from rootcoz.kit import process_guard

OUTPUT_LIMIT = 10_000_000
"""Bytes of standard output that are accepted unless the caller says otherwise."""
ERROR_LIMIT = 64_000
"""Bytes of standard error that are kept unless the caller says otherwise: the last ones."""
PLAIN_VARIABLES = (
    "PATH",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "LC_MESSAGES",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
"""Names of variables that hold no secret and that most programs need. Proxies are not among them: their
addresses may hold a password."""

_READ_SIZE = 65_536
_PATIENCE_S = 8.0
"""Seconds after the grace until a silent watchman counts as stuck. Above the time it tries to kill by
itself."""
_DRAIN_S = 1.0
"""Seconds to wait for the end of the output once nothing of the program is left."""
_INTERPRETER_VARIABLES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""What our own interpreter may need to start as the watchman. The program does not get to see them."""


class ProcessError(OSError):
    """Running a program failed; how the program itself ended is never an error."""


class ProgramNotStarted(ProcessError):
    """Nothing ran."""


class ProgramMissing(ProgramNotStarted):
    """There is no such program."""


class ProgramNotExecutable(ProgramNotStarted):
    """The file is there and cannot be executed."""


class FolderMissing(ProgramNotStarted):
    """The working folder does not exist or may not be entered."""


class WatchmanLost(ProcessError):
    """The process that watches the program was ended by somebody else."""


@dataclass(frozen=True, slots=True)
class Completed:
    """How a program ended. Exactly one of `exit_code` and `signal` is set."""

    exit_code: int | None
    signal: int | None
    """Number of the signal that ended it, ours or another's."""
    stdout: bytes
    stderr: bytes
    stdout_truncated: bool
    """It wrote more than was allowed and was ended for it; `stdout` holds the first bytes."""
    stderr_truncated: bool
    """It wrote more than is kept; `stderr` holds the last bytes."""
    timed_out: bool
    """It was ended because the time was up, whatever its exit code says."""
    duration_s: float


def scrubbed_environment(
    allowed: Iterable[str] = PLAIN_VARIABLES,
    *,
    home: Path,
    tmpdir: Path,
    extra: Mapping[str, str] | None = None,
    source: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Environment of a program that must not see ours: allowed names, then `extra`, then private folders.

    Allowed names that `source` (default: this process's environment) lacks are left out; PATH falls back to
    the system's default. HOME and TMPDIR are always the given ones.
    """
    ours = os.environ if source is None else source
    environment = {"PATH": os.defpath} | {name: ours[name] for name in allowed if name in ours}
    return environment | dict(extra or {}) | {"HOME": str(home), "TMPDIR": str(tmpdir)}


async def run(
    argv: Sequence[str],
    *,
    stdin: bytes = b"",
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float,
    max_output_bytes: int = OUTPUT_LIMIT,
    max_error_bytes: int = ERROR_LIMIT,
    term_grace_s: float = 5.0,
    scratch: Path | None = None,
) -> Completed:
    """Run a program to its end and return what it wrote.

    `argv[0]` without a slash is looked up in `env`'s PATH. The program runs in a session of its own, with
    exactly `env`, and reads `stdin` and then end of file; it may ignore it. Ended (TERM to all of it, KILL
    after `term_grace_s`) is a program that runs for `timeout_s`, one that writes more than
    `max_output_bytes` to its standard output, since a cut answer is of no use, and one whose awaiting task
    is cancelled; cancellation is answered when the program is gone. Of standard error the last
    `max_error_bytes` are kept and nothing is stopped. What a program leaves running when it ends by itself
    is ended too.

    `scratch` is a folder that the caller removes afterwards; should this process die before, the watchman
    does.

    Raises ProcessError's branches as drawn above; ValueError for an empty argv or a NUL character in argv,
    cwd or env, or `=` in a variable's name.
    """
    began = time.monotonic()
    request = _request(argv, cwd, env, term_grace_s, scratch)
    conversation = _Conversation(request, stdin, max_output_bytes, max_error_bytes)
    try:
        await asyncio.wait(
            [conversation.over, conversation.flooded], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
        timed_out = not conversation.over.done() and not conversation.flooded.done()
    finally:
        await conversation.finish(term_grace_s)
    code = conversation.exit_code(argv[0], cwd)
    return Completed(
        exit_code=code if code >= 0 else None,
        signal=-code if code < 0 else None,
        stdout=bytes(conversation.stdout.kept),
        stderr=bytes(conversation.stderr.kept),
        stdout_truncated=conversation.stdout.truncated,
        stderr_truncated=conversation.stderr.truncated,
        timed_out=timed_out,
        duration_s=time.monotonic() - began,
    )


def _request(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str], grace_s: float, scratch: Path | None
) -> process_guard.Request:
    if not argv or not argv[0]:
        raise ValueError("argv names no program")
    request = process_guard.Request(
        os.fsencode(cwd),
        [os.fsencode(word) for word in argv],
        {os.fsencode(name): os.fsencode(value) for name, value in env.items()},
        grace_s,
        os.fsencode(scratch) if scratch else b"",
    )
    given = [request.cwd, request.scratch, *request.arguments]
    words = [*given, *request.environment, *request.environment.values()]
    if any(b"\0" in word for word in words):
        raise ValueError("a NUL character cannot be handed to a program")
    if any(b"=" in name or not name for name in request.environment):
        raise ValueError("a variable's name is empty or holds `=`")
    return request


class _Feed:
    """Writes bytes to a pipe as fast as its reader takes them, then closes it. Nobody reading is no error."""

    def __init__(self, fd: int, data: bytes) -> None:
        self._loop = asyncio.get_running_loop()
        self._fd = fd
        self._rest = memoryview(data)
        os.set_blocking(fd, False)
        if data:
            self._loop.add_writer(fd, self._write)
        else:
            os.close(fd)
            self._fd = -1

    def _write(self) -> None:
        try:
            self._rest = self._rest[os.write(self._fd, self._rest[:_READ_SIZE]) :]
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # EPIPE: the program has closed its end, as it may.
            self.close()
            return
        if not self._rest:
            self.close()

    def close(self) -> None:
        """Give up the rest, if any."""
        if self._fd >= 0:
            self._loop.remove_writer(self._fd)
            os.close(self._fd)
            self._fd = -1


class _Drain:
    """Reads a pipe to its end, hands each piece to `take`, and closes it."""

    def __init__(self, fd: int, take: Callable[[bytes], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._fd = fd
        self._take = take
        self.ended: asyncio.Future[None] = self._loop.create_future()
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self._read)

    def _read(self) -> None:
        try:
            piece = os.read(self._fd, _READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            piece = b""
        if piece:
            self._take(piece)
        else:
            self.close()

    def close(self) -> None:
        """Read no further."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
            self.ended.set_result(None)


class _Head:
    """Keeps the first bytes and says when there were more."""

    def __init__(self, limit: int, flooded: asyncio.Future[None]) -> None:
        self.kept = bytearray()
        self.truncated = False
        self._limit = limit
        self._flooded = flooded

    def take(self, piece: bytes) -> None:
        room = self._limit - len(self.kept)
        self.kept += piece[:room]
        if len(piece) > room and not self.truncated:
            self.truncated = True
            self._flooded.set_result(None)


class _Tail:
    """Keeps the last bytes."""

    def __init__(self, limit: int) -> None:
        self.kept = bytearray()
        self.truncated = False
        self._limit = limit

    def take(self, piece: bytes) -> None:
        self.kept += piece
        excess = len(self.kept) - self._limit
        if excess > 0:
            self.truncated = True
            del self.kept[:excess]


class _Conversation:
    """One watchman, from its start to its end: all callbacks, no tasks, so nothing of it can be cancelled."""

    def __init__(self, request: process_guard.Request, stdin: bytes, max_output: int, max_error: int) -> None:
        loop = asyncio.get_running_loop()
        self.flooded: asyncio.Future[None] = loop.create_future()
        self.stdout = _Head(max_output, self.flooded)
        self.stderr = _Tail(max_error)
        self._report = bytearray()
        try:
            ends = _Ends()
            self._watchman = _start_watchman(ends)
        except OSError as error:
            raise ProgramNotStarted(error.errno, f"cannot start a process: {error.strerror}") from error
        self._control = ends.control
        self._feeds = (_Feed(ends.stdin, stdin), _Feed(ends.request, request.encode()))
        self._drains = (_Drain(ends.stdout, self.stdout.take), _Drain(ends.stderr, self.stderr.take))
        # A copy of the socket's number, so that reading and writing may be closed apart.
        self._hearing = _Drain(os.dup(ends.control.fileno()), self._report.extend)
        self.over = self._hearing.ended
        """Set when the watchman is gone, and with it all that it could end."""

    async def finish(self, grace_s: float) -> None:
        """See the program and its watchman to their end, however often this task is cancelled meanwhile."""
        patience = _Patience()
        if not self.over.done():
            with suppress(OSError):
                self._control.send(b"T")
            await patience.wait([self.over], grace_s + _PATIENCE_S)
        if not self.over.done():
            self._watchman.kill()
            await patience.wait([self.over], _DRAIN_S)
        if self._line(b"X") is None:
            self._kill_the_orphaned()
        await patience.wait([drain.ended for drain in self._drains], _DRAIN_S)
        self._close()
        while self._watchman.poll() is None:
            await patience.sleep(0.002)
        if patience.cancelled:
            raise asyncio.CancelledError

    def _close(self) -> None:
        for end in (*self._feeds, *self._drains, self._hearing):
            end.close()
        self._control.close()

    def _kill_the_orphaned(self) -> None:
        """Kill the session of a program whose watchman was killed; the kernel has killed its leader."""
        started = self._line(b"S")
        if started is None:
            return
        session, since = (int(word) for word in started)
        for row in process_guard.session_members(session, since) if since else ():
            process_guard.send_verified((row.pid, row.start), signal.SIGKILL)

    def _line(self, kind: bytes) -> list[bytes] | None:
        """Words of the watchman's line of that kind, without the kind itself."""
        for line in bytes(self._report).splitlines():
            words = line.split()
            if words and words[0] == kind:
                return words[1:]
        return None

    def exit_code(self, program: str, cwd: Path) -> int:
        """Exit code, or minus the signal's number; raises why there is none."""
        if (ended := self._line(b"X")) is not None:
            return int(ended[0])
        if (complaint := self._line(b"E")) is None:
            raise WatchmanLost(errno.ESRCH, "the process that watches the program was killed", program)
        number = int(complaint[1])
        reason = os.strerror(number)
        if complaint[0] == b"cwd":
            raise FolderMissing(number, reason, str(cwd))
        if number in {errno.ENOENT, errno.ENOTDIR}:
            raise ProgramMissing(number, reason, program)
        if number in {errno.EACCES, errno.EPERM, errno.ENOEXEC}:
            raise ProgramNotExecutable(number, reason, program)
        raise ProgramNotStarted(number, reason, program)


class _Patience:
    """Waits that note a cancellation and go on: bounded, for the moments in which leaving would leak."""

    def __init__(self) -> None:
        self.cancelled = False

    async def wait(self, futures: list[asyncio.Future[None]], limit_s: float) -> None:
        deadline = time.monotonic() + limit_s
        while not all(future.done() for future in futures) and (left := deadline - time.monotonic()) > 0:
            try:
                await asyncio.wait(futures, timeout=left)
            except asyncio.CancelledError:
                self.cancelled = True

    async def sleep(self, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cancelled = True


class _Ends:
    """The pipes between us, the watchman and the program. None is inheritable except by being passed on."""

    def __init__(self) -> None:
        self._ours = ExitStack()
        self._theirs = ExitStack()
        try:
            self.control, self.their_control = socket.socketpair()
            self._ours.callback(self.control.close)
            self._theirs.callback(self.their_control.close)
            self.control.setblocking(False)  # noqa: FBT003 - the signature of the standard library
            self.their_stdin, self.stdin = self._pipe()
            self.their_request, self.request = self._pipe()
            self.their_stdout, self.stdout = self._pipe(we_read=True)
            self.their_stderr, self.stderr = self._pipe(we_read=True)
        except OSError:
            self.close_ours()
            self.close_theirs()
            raise

    def _pipe(self, *, we_read: bool = False) -> tuple[int, int]:
        """A pipe as (their end, our end)."""
        reading, writing = os.pipe()
        theirs, ours = (writing, reading) if we_read else (reading, writing)
        self._ours.callback(os.close, ours)
        self._theirs.callback(os.close, theirs)
        return theirs, ours

    def close_theirs(self) -> None:
        """Close what the watchman has a copy of by now, or will never need."""
        self._theirs.close()

    def close_ours(self) -> None:
        """Close our ends, when nobody will read or write them."""
        self._ours.close()


def _start_watchman(ends: _Ends) -> "subprocess.Popen[bytes]":
    """Start the watchman. Not by asyncio: the socket shows its end without a child watcher or a thread."""
    passed = (ends.their_request, ends.their_control.fileno())
    script = Path(process_guard.__file__)
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and script
            [sys.executable, "-I", "-S", str(script), *(str(fd) for fd in passed)],
            stdin=ends.their_stdin,
            stdout=ends.their_stdout,
            stderr=ends.their_stderr,
            pass_fds=passed,
            cwd="/",
            env={name: os.environ[name] for name in _INTERPRETER_VARIABLES if name in os.environ},
            start_new_session=True,
        )
    except OSError:
        ends.close_ours()
        raise
    finally:
        ends.close_theirs()
