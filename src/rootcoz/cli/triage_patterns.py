"""The commands `triage-patterns check` and `triage-patterns try`."""

import asyncio
from pathlib import Path

from rootcoz.cli.exit_codes import NOTHING_FAILED
from rootcoz.cli.output import Destination, write
from rootcoz.cli.report.finished import Document
from rootcoz.cli.report.safe_text import one_line, visible
from rootcoz.features.pattern_trial import Trial, try_patterns
from rootcoz.providers.pattern_book import read_patterns
from rootcoz.settings import load_settings
from rootcoz.store.engine import Database
from rootcoz.triage.rule import Rule

_CELL = 200
"""Characters of a test's name or a decision that are shown."""


def check(file: Path, destination: Destination) -> int:
    """Try each pattern on its examples; the exit code. Raises InvalidInput, naming the entry that fails."""
    rules = read_patterns(file)
    lines = [
        f"{rule.name}: {rule.classification.value}, {_examples(rule)} as they should be" for rule in rules
    ]
    lines.append(f"{len(rules)} patterns can be used.")
    return _say(lines, destination)


def try_on_history(file: Path, data_dir: Path | None, most: int, destination: Destination) -> int:
    """Say what the patterns would change; the exit code. Raises InvalidInput and UnusableDatabase."""
    rules = read_patterns(file)
    settings = load_settings(project_files=True, data_dir=data_dir, log_level="ERROR")
    # Who names a folder means what lies in it.
    address = settings.database_url.get_secret_value() if settings.database_url and data_dir is None else ""
    trial = asyncio.run(_try(settings.data_dir, address, rules, most))
    return _say(_told(trial), destination)


async def _try(data_dir: Path, address: str, rules: tuple[Rule, ...], most: int) -> Trial:
    database = await Database.open_to_read(data_dir, address)
    try:
        return await try_patterns(database, rules, most=most)
    finally:
        await database.close()


def _examples(rule: Rule) -> str:
    count = len(rule.examples) + len(rule.counter_examples)
    return "1 example" if count == 1 else f"{count} examples"


def _told(trial: Trial) -> list[str]:
    lines = [f"{trial.groups} failure groups of {trial.analyses} analyses."]
    for score in trial.patterns:
        lines.append(
            f"{score.name} ({score.classification}): finds {score.groups} groups with {score.failures} failures; "
            f"people agree with {score.agreed} and disagree with {score.disagreed}"
        )
        lines += [f"    disagrees: {visible(one_line(one, _CELL))}" for one in score.disagreements]
    if not trial.changes:
        return [*lines, "No answer of the built-in analyser would change."]
    lines.append(f"{trial.changes.total()} answers of the built-in analyser would change:")
    lines += [f"    {before} -> {after}: {count}" for (before, after), count in trial.changes.most_common()]
    lines.append(
        f"Where people decided: {trial.righted} would become what they decided, {trial.wronged} would cease to be."
    )
    return lines


def _say(lines: list[str], destination: Destination) -> int:
    write([Document("", ("\n".join(lines) + "\n").encode())], destination)
    return NOTHING_FAILED
