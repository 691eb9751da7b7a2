"""What all providers share that are programs: where one is found, how one run of it goes, and when to try again.

A run gets the question on standard input, the workspace as its folder, an environment that is built and never
inherited, and a HOME and TMPDIR of its own that are removed afterwards with whatever was left there.
"""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rootcoz.domain.errors import NotConfigured, RateLimited, Refused, Unavailable
from rootcoz.kit import process
from rootcoz.providers.base import Question, Reply
from rootcoz.providers.wording import last_lines, without_secrets

PROMPT_LIMIT = 8_000_000
"""Bytes of a question. Claude Code refuses more than 10 MB on standard input, Gemini CLI cuts it at 8 MiB."""
BACKOFF_S = (2.0, 8.0, 30.0)
"""Seconds before each further try of what was turned away, when the vendor does not say how long to wait."""


@dataclass(frozen=True, slots=True)
class Program:
    """One program of the operator's, and what every run of it is given."""

    what: str
    """As messages call it: `Claude Code`, `The program of AI_COMMAND`."""
    source: str
    setting: str
    """The setting that names the program."""
    names: tuple[str, ...]
    """Names or paths, the first that is there is taken."""
    variables: tuple[str, ...] = ()
    """Names of variables of this server that it may see, beside the plain ones."""
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    """Where those are read."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Values that no message may repeat, beside those of `variables`."""
    scratch: Path | None = None
    """Folder for the private folders; None for the system's."""
    max_output_bytes: int = process.OUTPUT_LIMIT

    def find(self) -> str:
        """Its path. Raises NotConfigured, naming the setting, when it is not an executable program here."""
        path = self.environment.get("PATH", os.defpath)
        for name in self.names:
            if found := shutil.which(name, path=path):
                return found
        raise NotConfigured(self._missing())

    async def run(
        self,
        arguments: Sequence[str],
        *,
        prompt: str,
        workspace: Path | None,
        extra: Mapping[str, str],
        timeout_s: float,
        home_files: Mapping[str, str] | None = None,
    ) -> process.Completed:
        """Run it once with the prompt on standard input, in the workspace or an empty folder.

        `home_files` are texts by their path in its private HOME.

        Values that users choose belong into one argument with their option (`--model=x`): as an argument of its own,
        `--yolo` would be taken for an option.

        Whatever exit code it ends with is the caller's to judge. Raises Unavailable (could not be started, did not
        end in time) and Refused (too long a question, too long an answer).
        """
        stdin = prompt.encode(errors="replace")
        if len(stdin) > PROMPT_LIMIT:
            raise Refused(f"The question has more than {PROMPT_LIMIT:,} bytes.", source=self.source)
        try:
            argv = [self.find(), *arguments]
        except NotConfigured as error:  # it was there when the analysis began
            raise Unavailable(str(error), source=self.source) from error
        async with self._private_folder(home_files or {}) as private:
            environment = process.scrubbed_environment(
                (*process.PLAIN_VARIABLES, *self.variables),
                home=private / "home",
                tmpdir=private / "tmp",
                extra=extra,
                source=self.environment,
            )
            try:
                ended = await process.run(
                    argv,
                    stdin=stdin,
                    cwd=workspace or private / "empty",
                    env=environment,
                    timeout_s=timeout_s,
                    max_output_bytes=self.max_output_bytes,
                    scratch=private,
                )
            except process.FolderMissing as error:
                raise Unavailable("The workspace of the question is gone.", source=self.source) from error
            except process.ProcessError as error:
                message = f"{self.what}, `{argv[0]}`, could not be run: {error.strerror}."
                raise Unavailable(message, source=self.source) from error
        self._check_bounds(ended, timeout_s)
        return ended

    def sees(self, names: Collection[str]) -> bool:
        """Whether one of the variables is set here and may be seen by it."""
        return any(self.environment.get(name) for name in names if name in self.variables)

    def no_reply(self, ended: process.Completed) -> Refused:
        """The error for a run whose output is not what the program's documentation promises."""
        how = f"signal {ended.signal}" if ended.signal is not None else f"exit code {ended.exit_code}"
        said = self.last_words(ended)
        wrote = "and no reply" if not ended.stdout.strip() else "and something that is no reply"
        tail = f" It last said: {said}" if said else ""
        return Refused(f"{self.what} ended with {how} {wrote}.{tail}", source=self.source)

    def last_words(self, ended: process.Completed) -> str:
        """What it wrote last on standard error, bounded and without secrets."""
        return self.clean(last_lines(ended.stderr))

    def clean(self, text: str) -> str:
        """Text of the program's, fit for a message."""
        return without_secrets(text, self._secrets())

    def _secrets(self) -> Iterator[str]:
        yield from self.secrets
        yield from (self.environment.get(name, "") for name in self.variables)

    def _check_bounds(self, ended: process.Completed, timeout_s: float) -> None:
        if ended.timed_out:
            said = self.last_words(ended)
            message = f"{self.what} did not answer within {round(timeout_s, 1):g} seconds."
            tail = f" It last said: {said}" if said else ""
            raise Unavailable(message + tail, source=self.source, timed_out=True)
        if ended.stdout_truncated:
            message = f"{self.what} wrote more than {self.max_output_bytes} bytes."
            raise Refused(message, source=self.source)

    def _missing(self) -> str:
        names = " or ".join(f"`{name}`" for name in self.names)
        return f"{self.what} needs an executable program: {names} is none here. Install it, or set {self.setting}."

    @asynccontextmanager
    async def _private_folder(self, home_files: Mapping[str, str]) -> AsyncIterator[Path]:
        """A folder with `home`, `tmp` and `empty` in it, removed afterwards with all that was left there."""
        try:
            folder = tempfile.TemporaryDirectory(
                prefix="rootcoz-command-", dir=self.scratch, ignore_cleanup_errors=True
            )
            path = Path(folder.name)
            for name in ("home", "tmp", "empty"):
                (path / name).mkdir(mode=0o700)
            for name, text in home_files.items():
                (path / "home" / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                (path / "home" / name).write_text(text, encoding="utf-8")
        except OSError as error:
            message = f"{self.what} cannot get a folder of its own: {error.strerror}."
            raise Unavailable(message, source=self.source) from error
        try:
            yield path
        finally:
            # In a thread, since the program may have left much behind; it ends even if this task is cancelled,
            # once more or before the thread has begun.
            cleaning = asyncio.ensure_future(asyncio.to_thread(folder.cleanup))
            try:
                await asyncio.shield(cleaning)
            except asyncio.CancelledError:
                await asyncio.wait([cleaning])
                raise


async def patiently(
    question: Question,
    attempt: Callable[[float], Awaitable[Reply]],
    *,
    backoff_s: Sequence[float] = BACKOFF_S,
) -> Reply:
    """Try again what was turned away for a rate limit or overload, within the question's time.

    `attempt` is given the seconds that are left. The wait is as long as the vendor asks for, else that of
    `backoff_s`; a wait that does not fit into the time left is not begun, and the refusal is raised at once.
    """
    deadline = time.monotonic() + question.timeout_s
    for planned in backoff_s:
        try:
            return await attempt(deadline - time.monotonic())
        except RateLimited as error:
            wait = planned if error.retry_after_s is None else error.retry_after_s
            if time.monotonic() + wait >= deadline:
                raise
            await asyncio.sleep(wait)
    return await attempt(deadline - time.monotonic())
