import asyncio
import json
import os
import sys
import textwrap
import time
from pathlib import Path

import pytest

from rootcoz.domain.errors import NotConfigured, Refused, Unavailable
from rootcoz.domain.failure import ErrorSignature, Failure, FailureGroup
from rootcoz.providers.base import Provider, Question
from rootcoz.providers.command import CommandProvider
from rootcoz.providers.wording import REASON_LIMIT

SLOW_ANSWERS = Path(__file__).parents[1] / "support" / "slow_answers.py"


def question(
    workspace: Path | None, *, prompt: str = "Why?", model: str = "", timeout_s: float = 20.0
) -> Question:
    failure = Failure("tests.test_a", error_message="AssertionError: 1 != 2")
    return Question(
        group=FailureGroup(1, ErrorSignature("0" * 64, 1), failure, (0,)),
        affected_tests=("tests.test_a",),
        job_name="",
        prompt=prompt,
        workspace=workspace,
        model=model,
        timeout_s=timeout_s,
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def program(folder: Path, text: str) -> tuple[str, ...]:
    """An executable made of Python `text`, as an operator would name it."""
    file = folder / "answers"
    file.write_text(f"#!{sys.executable}\n{textwrap.dedent(text)}")
    file.chmod(0o755)
    return (str(file),)


def wait_for_text(file: Path) -> None:
    """Return once there is something in the file."""
    while not (file.exists() and file.read_text()):
        time.sleep(0.01)


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_the_prompt_goes_in_and_the_answer_comes_out(tmp_path: Path, workspace: Path) -> None:
    provider: Provider = CommandProvider(program(tmp_path, "import sys; print(sys.stdin.read().upper())"))

    reply = await provider.ask(question(workspace, prompt="wörks?", model="m1"))

    assert (reply.text, reply.model, reply.usage.cost_usd) == ("WÖRKS?\n", "", None)


async def test_the_program_runs_in_the_workspace(tmp_path: Path, workspace: Path) -> None:
    (workspace / "build.log").write_text("failed")
    provider = CommandProvider(program(tmp_path, "print(open('build.log').read())"))

    assert (await provider.ask(question(workspace))).text == "failed\n"


async def test_without_a_workspace_the_program_runs_in_an_empty_folder(tmp_path: Path, scratch: Path) -> None:
    provider = CommandProvider(program(tmp_path, "import os; print(os.listdir())"), scratch=scratch)

    assert (await provider.ask(question(None))).text == "[]\n"


async def test_the_program_sees_the_allowed_variables_and_no_other(
    tmp_path: Path, workspace: Path, scratch: Path
) -> None:
    provider = CommandProvider(
        program(tmp_path, "import json, os; print(json.dumps(dict(os.environ)))"),
        variables=("VENDOR_KEY", "NOT_SET"),
        environment={
            "PATH": "/usr/bin:/bin",
            "HOME": "/home/server",
            "VENDOR_KEY": "k",
            "ADMIN_KEY": "canary",
        },
        scratch=scratch,
    )

    seen = json.loads((await provider.ask(question(workspace, model="big"))).text)
    seen.pop("LC_CTYPE", None)  # The interpreter's own doing (PEP 538).
    home, tmpdir = Path(seen.pop("HOME")), Path(seen.pop("TMPDIR"))

    assert seen == {"PATH": "/usr/bin:/bin", "VENDOR_KEY": "k", "ROOTCOZ_MODEL": "big"}
    assert home.is_relative_to(scratch)
    assert tmpdir.is_relative_to(scratch)


async def test_no_model_means_no_model_variable(tmp_path: Path, workspace: Path) -> None:
    provider = CommandProvider(program(tmp_path, "import os; print('ROOTCOZ_MODEL' in os.environ)"))

    assert (await provider.ask(question(workspace))).text == "False\n"


async def test_what_the_program_writes_to_its_home_is_removed(
    tmp_path: Path, workspace: Path, scratch: Path
) -> None:
    provider = CommandProvider(
        program(
            tmp_path,
            """
            import os, tempfile
            os.makedirs(os.environ["HOME"] + "/.cache/deep")
            open(os.environ["HOME"] + "/.cache/deep/file", "w").close()
            os.chmod(os.environ["HOME"] + "/.cache", 0o500)
            print(os.path.exists(tempfile.mkdtemp()))
            """,
        ),
        scratch=scratch,
    )

    reply = await provider.ask(question(workspace))

    assert reply.text == "True\n"
    assert left_in(scratch) == []


@pytest.mark.parametrize("argv", [(), ("no-such-program",)])
def test_a_missing_program_is_found_before_any_work(argv: tuple[str, ...]) -> None:
    with pytest.raises(NotConfigured, match="AI_COMMAND"):
        CommandProvider(argv).check("")


def test_a_program_on_the_path_passes_the_check() -> None:
    CommandProvider(("cat",), environment={"PATH": "/usr/bin:/bin"}).check("any model")


async def test_a_program_that_has_gone_is_unavailable(workspace: Path, scratch: Path) -> None:
    provider = CommandProvider((str(workspace / "gone"),), scratch=scratch)

    with pytest.raises(Unavailable, match="AI_COMMAND") as caught:
        await provider.ask(question(workspace))

    assert (caught.value.timed_out, caught.value.source) == (False, "provider command")
    assert left_in(scratch) == []


async def test_a_missing_workspace_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="workspace"):
        await CommandProvider(("cat",)).ask(question(tmp_path / "gone"))


async def test_a_missing_scratch_folder_is_unavailable(tmp_path: Path, workspace: Path) -> None:
    with pytest.raises(Unavailable, match="folder of its own"):
        await CommandProvider(("cat",), scratch=tmp_path / "gone").ask(question(workspace))


async def test_a_program_over_its_time_is_unavailable_and_says_so(tmp_path: Path, workspace: Path) -> None:
    provider = CommandProvider(program(tmp_path, "import time; time.sleep(60)"))

    with pytest.raises(Unavailable, match=r"0\.3 seconds") as caught:
        await provider.ask(question(workspace, timeout_s=0.3))

    assert caught.value.timed_out
    assert caught.value.retryable


async def test_an_exit_code_is_a_refusal_with_the_reason(tmp_path: Path, workspace: Path) -> None:
    text = """
        import sys
        print("half an answer")
        for number in range(100): print("line", number, file=sys.stderr)
        sys.exit("no quota left")
        """

    with pytest.raises(Refused, match="exit code 1") as caught:
        await CommandProvider(program(tmp_path, text)).ask(question(workspace))

    assert str(caught.value).endswith("\nline 99\nno quota left")
    assert "line 90" not in str(caught.value)
    assert not caught.value.retryable


async def test_a_long_reason_is_cut(tmp_path: Path, workspace: Path) -> None:
    provider = CommandProvider(program(tmp_path, "import sys; sys.exit('no ' * 100_000 + 'end')"))

    with pytest.raises(Refused) as caught:
        await provider.ask(question(workspace))

    assert len(str(caught.value)) < REASON_LIMIT + 100
    assert str(caught.value).endswith("end")


async def test_a_refusal_never_repeats_the_operators_key(tmp_path: Path, workspace: Path) -> None:
    provider = CommandProvider(
        program(tmp_path, "import os, sys; sys.exit('bad key <' + os.environ['VENDOR_KEY'] + '>')"),
        variables=("VENDOR_KEY",),
        environment={"PATH": "/usr/bin:/bin", "VENDOR_KEY": "hunter2"},
    )

    with pytest.raises(Refused, match=r"bad key <\*\*\*>"):
        await provider.ask(question(workspace))


async def test_a_program_that_dies_is_refused_with_the_signal(tmp_path: Path, workspace: Path) -> None:
    provider = CommandProvider(program(tmp_path, "import os; os.kill(os.getpid(), 11)"))

    with pytest.raises(Refused, match="signal 11"):
        await provider.ask(question(workspace))


@pytest.mark.parametrize("text", ["", "print()", "import sys; sys.stdout.buffer.write(b'\\xff')"])
async def test_an_empty_or_unreadable_answer_is_refused(tmp_path: Path, workspace: Path, text: str) -> None:
    with pytest.raises(Refused, match=r"no answer|not UTF-8"):
        await CommandProvider(program(tmp_path, text)).ask(question(workspace))


async def test_an_endless_answer_is_refused(workspace: Path) -> None:
    with pytest.raises(Refused, match="more than 5000 bytes"):
        await CommandProvider(("yes",), max_output_bytes=5_000).ask(question(workspace))


async def test_cancelling_a_question_leaves_no_process_and_no_folder(
    tmp_path: Path, workspace: Path, scratch: Path
) -> None:
    log = tmp_path / "log"
    provider = CommandProvider(
        (sys.executable, str(SLOW_ANSWERS), "--log", str(log), "--seconds", "60"), scratch=scratch
    )
    task = asyncio.create_task(provider.ask(question(workspace)))
    await asyncio.to_thread(wait_for_text, log)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    with pytest.raises(ProcessLookupError):
        os.kill(int(log.read_text().split()[2]), 0)
    assert left_in(scratch) == []


async def test_many_questions_at_once_get_their_own_answers(tmp_path: Path, workspace: Path) -> None:
    log = tmp_path / "log"
    provider = CommandProvider(
        (sys.executable, str(SLOW_ANSWERS), "--log", str(log), "--seconds", "0.2", "--fail-every", "5")
    )

    replies = await asyncio.gather(
        *(
            provider.ask(question(workspace, prompt=f"Failure group {number}\nValueError: no {number}\n"))
            for number in range(1, 10)
        ),
        return_exceptions=True,
    )
    answers = {n: json.loads(r.text) for n, r in enumerate(replies, 1) if not isinstance(r, BaseException)}
    events = [line.split()[:2] for line in log.read_text().splitlines()]

    assert len(answers) == 8
    assert all(
        answer["evidence"] == [{"quote": f"ValueError: no {number}", "source": "error_message"}]
        for number, answer in answers.items()
    )
    assert sorted(name for event, name in events if event == "start") == [str(n) for n in range(1, 10)]
    assert {name for event, name in events if event == "done"} == {str(number) for number in answers}
