"""Provider `command`: asks a program of the operator's own, one run a question.

The program gets the prompt on standard input, the workspace as its folder, and prints the answer, in the
contract of `prompts`, on standard output. Its environment holds the plain variables of `kit.process`, those
that the operator names, ROOTCOZ_MODEL when a model was asked for, and a HOME and TMPDIR of its own that are
removed afterwards. Exit code 0 means "this is the answer"; any other says no, with the reason on standard
error.
"""

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from rootcoz.domain.errors import NotConfigured, Refused, Unavailable
from rootcoz.kit import process
from rootcoz.providers.base import Question, Reply

MODEL_VARIABLE = "ROOTCOZ_MODEL"
SETTING = "AI_COMMAND"
"""The setting that messages tell the user to look at."""
SOURCE = "provider command"
ANSWER_LIMIT = 1_000_000
"""Bytes of answer that are accepted unless the operator says otherwise."""
REASON_LINES = 5
REASON_LIMIT = 600
"""Characters of standard error that an error message quotes: the end of the last REASON_LINES lines."""

_NAMED_SECRET = re.compile(
    r"(?i)((?:token|secret|passw(?:or)?d|api[-_]?key|authorization|credential)[\w-]{0,40}"
    r"[\"']?\s{0,9}[:=]\s{0,9}[\"']?(?:(?:bearer|basic)\s{1,9})?)[^\s\"',;]+"
)
_LONG_WORD = re.compile(r"[A-Za-z0-9_+=.~-]{20,}")
_ADDRESS_LOGIN = re.compile(r"(://)[^\s/@]+@")
READ_BACK = 4_000
"""Bytes of standard error, from its end, that are looked at for it."""
_SHORTEST_SECRET = 6
"""Characters from which on the value of an operator's variable is removed wherever it occurs."""


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
        self._argv = argv
        ours = os.environ if environment is None else environment
        self._allowed = (*process.PLAIN_VARIABLES, *variables)
        self._environment = {name: ours[name] for name in self._allowed if name in ours}
        self._secrets = [ours[name] for name in variables if len(ours.get(name, "")) >= _SHORTEST_SECRET]
        self._max_output_bytes = max_output_bytes
        self._scratch = scratch

    def check(self, model: str) -> None:  # noqa: ARG002 - any model may mean something to the program
        """Raise NotConfigured naming the setting when there is no program or it cannot be executed."""
        if not self._argv:
            raise NotConfigured(f"Provider command needs a program: set {SETTING}.")
        if shutil.which(self._argv[0], path=self._environment.get("PATH", os.defpath)) is None:
            raise NotConfigured(
                f"{SETTING} names `{self._argv[0]}`, which is not an executable program here."
            )

    async def ask(self, question: Question) -> Reply:
        """Run the program once, as the protocol says.

        Without a workspace the program runs in an empty folder. Refused: an exit code other than 0, no
        output, output over the limit or not in UTF-8.
        """
        async with self._private_folder() as private:
            ended = await self._run(question, private)
        if ended.timed_out:
            message = f"The program of {SETTING} did not answer within {question.timeout_s:g} seconds."
            raise Unavailable(message, source=SOURCE, timed_out=True)
        if ended.stdout_truncated:
            message = f"The program of {SETTING} wrote more than {self._max_output_bytes} bytes."
            raise Refused(message, source=SOURCE)
        if ended.exit_code != 0:
            raise Refused(self._refusal(ended), source=SOURCE)
        return Reply(self._text(ended.stdout), model=question.model)

    async def _run(self, question: Question, private: Path) -> process.Completed:
        extra = {MODEL_VARIABLE: question.model} if question.model else {}
        environment = process.scrubbed_environment(
            self._allowed,
            home=private / "home",
            tmpdir=private / "tmp",
            extra=extra,
            source=self._environment,
        )
        try:
            return await process.run(
                self._argv,
                stdin=question.prompt.encode(errors="replace"),
                cwd=question.workspace or private / "empty",
                env=environment,
                timeout_s=question.timeout_s,
                max_output_bytes=self._max_output_bytes,
            )
        except process.FolderMissing as error:
            raise Unavailable("The workspace of the question is gone.", source=SOURCE) from error
        except process.ProcessError as error:
            message = f"The program of {SETTING}, `{self._argv[0]}`, could not be run: {error.strerror}."
            raise Unavailable(message, source=SOURCE) from error

    @asynccontextmanager
    async def _private_folder(self) -> AsyncIterator[Path]:
        """A folder with `home`, `tmp` and `empty` in it, removed afterwards with all that was left there."""
        try:
            folder = tempfile.TemporaryDirectory(
                prefix="rootcoz-command-", dir=self._scratch, ignore_cleanup_errors=True
            )
            path = Path(folder.name)
            for name in ("home", "tmp", "empty"):
                (path / name).mkdir(mode=0o700)
        except OSError as error:
            message = f"The program of {SETTING} cannot get a folder of its own: {error.strerror}."
            raise Unavailable(message, source=SOURCE) from error
        try:
            yield path
        finally:
            # In a thread, since the program may have left much behind; it ends even if this task is
            # cancelled.
            await asyncio.to_thread(folder.cleanup)

    def _refusal(self, ended: process.Completed) -> str:
        how = f"exit code {ended.exit_code}" if ended.signal is None else f"signal {ended.signal}"
        reason = without_secrets(_last_lines(ended.stderr), self._secrets)
        return f"The program of {SETTING} ended with {how}" + (f": {reason}" if reason else ".")

    def _text(self, output: bytes) -> str:
        try:
            text = output.decode()
        except UnicodeDecodeError as error:
            raise Refused(
                f"The program of {SETTING} wrote something that is not UTF-8.", source=SOURCE
            ) from error
        if not text.strip():
            raise Refused(f"The program of {SETTING} ended well and wrote no answer.", source=SOURCE)
        return text


def _last_lines(output: bytes) -> str:
    """The last lines that say anything, unprintable characters replaced by spaces; bounded."""
    text = output[-READ_BACK:].decode(errors="replace")
    if len(output) > READ_BACK:
        text = text.partition(" ")[2]  # The first word may be the harmless-looking half of a secret.
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    text = "\n".join(lines[-REASON_LINES:])
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)


def without_secrets(text: str, known: list[str]) -> str:
    """The end of `text`, at most REASON_LIMIT characters, with `***` for what looks like a secret.

    Replaced are, in this order: the given values; what follows a name like `token`, `password` or `api_key`
    and `:` or `=`; a login in an address; any word of 20 or more letters, digits and `_+=.~-` that has both
    letters and digits in it. Rather too much than too little: a person can run the program again to read on.
    """
    for secret in sorted(known, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = _NAMED_SECRET.sub(r"\1***", text)
    text = _ADDRESS_LOGIN.sub(r"\1***@", text)
    text = _LONG_WORD.sub(lambda match: "***" if _is_mixed(match[0]) else match[0], text)
    return text if len(text) <= REASON_LIMIT else "…" + text[1 - REASON_LIMIT :]


def _is_mixed(word: str) -> bool:
    return any(char.isdigit() for char in word) and any(char.isalpha() for char in word)
