"""The team's own patterns as the built-in analyser has them at hand: read again when their file has changed."""

from pathlib import Path

import structlog

from rootcoz.domain.errors import InvalidInput
from rootcoz.kit.regular_file import open_regular
from rootcoz.triage import RULES
from rootcoz.triage.pattern_file import MAX_FILE_BYTES, parse_patterns
from rootcoz.triage.rule import Rule

_log = structlog.get_logger(__name__)


def read_patterns(path: Path) -> tuple[Rule, ...]:
    """The rules of a file. Raises InvalidInput, naming file and entry, for one that cannot be used."""
    try:
        with open_regular(path) as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}.") from error
    return parse_patterns(content, str(path), known=[rule.name for rule in RULES])


class PatternBook:
    """The patterns of a file.

    A file that has become unusable while the server runs leaves the patterns as they were; the log says which entry
    is wrong, once for each change of the file.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.problem = ""
        """What is wrong with the file as it is now; empty when it is in use."""
        self._seen: tuple[int, int, int] | None = None
        self._rules: tuple[Rule, ...] = ()

    def load(self) -> None:
        """Read the file. Raises InvalidInput for one that cannot be used."""
        if self.path is not None:
            self._seen = _fingerprint(self.path)
            self._rules = read_patterns(self.path)

    def current(self) -> tuple[Rule, ...]:
        """The patterns as the file has them now, or had them last. Reads files: call it in a thread."""
        if self.path is not None and (seen := _fingerprint(self.path)) != self._seen:
            self._seen = seen
            try:
                self._rules = read_patterns(self.path)
                self.problem = ""
            except InvalidInput as error:
                self.problem = str(error)
                _log.warning("triage_patterns_kept", reason=str(error))
        return self._rules


def _fingerprint(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
