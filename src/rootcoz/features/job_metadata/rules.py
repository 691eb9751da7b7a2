"""Rules that derive a job's metadata from its name, read from a YAML or JSON file.

The file holds a list of rules, or an object with that list under `metadata_rules`. A rule has a `pattern` and any of
`team`, `tier`, `version` and `labels` (one string or a list). A pattern with a named group, `(?P<team>...)`, is a
regular expression for the whole name, and its groups fill the fields of their names; any other is a glob in which `*`,
`?` and `[...]` mean what they mean to a shell, upper and lower case apart.

Regular expressions run on RE2, whose time grows with the length of the name and no faster, whatever the pattern is.
"""

import fnmatch
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from rootcoz.domain.errors import InvalidInput
from rootcoz.domain.job_metadata import JobMetadata

FIELDS = ("team", "tier", "version")
"""Fields of which a job has one value: the first matching rule that has one decides."""
MAX_RULES = 10_000
MAX_FILE_BYTES = 5_000_000
MAX_PATTERN = 1_000
"""Characters."""
MAX_NAME = 2_000
"""Characters of a job's name that are looked at."""
_RE2_MEMORY = 8_000_000
"""Bytes that one compiled pattern may take; a pattern that needs more is refused."""


class _RuleEntry(BaseModel):
    """A rule as it stands in the file."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    pattern: str = Field(min_length=1, max_length=MAX_PATTERN)
    team: str | None = None
    tier: str | None = None
    version: str | None = None
    labels: list[str] | None = None

    @field_validator("team", "tier", "version", mode="before")
    @classmethod
    def _absent(cls, value: object) -> object:
        return None if value in {"", "~", "null"} else value

    @field_validator("labels", mode="before")
    @classmethod
    def _listed(cls, labels: object) -> object:
        return [labels] if isinstance(labels, str | int | float) else labels


_ENTRIES = TypeAdapter(list[_RuleEntry])


class Match(Protocol):
    """What a pattern found in a name."""

    def groupdict(self) -> Mapping[str, str | None]:
        """The text of each named group; None for one that took no part."""
        ...


class Pattern(Protocol):
    """A compiled pattern."""

    def fullmatch(self, text: str, /) -> Match | None:
        """The match with the whole text; None when it does not match."""
        ...


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it is written. What it does not name is None."""

    pattern: str
    team: str | None
    tier: str | None
    version: str | None
    labels: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one file, in its order, ready to be asked."""

    rules: tuple[Rule, ...] = ()
    patterns: tuple[Pattern, ...] = ()

    def metadata_for(self, job_name: str) -> JobMetadata | None:
        """What the rules say of a job; None when no rule matches its name.

        For team, tier and version the first matching rule that has a value decides, and a value that a rule states
        comes before one that it captures. Labels of all matching rules come together.
        """
        found: dict[str, str] = {}
        labels: dict[str, None] = {}
        matched = False
        name = job_name[:MAX_NAME]
        for rule, pattern in zip(self.rules, self.patterns, strict=True):
            match = pattern.fullmatch(name)
            if match is None:
                continue
            matched = True
            captured = match.groupdict()
            for field in FIELDS:
                value = getattr(rule, field) or captured.get(field)
                if value:
                    found.setdefault(field, value)
            labels |= dict.fromkeys(rule.labels or ())
        return JobMetadata(job_name, **found, labels=tuple(labels)) if matched else None


def read_rules(path: Path) -> Rules:
    """The rules of a file. InvalidInput, naming file and rule, for one that cannot be used."""
    import yaml  # noqa: PLC0415 - a server without rules is up sooner

    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or error}.") from error
    if len(raw) > MAX_FILE_BYTES:
        raise InvalidInput(f"{path} is larger than {MAX_FILE_BYTES // 1_000_000} MB.")
    try:
        # YAML as it is written: by its own rules version 4.10 is the number 4.1.
        is_json = path.suffix.lower() == ".json"
        content = json.loads(raw) if is_json else yaml.load(raw, yaml.BaseLoader)  # noqa: S506 - makes texts and lists
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        where = f" (line {place.line + 1})" if place is not None else ""
        raise InvalidInput(
            f"{path} is not well-formed{where}: it must be YAML, or JSON if it ends so."
        ) from error
    return parse_rules(content, str(path))


def parse_rules(content: object, source: str) -> Rules:
    """The rules of a file's content. InvalidInput for what is wrong with it; `source` is the file's name for people."""
    entries = content.get("metadata_rules") if isinstance(content, dict) else content
    if not isinstance(entries, list):
        raise InvalidInput(f"{source} must hold a list of rules, alone or under the key metadata_rules.")
    if len(entries) > MAX_RULES:
        raise InvalidInput(f"{source} has {len(entries):,} rules; at most {MAX_RULES:,} are taken.")
    try:
        checked = _ENTRIES.validate_python(entries)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        number, *place = first["loc"]
        field = f", {'.'.join(map(str, place))}" if place else ""
        raise InvalidInput(f"{source}: rule {int(number) + 1}{field}: {first['msg']}.") from error
    rules = tuple(
        Rule(
            entry.pattern,
            entry.team,
            entry.tier,
            entry.version,
            None if entry.labels is None else tuple(entry.labels),
        )
        for entry in checked
    )
    return Rules(rules, tuple(_compiled(rules, source)))


def _compiled(rules: Sequence[Rule], source: str) -> Iterable[Pattern]:
    import re2  # type: ignore[import-untyped]  # noqa: PLC0415 - a server without rules is up sooner; has no types

    options = re2.Options()
    options.max_mem = _RE2_MEMORY
    options.log_errors = False
    for number, rule in enumerate(rules, start=1):
        if "(?P<" not in rule.pattern:
            yield re.compile(fnmatch.translate(rule.pattern))  # its groups are atomic: it never goes back
            continue
        try:
            yield re2.compile(rule.pattern, options)
        except re2.error as error:
            raise InvalidInput(
                f"{source}: rule {number}: the pattern {rule.pattern!r} cannot be used. Look-around and "
                "back-references are not supported, since they can take for ever."
            ) from error
