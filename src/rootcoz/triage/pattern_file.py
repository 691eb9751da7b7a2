"""A team's own rules, read from a file: what the built-in analyser cannot know of their systems.

Enters: the file's content. Leaves: the same `Rule`s that the built-in lists hold, each tried on its own examples. The
file holds a list of entries, or an object with that list under `patterns`, in YAML, JSON or TOML:

    patterns:
      - name: license-server
        classification: INFRASTRUCTURE
        pattern: 'license server .* (is )?unreachable'
        reason: the license server was out of reach
        examples: ['ERROR license server lic-3 is unreachable']

Expressions run on RE2, whose time grows with the text and no faster, whatever they are. Upper and lower case are alike,
`^` and `$` mean a line's ends.
"""

import json
import tomllib
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from rootcoz.domain.errors import InvalidInput
from rootcoz.domain.finding import Classification, Severity
from rootcoz.triage.rule import Pattern, Rule, Weight

MAX_PATTERNS = 1_000
MAX_FILE_BYTES = 1_000_000
_MAX_EXPRESSION = 2_000
"""Characters."""
_MAX_TEXT = 2_000
"""Characters of a reason, an advice or an example."""
_RE2_MEMORY = 8_000_000
"""Bytes that one compiled expression may take; one that needs more is refused."""

WEIGHTS = {weight.name.lower(): weight for weight in Weight}
_ADVICE = "Do what your team does about this pattern."


class _Entry(BaseModel):
    """A pattern as it stands in the file."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)
    classification: Classification
    pattern: str = Field(min_length=1, max_length=_MAX_EXPRESSION)
    reason: str = Field(min_length=1, max_length=_MAX_TEXT)
    advice: str = Field(default=_ADVICE, min_length=1, max_length=_MAX_TEXT)
    weight: Literal["hint", "weak", "fair", "strong"] = "fair"
    severity: Severity = Severity.HIGH
    reads_output: bool = False
    examples: list[str] = Field(min_length=1, max_length=100)
    counter_examples: list[str] = Field(default=[], max_length=100)

    @field_validator("classification", "severity", mode="before")
    @classmethod
    def _spelt_alike(cls, value: object) -> object:
        return value.strip().upper().replace("_", " ") if isinstance(value, str) else value


_ENTRY = TypeAdapter(_Entry)


def parse_patterns(content: bytes, file: str, *, known: Sequence[str] = ()) -> tuple[Rule, ...]:
    """The rules that a file holds. `known` are names that are taken.

    Raises InvalidInput, naming the file and the entry, for what is no list of patterns, for an expression that RE2
    does not take, and for a pattern that misses one of its examples or finds a counter-example.
    """
    if len(content) > MAX_FILE_BYTES:
        raise InvalidInput(f"{file} is larger than {MAX_FILE_BYTES // 1_000_000} MB.")
    entries = _entries(content, file)
    taken = set(known)
    rules = []
    for number, entry in enumerate(entries, 1):
        rule = _rule(entry, f"{file}: pattern {number}")
        if rule.name in taken:
            raise InvalidInput(f"{file}: pattern {number} ({rule.name}): this name is taken; choose another.")
        taken.add(rule.name)
        rules.append(rule)
    return tuple(rules)


def _entries(content: bytes, file: str) -> list[Any]:
    import yaml  # noqa: PLC0415 - a server without patterns is up sooner

    try:
        match PurePath(file).suffix.lower():
            case ".toml":
                document: Any = tomllib.loads(content.decode())
            case ".json":
                document = json.loads(content)
            case _:
                document = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        where = f" (line {place.line + 1})" if place is not None else ""
        raise InvalidInput(f"{file} cannot be read as YAML, JSON or TOML{where}.") from error
    entries = document.get("patterns") if isinstance(document, dict) else document
    if not isinstance(entries, list) or len(entries) > MAX_PATTERNS:
        raise InvalidInput(
            f"{file} must hold a list of at most {MAX_PATTERNS} patterns, or one under `patterns`."
        )
    return entries


def _rule(entry: object, place: str) -> Rule:
    if isinstance(entry, dict) and isinstance(entry.get("name"), str):
        place = f"{place} ({entry['name'][:80]})"
    try:
        read = _ENTRY.validate_python(entry)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(map(str, first["loc"])) or "entry"
        raise InvalidInput(f"{place}: {field}: {first['msg']}.") from error
    rule = Rule(
        name=read.name,
        classification=read.classification,
        weight=WEIGHTS[read.weight],
        hints=(),
        pattern=_compiled(read.pattern, place),
        reason=read.reason.strip().rstrip("."),
        advice=read.advice.strip(),
        severity=read.severity,
        reads_output=read.reads_output,
        examples=tuple(read.examples),
        counter_examples=tuple(read.counter_examples),
    )
    for problem in example_problems(rule):
        raise InvalidInput(f"{place}: {problem}")
    return rule


def _compiled(expression: str, place: str) -> Pattern:
    import re2  # type: ignore[import-untyped]  # noqa: PLC0415 - as yaml; it brings no types

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _RE2_MEMORY
    try:
        compiled: Pattern = re2.compile(f"(?im){expression}", options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        why = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise InvalidInput(f"{place}: the expression cannot be used: {why or 'RE2 refuses it'}.") from error
    return compiled


def example_problems(rule: Rule) -> list[str]:
    """What is wrong between a rule and its examples, a sentence each; empty when all is well."""
    missed = [
        f"it does not find its example {text!r}."
        for text in rule.examples
        if not rule.find(text, text.lower())
    ]
    found = [
        f"it finds its counter-example {text!r}."
        for text in rule.counter_examples
        if rule.find(text, text.lower())
    ]
    return [*missed, *found]
