"""kill -9 of the server at random and at nasty moments, over analyses of a pipeline build, until all is done.

`Rehearsal` brings the outside (a Jenkins, Jira, GitHub, a repository, programs that note what they are asked), starts
the server again after each kill, and writes down what it sees; whoever uses it judges. All is on loopback.
"""

import io
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self
from zlib import crc32

import httpx2
from tests.support import noting_debater
from tests.support.git_server import Repository, git_server
from tests.support.jenkins_server import JenkinsServer, payload, running_jenkins
from tests.support.server import Server, running_server, start_command
from tests.support.tracker_server import Answer, Request, TrackerServer, tracker_server

from rootcoz.kit import process_guard

WORDS = (
    *("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett"),
    *("kilo", "lima", "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango"),
)
GROUPS = len(WORDS)
CALLS = sum(noting_debater.calls(group) for group in range(1, GROUPS + 1)) + GROUPS
"""Questions of one analysis: the debates, and one for each finding about the issues of its tracker."""
CHILDREN = 4
AT_ONCE = 1
"""Analyses that are always under way; those that are sent at the moment of a kill come on top."""
STALLED_S = 120.0
"""Seconds without any trace of progress after which the run is given up. Nothing else here has a time limit."""
LOOK_S = 0.005
_LOOK_AT_ALL_S = 0.1
JOB = "job/team/job/nightly/"

Question = tuple[str, str]
"""Job id and the call's key in the ledger."""


@dataclass(frozen=True, slots=True)
class Noted:
    """One line of the programs' log."""

    event: str
    question: Question
    processes: tuple[tuple[int, int], ...]
    """Process id and start time of the program and of its watchman."""

    @classmethod
    def read(cls, log: str) -> list[Self]:
        """All lines of the log. Questions about issues get their job id from others about the same build."""
        lines = [line.split(maxsplit=7) for line in log.splitlines()]
        jobs = {build: job_id for _, job_id, build, *_ in lines if job_id != "-"}
        return [
            cls(event, (jobs[build], name), ((int(pid), int(since)), (int(watchman), int(its_since))))
            for event, _, build, pid, since, watchman, its_since, name in lines
        ]


@dataclass(frozen=True, slots=True)
class Stand:
    """Where an analysis stood on disk."""

    status: str
    groups_total: int | None
    answers: int
    phases: tuple[str, ...]
    has_result: bool


@dataclass(frozen=True, slots=True)
class OnDisk:
    """The database at one moment."""

    analyses: dict[str, Stand]
    replies: Counter[Question]
    """Answers that were paid for and kept."""

    @property
    def unfinished(self) -> set[str]:
        return {
            job_id for job_id, stand in self.analyses.items() if stand.status not in {"completed", "failed"}
        }

    @property
    def traces(self) -> tuple[int, ...]:
        """Numbers that change with every bit of progress that is on disk."""
        stands = self.analyses.values()
        return (
            self.replies.total(),
            sum(stand.answers for stand in stands),
            sum(len(stand.phases) for stand in stands),
            len(self.analyses),
            len(self.unfinished),
        )


@dataclass(frozen=True, slots=True)
class Kill:
    """What a kill met and left."""

    moment: str
    found: OnDisk
    noted_before: int
    """Lines that the programs had written when the server was dead."""
    outlived_s: float
    """How long the last of its programs and watchmen lived on."""
    was_accepting: bool

    @property
    def hit(self) -> bool:
        """Whether there was work to be interrupted."""
        return bool(self.found.unfinished) or self.was_accepting


@dataclass(slots=True)
class Story:
    """What happened."""

    kills: list[Kill] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    """Job ids of the analyses that the server said yes to."""
    stands: dict[str, list[Stand]] = field(default_factory=dict)
    """What was seen of each analysis on disk, in order, without repetitions."""
    to_health_s: list[float] = field(default_factory=list)
    """From each restart to the first good answer of /health."""
    to_progress_s: list[float] = field(default_factory=list)
    """From each restart that had unfinished work to the first trace of progress."""
    noted: list[Noted] = field(default_factory=list)
    at_end: OnDisk = field(default_factory=lambda: OnDisk({}, Counter()))
    submitted: int = 0
    """Requests that were sent, answered or not."""
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    """GET /results/{job_id} of each analysis at the end."""
    left_files: list[str] = field(default_factory=list)
    """Workspaces, spooled bodies and temporary files after the orderly end."""
    left_processes: list[int] = field(default_factory=list)

    @property
    def unfinished(self) -> list[str]:
        """Analyses that did not get their answer in the end."""
        return [job_id for job_id, stand in self.at_end.analyses.items() if stand.status != "completed"]

    @property
    def hits(self) -> int:
        """Kills that met work."""
        return sum(kill.hit for kill in self.kills)

    @property
    def finished_answers(self) -> int:
        """How often a program ended with an answer."""
        return sum(noted.event == "done" for noted in self.noted)

    @property
    def paid_twice(self) -> list[Question]:
        """Questions that were asked although the answer was on disk."""
        again = []
        for kill in self.kills:
            again += [
                noted.question
                for noted in self.noted[kill.noted_before :]
                if noted.event == "start" and noted.question in kill.found.replies
            ]
        return sorted(set(again))

    @property
    def lost_in_flight(self) -> int:
        """Answers that a program had written and the server had not kept when it was killed."""
        kept = Counter(self.at_end.replies)
        return sum(
            max(0, times - kept[question])
            for question, times in Counter(n.question for n in self.noted if n.event == "done").items()
        )

    @property
    def cut_short(self) -> int:
        """Questions whose program was ended before it had answered."""
        events = Counter(noted.event for noted in self.noted)
        return events["start"] - events["done"]


class Rehearsal:
    """The outside, the server and the killing. Use it as a context; `folder` is an empty one for all of it."""

    def __init__(self, folder: Path, *, seed: int, say: Callable[[str], None] = lambda _: None) -> None:
        self.folder = folder
        self.dice = random.Random(seed)  # noqa: S311 - moments are to be repeatable, not secret
        self.say = say
        self.story = Story()
        self._log = folder / "questions.log"
        self._data = folder / "data"
        self._temporary = folder / "tmp"
        self._outside = ExitStack()
        self._moments = _Moments(self)

    def __enter__(self) -> Self:
        self._temporary.mkdir()
        self._log.touch()
        self.jenkins = self._outside.enter_context(running_jenkins("/ci"))
        self.jira = self._outside.enter_context(tracker_server(_RotatingTracker("issues")))
        self.github = self._outside.enter_context(tracker_server(_RotatingTracker("items")))
        Repository(self.folder / "served", "qa/tests", self.folder / "source").commit(
            {"tests/test_shop.py": "def test_shop(): assert False\n"}
        )
        git = self._outside.enter_context(git_server(self.folder / "served"))
        self.jira.say(Answer({"issues": _jira_issues(), "startAt": 0, "total": GROUPS}))
        self.github.say(Answer({"items": _github_issues(f"{self.github.url}/repos/qa/tests")}))
        program = f"{sys.executable} -IS {noting_debater.__file__} {self._log}"
        self.settings = {
            "AI_PROVIDER": "command",
            "AI_MODEL": noting_debater.MAIN,
            "AI_COMMAND": program,
            "PEER_AI_CONFIGS": ",".join(f"command:{peer}" for peer in noting_debater.PEERS),
            "MAX_CONCURRENT_AI_CALLS": "4",
            "JENKINS_URL": self.jenkins.url,
            "JIRA_URL": self.jira.url,
            "JIRA_PAT": "a-personal-access-token",
            "JIRA_PROJECT_KEY": "SHOP",
            "GITHUB_API_URL": self.github.url,
            "TESTS_REPO_URL": f"{git.url}/qa/tests.git",
            "TMPDIR": str(self._temporary),
        }
        return self

    def __exit__(self, *_: object) -> None:
        self._outside.close()

    # --- the run --------------------------------------------------------------------------------------

    def run(self, kills: int) -> Story:
        """Kill until so many kills have met work, then let all analyses end, and end the server in order."""
        while self.story.hits < kills:
            self._live_and_die()
        self._complete()
        return self.story

    def _live_and_die(self) -> None:
        moment = self._moments.next()
        began = time.monotonic()
        if moment == "starting":
            with _started(self.folder, self.settings) as process:
                time.sleep(self.dice.uniform(0, self._start_time()))
                process.kill()
                process.wait()
            self._examine(moment, was_accepting=False)
            return
        with running_server(self.folder, self.settings) as server:
            self._note_health(server, began)
            dead = threading.Event()
            watch = threading.Thread(target=self._watch_for_progress, args=(began, dead))
            watch.start()
            self._top_up(server)
            accepting = self._moments.wait_for(moment, server)
            server.kill()
            dead.set()
            watch.join()
            if accepting is not None:
                accepting.join()
        self._examine(moment, was_accepting=accepting is not None)

    def _examine(self, moment: str, *, was_accepting: bool) -> None:
        """Look at what the kill left, before anybody repairs it."""
        dead_since = time.monotonic()
        noted = self.noted()
        found = self.on_disk(copy=True)
        outlived = self._wait_for_the_end_of({one for line in noted for one in line.processes}, dead_since)
        kill = Kill(moment, found, len(noted), outlived, was_accepting)
        self.story.kills.append(kill)
        self.remember(found)
        self.say(
            f"kill {len(self.story.kills):3} {moment:10} unfinished {len(found.unfinished)} "
            f"answers {found.replies.total():4} {'' if kill.hit else '(met no work)'}"
        )

    def _complete(self) -> None:
        began = time.monotonic()
        with running_server(self.folder, self.settings) as server:
            self._note_health(server, began)
            stalled = _Stall()
            while True:
                found = self.on_disk()
                self.remember(found)
                if not found.unfinished:
                    break
                stalled.check((*found.traces, len(self.noted())))
                time.sleep(0.05)
            for job_id in found.analyses:
                self.story.bodies[job_id] = server.client.get(f"/results/{job_id}").json()
            server.stop()
        self.story.at_end = self.on_disk()
        self.story.noted = self.noted()
        self._wait_for_the_end_of(
            {one for line in self.story.noted for one in line.processes}, time.monotonic()
        )
        self.story.left_processes = list(_processes_about(str(self.folder)))
        self.story.left_files = [
            str(path.relative_to(self.folder))
            for place in (
                self._temporary,
                *(self._data / name for name in ("workspaces", "spool", "scratch")),
            )
            if place.is_dir()
            for path in place.iterdir()
        ]

    # --- looking on ------------------------------------------------------------------------------------

    def noted(self) -> list[Noted]:
        """What the programs have written so far."""
        return Noted.read(self.log_text())

    def log_text(self) -> str:
        """The same as it was written."""
        return self._log.read_text(encoding="utf-8")

    def on_disk(self, *, copy: bool = False) -> OnDisk:
        """What the database holds. `copy`: look at a copy, so that looking repairs nothing; for a dead server."""
        file = self._data / "rootcoz.sqlite3"
        if copy:
            place = self.folder / "copy"
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            for part in self._data.glob("rootcoz.sqlite3*"):
                if not part.name.endswith("-shm"):
                    shutil.copy(part, place)
            file = place / file.name
        if not file.exists():
            return OnDisk({}, Counter())
        # Read only, so that a look at the moment of a kill does not tidy up what the next start should meet.
        mode = "rw" if copy else "ro"
        with closing(sqlite3.connect(f"file:{file}?mode={mode}", uri=True, timeout=30)) as connection:
            return _read(connection)

    def count(self, query: str) -> int:
        """A number of the live database."""
        file = self._data / "rootcoz.sqlite3"
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as connection:
            return int(connection.execute(query).fetchone()[0] or 0)

    def remember(self, found: OnDisk) -> None:
        """Note where each analysis stands if it has moved."""
        for job_id, stand in found.analyses.items():
            seen = self.story.stands.setdefault(job_id, [])
            if not seen or seen[-1] != stand:
                seen.append(stand)

    def _watch_for_progress(self, began: float, dead: threading.Event) -> None:
        """How long after the restart the interrupted work got somewhere."""
        before = self.story.kills[-1] if self.story.kills else None
        if before is None or not before.found.unfinished:
            return
        traces = before.found.traces[:3]
        while not dead.wait(0.02):
            if self.log_text().count("\n") > before.noted_before or self.on_disk().traces[:3] != traces:
                self.story.to_progress_s.append(time.monotonic() - began)
                return

    def _note_health(self, server: Server, began: float) -> None:
        server.client.get("/health").raise_for_status()
        if self.story.kills:
            self.story.to_health_s.append(time.monotonic() - began)

    def _start_time(self) -> float:
        """Seconds that a start has taken here lately."""
        return 1.2 * (self.story.to_health_s[-1] if self.story.to_health_s else 1.0)

    def _wait_for_the_end_of(self, processes: set[tuple[int, int]], since: float) -> float:
        stalled = _Stall()
        while living := [one for one in processes if _lives(*one)]:
            stalled.check(len(living))
            time.sleep(0.005)
        return time.monotonic() - since

    # --- sending work ----------------------------------------------------------------------------------

    def _top_up(self, server: Server) -> None:
        for _ in range(AT_ONCE - len(self.on_disk().unfinished)):
            self.submit(server)

    def submit(self, server: Server) -> None:
        """Send one more order: mostly the pipeline's build, now and then its failures as they are."""
        self.story.submitted += 1
        number = self.story.submitted
        with suppress(httpx2.TransportError):  # killed in the middle: nobody was told that it was accepted
            if self.dice.random() < 0.2:
                reply = server.client.post(
                    "/analyze-failures",
                    json={"failures": _failures(number)},
                    headers={"Prefer": "respond-async"},
                )
            else:
                _fill_jenkins(self.jenkins, number)
                order = {"job_name": "team/nightly", "build_number": number}
                reply = server.client.post("/analyze", json=order)
            assert reply.status_code == 202, reply.text
            self.story.accepted.append(reply.json()["job_id"])


_MOMENTS = {
    "any": 8,
    "starting": 2,
    "accepting": 2,
    "fetching": 1,
    "cloning": 1,
    "answered": 3,
    "recorded": 3,
    "decided": 2,
}
"""How often each comes among so many kills. `any` is any time at all; the others follow what has just happened."""
_ENDING = ("jira", "judged", "github", "saving", "ended")
"""Moments of an analysis' end. They come one after the other: else most of the time would go by waiting for ends."""


class _Moments:
    """When to kill: at any time, or in the instant after something has happened."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self._rehearsal = rehearsal
        self._dice = rehearsal.dice
        self._bag: list[str] = []

    def next(self) -> str:
        """A random one, such that each comes as often as it should."""
        if not self._bag:
            blocks = [[moment] for moment, times in _MOMENTS.items() for _ in range(times)]
            blocks.append(list(reversed(_ENDING)))
            self._dice.shuffle(blocks)
            self._bag = [moment for block in blocks for moment in block]
        return self._bag.pop()

    def wait_for(self, moment: str, server: Server) -> threading.Thread | None:
        """Return when it is time to kill; a request that is being sent then, if the moment has one."""
        if moment == "any":
            self._wait(self._dice.uniform(0, 2.0), lambda: False, server)
            return None
        if moment in {"accepting", "fetching"}:
            sending = threading.Thread(target=self._rehearsal.submit, args=(server,))
            seen = self._sign("fetching")
            sending.start()
            if moment == "fetching":
                self._wait(STALLED_S, lambda: self._sign(moment) != seen, server)
            time.sleep(self._dice.uniform(0, 0.04))
            return sending
        before = self._sign(moment)
        self._wait(STALLED_S, lambda: self._sign(moment) != before, server)
        time.sleep(self._dice.choice((0.0, 0.0, self._dice.uniform(0, 0.03))))
        return None

    def _wait(self, limit_s: float, happened: Callable[[], bool], server: Server) -> None:
        """Wait for it, and keep the server busy meanwhile."""
        now = time.monotonic()
        until, look = now + limit_s, now
        while now < until and not happened():
            if now >= look:
                found = self._rehearsal.on_disk()
                self._rehearsal.remember(found)
                if len(found.unfinished) < AT_ONCE:
                    self._rehearsal.submit(server)
                look = now + _LOOK_AT_ALL_S
            time.sleep(min(LOOK_S, max(0.0, until - now)))
            now = time.monotonic()

    def _sign(self, moment: str) -> object:
        """Something that changes at the moment."""
        outside = self._rehearsal
        if moment == "fetching":
            return len(outside.jenkins.requests)
        if moment == "cloning":
            return tuple(path.name for path in (outside.folder / "data" / "workspaces").glob("*/repos/*"))
        if moment == "jira":
            return len(outside.jira.requests)
        if moment == "github":
            return len(outside.github.requests)
        if moment == "answered":
            return outside.log_text().count("\ndone ")
        return outside.count(_COUNTS[moment])


_COUNTS = {
    "recorded": "SELECT count(*) FROM provider_calls",
    "judged": "SELECT count(*) FROM provider_calls WHERE call_type LIKE '%filter'",
    "decided": "SELECT count(*) FROM findings",
    "saving": """SELECT count(*) FROM analyses WHERE progress_log LIKE '%"saving"%'""",
    "ended": "SELECT count(*) FROM analyses WHERE completed_at IS NOT NULL",
}


class _Stall:
    """Notices that nothing moves any more."""

    def __init__(self) -> None:
        self._last: object = None
        self._since = time.monotonic()

    def check(self, traces: object) -> None:
        if traces != self._last:
            self._last, self._since = traces, time.monotonic()
        assert time.monotonic() < self._since + STALLED_S, f"nothing has moved for {STALLED_S} s: {traces}"


@contextmanager
def _started(folder: Path, settings: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """A server from the first instant of its process on."""
    process = start_command(folder, settings)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _lives(pid: int, since: int) -> bool:
    row = process_guard.process_row(pid)
    return row is not None and row.start == since and not row.is_dead


def _processes_about(place: str) -> Iterator[int]:
    """Ids of other processes whose arguments or variables name the place."""
    for row in process_guard.process_table():
        for part in ("cmdline", "environ"):
            with suppress(OSError):
                if place.encode() in Path(f"/proc/{row.pid}/{part}").read_bytes() and not row.is_dead:
                    yield row.pid


def _read(connection: sqlite3.Connection) -> OnDisk:
    with suppress(sqlite3.OperationalError):  # killed before its tables were made
        connection.execute("BEGIN")
        answers = dict(connection.execute("SELECT analysis_id, count(*) FROM findings GROUP BY analysis_id"))
        results = {
            row[0]
            for row in connection.execute("SELECT analysis_id FROM document_chunks WHERE kind = 'result'")
        }
        rows = connection.execute(
            "SELECT id, job_id, status, groups_total, progress_log FROM analyses"
        ).fetchall()
        replies = connection.execute(
            "SELECT job_id, call_key FROM provider_calls JOIN analyses ON analyses.id = analysis_id "
            "WHERE reply IS NOT NULL"
        ).fetchall()
        stands = {
            job_id: Stand(
                status,
                total,
                answers.get(number, 0),
                tuple(mark["phase"] for mark in json.loads(log)),
                number in results,
            )
            for number, job_id, status, total, log in rows
        }
        return OnDisk(stands, Counter((job_id, key) for job_id, key in replies))
    return OnDisk({}, Counter())


# --- the outside -------------------------------------------------------------------------------------------


class _RotatingTracker(TrackerServer):
    """Answers searches at different speeds, and each with the issues in an order of its own."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def take(self, request: Request) -> Answer:
        answer = super().take(request)
        body: Any = answer.body
        issues = body[self._name]
        start = crc32(request.target.encode() + request.body) % len(issues)
        turned = [*issues[start:], *issues[:start]]
        return replace(answer, body=body | {self._name: turned}, delay_s=0.05 * random.random())  # noqa: S311 - a pause


def _sentence(word: str) -> str:
    return f"AssertionError: the {word} service answered 500 for the {word} basket"


def _case(word: str, copy: int, build: int) -> dict[str, object]:
    error = f"{_sentence(word)} of build{build}"
    trace = "\n".join(
        (
            "Traceback (most recent call last):",
            f'  File "tests/{word}/test_{word}.py", line 42, in test_{word}',
            f"    assert {word}.status == 200",
            error,
        )
    )
    return {
        "className": f"tests.{word}.test_{word}.Test{word.title()}",
        "name": f"test_{word}_{copy}",
        "duration": 0.5,
        "errorDetails": error,
        "errorStackTrace": trace,
        "failedSince": 9,
        "skipped": False,
        "status": "FAILED",
        "stderr": None,
        "stdout": None,
    }


def _fill_jenkins(jenkins: JenkinsServer, build: int) -> None:
    """A build of a pipeline whose four children fail for five causes each, two tests a cause."""
    root = f"{JOB}{build}/"
    jenkins.build(root, payload("pipeline-failed.json") | {"actions": [], "number": build})
    jenkins.artifact(root, "logs/e2e.log", b"the shop was closed\n")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as shots:
        shots.writestr("shots/first.txt", "a picture of the closed shop")
    jenkins.artifact(root, "shots.zip", archive.getvalue())
    lines = [f"Build part-{number} #{build} completed: UNSTABLE" for number in range(1, CHILDREN + 1)]
    jenkins.console(root, "\n".join((*lines, "Finished: FAILURE", "")))
    share = GROUPS // CHILDREN
    for number in range(CHILDREN):
        path = f"job/part-{number + 1}/{build}/"
        words = WORDS[number * share : (number + 1) * share]
        cases = [_case(word, copy, build) for word in words for copy in range(2)]
        jenkins.build(path, {"number": build, "result": "UNSTABLE", "building": False})
        jenkins.console(path, "Finished: UNSTABLE\n")
        jenkins.report(path, payload("report-plain.json") | {"suites": [{"name": "pytest", "cases": cases}]})


def _failures(build: int) -> list[dict[str, object]]:
    return [
        {
            "test_name": f"{case['className']}.{case['name']}",
            "error_message": case["errorDetails"],
            "stack_trace": case["errorStackTrace"],
        }
        for word in WORDS
        for case in (_case(word, copy, build) for copy in range(2))
    ]


def _jira_issues() -> list[dict[str, object]]:
    return [
        {
            "key": f"SHOP-{number}",
            "fields": {
                "summary": _sentence(word),
                "status": {"name": "Open"},
                "priority": {"name": "High"},
                "updated": "2026-03-01T09:00:00.000+0000",
                "labels": [],
                "description": None,
            },
        }
        for number, word in enumerate(WORDS, start=1)
    ]


def _github_issues(repository: str) -> list[dict[str, object]]:
    return [
        {
            "number": number,
            "title": _sentence(word),
            "state": "open",
            "html_url": f"https://github.com/qa/tests/issues/{number}",
            "repository_url": repository,
            "updated_at": "2026-03-01T09:00:00Z",
            "labels": [],
            "body": None,
        }
        for number, word in enumerate(WORDS, start=1)
    ]


def failures_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """All failures of a result, those of its children included."""

    def below(part: dict[str, Any], children: str) -> Iterable[dict[str, Any]]:
        yield from part["failures"]
        for child in part.get(children) or ():
            yield from below(child, "failed_children")

    return list(below(body["result"], "child_job_analyses"))


def median_and_max(values: Sequence[float]) -> tuple[float, float]:
    """Of nothing it is nothing."""
    ordered = sorted(values) or [0.0]
    return ordered[len(ordered) // 2], ordered[-1]
