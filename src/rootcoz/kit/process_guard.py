"""The watchman of one program: starts it, and ends all of it when it is told to or orphaned.

`kit/process.py` starts this file by its path with `python -I -S`; it needs the standard library alone. It
holds one end of a socket whose other end only the server has. However the server dies, the kernel closes
that end, and the watchman then ends the program and everything the program started.

    server ── request pipe ──> watchman      the program's arguments, folder and environment, then end of file
    server <── control ──> watchman          server sends `T` (end it); watchman sends the lines below
    server <── 0, 1, 2 ──> program           the program's own; the watchman lets go of them once it runs

    S <pid> <start>    the program runs; its process id and start time (clock ticks since boot, 0 if unknown)
    E <stage> <errno>  it could not be started: `cwd` or `exec`
    X <code>           it ended: the exit code, or minus the signal's number; sent when nothing is left of it

On Linux the watchman is a child subreaper (prctl(2), PR_SET_CHILD_SUBREAPER): descendants that detach
themselves with a double fork and setsid become its children, so "no child left" means "nothing left".
Elsewhere, or without /proc, it can only end the program's process group. A process is never signalled by a
remembered number alone: it must be an unreaped child, or be found below the watchman with the same start
time after a pidfd was opened.
"""

import errno
import os
import select
import signal
import sys
import time
from contextlib import suppress

ORPHAN_GRACE_S = 0.3
"""Seconds between TERM and KILL once the server is gone: whoever restarts it must not meet the old
programs."""
LEFTOVER_GRACE_S = 0.5
"""Seconds between TERM and KILL for what a program left running when it ended by itself."""
GIVE_UP_S = 5.0
"""Seconds of sending KILL before the watchman leaves: a process stuck in the kernel cannot be waited for."""
SWEEP_S = 0.02
"""Seconds between two looks while something is being ended."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

Identity = tuple[int, int]
"""Process id and start time in clock ticks since boot: unlike the id alone, never used twice."""


class ProcessRow:
    """One line of the process table, from /proc/<pid>/stat (proc(5))."""

    __slots__ = ("group", "parent", "pid", "session", "start", "state")

    def __init__(self, pid: int, stat: bytes) -> None:
        # The second field is the command's name in parentheses and may hold anything, parentheses included.
        fields = stat.rpartition(b")")[2].split()
        self.pid = pid
        self.state = fields[0]
        self.parent, self.group, self.session = int(fields[1]), int(fields[2]), int(fields[3])
        self.start = int(fields[19])

    @property
    def is_dead(self) -> bool:
        """Whether it has ended and only waits to be collected."""
        return self.state in {b"Z", b"X", b"x"}


def process_row(pid: int) -> ProcessRow | None:
    """Row of one process; None when there is no such process or no /proc."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:  # noqa: PTH123 - pathlib is slow to import
            return ProcessRow(pid, file.read())
    except (OSError, IndexError, ValueError):
        return None


def process_table() -> list[ProcessRow]:
    """All processes we may see, which come and go while this reads; empty without /proc."""
    try:
        names = os.listdir("/proc")  # noqa: PTH208 - as above
    except OSError:
        return []
    rows = (process_row(int(name)) for name in names if name.isdigit())
    return [row for row in rows if row is not None]


def descendants(root: int) -> list[ProcessRow]:
    """Living processes below `root`, nearest first."""
    children: dict[int, list[ProcessRow]] = {}
    for row in process_table():
        children.setdefault(row.parent, []).append(row)
    found: list[ProcessRow] = []
    parents = [root]
    for parent in parents:
        below = children.pop(parent, [])
        found.extend(below)
        parents.extend(row.pid for row in below)
    return [row for row in found if not row.is_dead]


def session_members(session: int, since: int) -> list[ProcessRow]:
    """Living processes of a session that started at `since` (clock ticks) or later."""
    return [
        row for row in process_table() if row.session == session and row.start >= since and not row.is_dead
    ]


def send_verified(identity: Identity, number: int) -> None:
    """Signal a process only if it still is the one that was seen; quiet when it is gone or not ours."""
    pid, start = identity
    try:
        handle = os.pidfd_open(pid)
    except (AttributeError, OSError) as error:
        if getattr(error, "errno", errno.ENOSYS) != errno.ENOSYS:
            return
        handle = -1  # No pidfd here (before Linux 5.3): a window of microseconds stays open.
    try:
        row = process_row(pid)
        if row is None or row.start != start:
            return
        if handle >= 0:
            signal.pidfd_send_signal(handle, number)
        else:
            os.kill(pid, number)
    except OSError:
        return
    finally:
        if handle >= 0:
            os.close(handle)


def _prctl(option: int, value: int) -> bool:
    """Call prctl(2); False where it does not exist."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        import ctypes  # noqa: PLC0415 - some builds lack it, and then we can do without

        return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


class Request:
    """What to start. On the wire: fields ended by NUL, `<fields> <arguments>` first, the environment last."""

    __slots__ = ("arguments", "cwd", "environment", "grace_s", "scratch")

    def __init__(
        self,
        cwd: bytes,
        arguments: list[bytes],
        environment: dict[bytes, bytes],
        grace_s: float,
        scratch: bytes = b"",
    ) -> None:
        self.cwd = cwd
        self.arguments = arguments
        self.environment = environment
        self.grace_s = grace_s
        self.scratch = scratch
        """Folder to remove when the server is gone and cannot do it; empty for none."""

    def encode(self) -> bytes:
        """The wire form. The caller has made sure that no field holds a NUL."""
        pairs = [name + b"=" + value for name, value in self.environment.items()]
        fields = [repr(self.grace_s).encode(), self.scratch, self.cwd, *self.arguments, *pairs]
        head = f"{len(fields)} {len(self.arguments)}".encode()
        return b"".join(field + b"\0" for field in [head, *fields])

    @classmethod
    def decode(cls, wire: bytes) -> "Request | None":
        """The request, or None when it is cut short because the server died while writing it."""
        head, *fields = wire.split(b"\0")[:-1] or [b"1 1"]
        count, arguments = (int(word) for word in head.split())
        if len(fields) != count:
            return None
        split = 3 + arguments
        pairs = (field.partition(b"=") for field in fields[split:])
        environment = {name: value for name, _, value in pairs}
        return cls(fields[2], fields[3:split], environment, float(fields[0]), fields[1])


def _read_all(fd: int) -> bytes:
    parts = []
    while part := os.read(fd, 65_536):
        parts.append(part)
    os.close(fd)
    return b"".join(parts)


def _become_program(request: Request, complaint: int, parent: int) -> None:
    """Turn this freshly forked child into the program; returns never."""
    stage = b"exec"
    try:
        os.setsid()
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        # Should the watchman be killed alone, the kernel ends at least the program itself.
        if _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) and os.getppid() != parent:
            return
        stage = b"cwd"
        os.chdir(request.cwd)
        stage = b"exec"
        os.execvpe(request.arguments[0], request.arguments, request.environment)  # noqa: S606 - no shell
    except OSError as error:
        os.write(complaint, b"E %b %d\n" % (stage, error.errno or errno.EIO))
    finally:
        os._exit(127)


def _start(request: Request) -> tuple[int, bytes]:
    """Start the program: its process id, and the line that says why it did not start, else empty."""
    heard, complaint = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become_program(request, complaint, parent)
    os.close(complaint)
    line = _read_all(heard)  # Ends when exec closes the other end.
    if line:
        os.waitpid(pid, 0)
    return pid, line


class Watch:
    """Waits for the program's end, for orders, and for the server's death."""

    def __init__(
        self,
        program: int,
        control: int,
        wake: int,
        server: int | None,
        grace_s: float,
        *,
        subreaper: bool,
    ) -> None:
        self._program = program
        self._control = control
        self._wake = wake
        self._grace_s = grace_s
        self._subreaper = subreaper
        self._reaped = False
        self._kill_at: float | None = None
        self.told_to_end = False
        """Set by the signal handlers."""
        self.is_orphaned = False
        self.exit_code = 0
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._poll.register(wake, select.POLLIN)
        self._server = server
        if server is not None:
            self._poll.register(server, select.POLLIN)

    def run(self) -> None:
        """Return once nothing of the program is left, or nothing more can be done about it."""
        while not self._collect():
            now = time.monotonic()
            if self._reaped:
                self._end_within(LEFTOVER_GRACE_S)
            if self._kill_at is not None and now >= self._kill_at:
                if now > self._kill_at + GIVE_UP_S:
                    return
                self._signal_all(signal.SIGKILL)
            self._wait()

    def _wait(self) -> None:
        """Sleep until something happens; while things are being ended, a short while at most."""
        ready = self._poll.poll(None if self._kill_at is None else SWEEP_S * 1000)
        for fd, _ in ready:
            if fd == self._wake:
                os.read(self._wake, 4096)
            elif fd == self._server:
                self._orphaned(fd)
            else:
                self._listen()
        if self.told_to_end:
            self.told_to_end = False
            self._end_within(self._grace_s)

    def _listen(self) -> None:
        """Take the server's order; end of file means that the server is gone."""
        try:
            order = os.read(self._control, 64)
        except OSError:
            order = b""
        if order:
            self._end_within(self._grace_s)
        else:
            self._orphaned(self._control)

    def _orphaned(self, sign: int) -> None:
        """End all soon; `sign` is the file that told us, and has nothing more to tell."""
        self.is_orphaned = True
        self._poll.unregister(sign)
        self._end_within(min(self._grace_s, ORPHAN_GRACE_S))

    def _end_within(self, grace_s: float) -> None:
        """Send TERM unless that was done; KILL follows after the grace, or sooner if so agreed before."""
        deadline = time.monotonic() + grace_s
        if self._kill_at is None:
            self._kill_at = deadline
            self._signal_all(signal.SIGTERM)
        self._kill_at = min(self._kill_at, deadline)

    def _signal_all(self, number: int) -> None:
        # The group's number cannot go to another group while its leader is uncollected or a member lives.
        # Where there is no subreaper we cannot ask whether one lives, and a collected leader's group is a
        # small gamble.
        if not self._reaped or not self._subreaper:
            with suppress(OSError):  # Gone, or on macOS only zombies left (EPERM).
                os.killpg(self._program, number)
        for row in descendants(os.getpid()):
            if self._reaped or row.group != self._program:
                send_verified((row.pid, row.start), number)

    def _collect(self) -> bool:
        """Collect what has ended; True when nothing is left."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return False
                if pid == self._program:
                    self._reaped = True
                    self.exit_code = os.waitstatus_to_exitcode(status)
        except ChildProcessError:
            return self._subreaper or not self._group_lives()

    def _group_lives(self) -> bool:
        try:
            os.killpg(self._program, 0)
        except OSError:
            return False
        return True


def _watch_server() -> int | None:
    """A pidfd of our parent, readable once it has ended.

    The socket alone does not tell when the server has forked and the copy lives on with the server's end of
    it.
    """
    try:
        return os.pidfd_open(os.getppid())
    except (AttributeError, OSError):
        return None


def _let_go_of_standard_streams() -> None:
    """Leave the program's input and output to the program, or their ends would never be seen."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)


def _tell(control: int, line: bytes) -> None:
    with suppress(OSError):  # The server is gone; the end of file on this socket says so too.
        os.write(control, line)


def main(arguments: list[str]) -> None:
    """Serve one request. Arguments: the numbers of the inherited request pipe and control socket."""
    server = _watch_server()
    requested, control = (int(word) for word in arguments)
    os.set_inheritable(requested, False)  # noqa: FBT003 - the signature of the standard library
    os.set_inheritable(control, False)  # noqa: FBT003 - as above
    request = Request.decode(_read_all(requested))
    if request is None:
        return
    wake, waking = os.pipe()
    os.set_blocking(waking, False)
    subreaper = _prctl(_PR_SET_CHILD_SUBREAPER, 1) and bool(process_row(os.getpid()))
    program, complaint = _start(request)
    if complaint:
        _tell(control, complaint)
        return
    _let_go_of_standard_streams()
    watch = Watch(program, control, wake, server, request.grace_s, subreaper=subreaper)

    def end(_number: int, _frame: object) -> None:
        watch.told_to_end = True

    signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    row = process_row(program)
    _tell(control, b"S %d %d\n" % (program, row.start if row else 0))
    watch.run()
    if watch.is_orphaned and request.scratch:
        import shutil  # noqa: PLC0415 - slow to import, and needed after a crash alone

        shutil.rmtree(request.scratch, ignore_errors=True)
    _tell(control, b"X %d\n" % watch.exit_code)


if __name__ == "__main__":
    main(sys.argv[1:])
