"""Stands in for all models of a debate of two rounds, and notes each question: who asked what, start and end.

    noting_debater.py LOG

Each run appends `start <job id> <build> <pid> <its start time> <watchman> <its start time> <question>` to LOG and, when
the answer has been written, `done` with the same words. Each line is one write, so that anything may be killed at any
time and counted afterwards. A question is named as the ledger of calls names it (`group 3: peer 2 of round 1`), the job
id is the name of the working folder, times are clock ticks since boot. Of the questions that have no working folder,
about issues of trackers, the job id is `-`; the build, a word of every error here, tells whose they are.

The main model (ROOTCOZ_MODEL `main`) first holds each group of an even number for the test's fault and each other one
for a bug. Of every other pair of groups its peers say the opposite, it lets itself be convinced, and in the second
round they agree; of the rest they agree at once.

It is started thousands of times and imports next to nothing: that is half of what a run of it costs.
"""

import os
import sys
import time

MAIN, PEERS = "main", ("ann", "bob")
SLOWEST_MS = 60


def rounds(group: int) -> int:
    """Of the group's debate."""
    return 2 if group % 4 < 2 else 1


def calls(group: int) -> int:
    """Questions about the group."""
    return 1 + rounds(group) * len(PEERS) + (rounds(group) - 1)


def ends_as_bug(group: int) -> bool:
    """What is said in the end."""
    return (group % 2 == 1) is (rounds(group) == 1)


def start_time(pid: int) -> int:
    """Clock ticks from boot to the process's start, from proc(5); 0 where there is no /proc."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - see above
            return int(file.read().rpartition(b")")[2].split()[19])
    except OSError:
        return 0


def note(log: str, event: str, words: str) -> None:
    """Append one line in one write."""
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(file, f"{event} {words}\n".encode())
    os.close(file)


def question(prompt: str, model: str) -> tuple[int, str]:
    """The group's number, and the rest of the question's name."""
    group = int(prompt.partition("`group-")[2].partition("/")[0])
    judged = (
        prompt.rpartition("/answer-in-round-")[2].partition(".json")[0]
        if "/answer-in-round-" in prompt
        else ""
    )
    if not judged:
        return group, "primary"
    if model == MAIN:
        return group, f"revision after round {judged}"
    return group, f"peer {PEERS.index(model) + 1} of round {judged}"


def judged_issues(prompt: str) -> tuple[int, str, str]:
    """Group, name and answer of a question about issues: all of them are about the problem."""
    import hashlib  # noqa: PLC0415 - see above

    digest = hashlib.sha256(prompt.encode()).hexdigest()[:8]
    keys = [
        part.partition('"')[0] for part in prompt.split('"key": "')[1:] if not part.startswith("as above")
    ]
    scores = ", ".join(f'{{"key": "{key}", "score": 0.9, "reason": "It says so."}}' for key in keys)
    group = int(prompt.rpartition(" of group ")[2].partition('"')[0])
    call = "jira_filter" if keys[0].startswith("SHOP-") else "tests_repo_filter"
    return group, f"{call} {digest}", f'{{"issues": [{scores}]}}'


def build(text: str) -> str:
    """The build that the text is about."""
    return "build" + text.partition(" build")[2].split()[0].rstrip('",')


def error_of(group: int) -> str:
    """The group's error."""
    with open(f"group-{group}/error.txt", encoding="utf-8") as file:  # noqa: PTH123 - see above
        return file.readline().strip()


def answer(group: int, what: str) -> str:
    """What is said to the question, as JSON. The errors of this rehearsal hold nothing that JSON would escape."""
    is_bug = group % 2 == 1 if what == "primary" else ends_as_bug(group)
    error = error_of(group)
    words = ", ".join(f'"{word}"' for word in error.split()[1:4])
    said = f'"{what} of group {group}"'
    more = (
        f'"product_bug_report": {{"title": "{error}", "severity": "high", "component": "shop", '
        f'"description": "{error}", "evidence": "{error}", "jira_search_keywords": [{words}]}}'
        if is_bug
        else f'"code_fix": {{"file": "tests/test_shop.py", "line": "1", "change": "{error}", '
        f'"tests_repo_search_keywords": [{words}]}}'
    )
    verdict = "PRODUCT BUG" if is_bug else "CODE ISSUE"
    return (
        f'{{"classification": "{verdict}", "details": {said}, "reasoning": {said}, '
        f'"evidence": [{{"quote": "{error}", "source": "error.txt"}}], {more}}}'
    )


def main() -> int:
    """Answer one question."""
    log = sys.argv[1]
    prompt = sys.stdin.read()
    if "`group-" in prompt:
        job_id = os.path.basename(os.getcwd())  # noqa: PTH109, PTH119 - see above
        group, what = question(prompt, os.environ["ROOTCOZ_MODEL"])
        about, said = build(error_of(group)), answer(group, what)
    else:
        job_id = "-"
        group, what, said = judged_issues(prompt)
        about = build(prompt[prompt.index('"error"') :])
    me, watchman = os.getpid(), os.getppid()
    processes = f"{me} {start_time(me)} {watchman} {start_time(watchman)}"
    words = f"{job_id} {about} {processes} group {group}: {what}"
    note(log, "start", words)
    time.sleep(hash(prompt) % SLOWEST_MS / 1000)
    sys.stdout.write(said)
    sys.stdout.flush()
    note(log, "done", words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
