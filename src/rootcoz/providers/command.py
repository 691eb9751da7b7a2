"""Provider `command`: asks a program of the operator's own, one run a question.

The program gets the prompt on standard input, the workspace as its folder, and prints the answer, in the
contract of `prompts`, on standard output. Its environment holds the plain variables of `kit.process`, those
that the operator names, ROOTCOZ_MODEL when a model was asked for, and a HOME and TMPDIR of its own that are
removed afterwards. Exit code 0 means "this is the answer"; any other says no, with the reason on standard
error.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from rootcoz.domain.errors import NotConfigured, Refused
from rootcoz.kit import process
from rootcoz.providers.base import OfferedModel, Question, Reply
from rootcoz.providers.command_line import Program

MODEL_VARIABLE = "ROOTCOZ_MODEL"
SETTING = "AI_COMMAND"
"""The setting that messages tell the user to look at."""
SOURCE = "provider command"
WHAT = f"The program of {SETTING}"
ANSWER_LIMIT = 1_000_000
"""Bytes of answer that are accepted unless the operator says otherwise."""


class CommandProvider:
    """Made with the operator's program and arguments; see the module's text for what it is given.

    `variables` are names of variables of this server that the program may see, `environment` is where they
    are read (default: this process's). `scratch` is the folder for the private folders (default: the
    system's).
    """

    name = "command"
    needs_model = False
    reads_prompt = True
    costs_nothing = False

    def __init__(
        self,
        argv: tuple[str, ...],
        *,
        variables: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
        max_output_bytes: int = ANSWER_LIMIT,
        scratch: Path | None = None,
    ) -> None:
        self._arguments = argv[1:]
        self._program = Program(
            what=WHAT,
            source=SOURCE,
            setting=SETTING,
            names=argv[:1],
            variables=variables,
            environment=os.environ if environment is None else environment,
            max_output_bytes=max_output_bytes,
            scratch=scratch,
        )

    def check(self, model: str) -> None:  # noqa: ARG002 - any model may mean something to the program
        """Raise NotConfigured naming the setting when there is no program or it cannot be executed."""
        if not self._program.names:
            raise NotConfigured(f"Provider command needs a program: set {SETTING}.")
        self._program.find()

    async def ask(self, question: Question) -> Reply:
        """Run the program once, as the protocol says.

        Without a workspace the program runs in an empty folder. Refused: an exit code other than 0, no
        output, output over the limit or not in UTF-8.
        """
        ended = await self._program.run(
            self._arguments,
            prompt=question.prompt,
            workspace=question.workspace,
            extra={MODEL_VARIABLE: question.model} if question.model else {},
            timeout_s=question.timeout_s,
        )
        if ended.exit_code != 0:
            raise Refused(self._refusal(ended), source=SOURCE)
        return Reply(_text(ended.stdout))

    async def models(self) -> tuple[OfferedModel, ...]:
        """Nobody can know what the program would take."""
        return ()

    def _refusal(self, ended: process.Completed) -> str:
        how = f"exit code {ended.exit_code}" if ended.signal is None else f"signal {ended.signal}"
        reason = self._program.last_words(ended)
        return f"{WHAT} ended with {how}" + (f": {reason}" if reason else ".")


def _text(output: bytes) -> str:
    try:
        text = output.decode()
    except UnicodeDecodeError as error:
        raise Refused(f"{WHAT} wrote something that is not UTF-8.", source=SOURCE) from error
    if not text.strip():
        raise Refused(f"{WHAT} ended well and wrote no answer.", source=SOURCE)
    return text
