"""The command `backtest`: how right memory and built-in rules would have been on what people have judged."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rootcoz.cli.exit_codes import NOTHING_FAILED
from rootcoz.cli.output import Destination, write
from rootcoz.cli.report.finished import Document
from rootcoz.features.backtest import FEW, Backtest, Replay, Score, backtest
from rootcoz.settings import Settings, load_settings
from rootcoz.store.engine import Database

_ROW = "{:<16} {:>8} {:>9} {:>9}   {:<13} {:>11}"


@dataclass(frozen=True, slots=True)
class BacktestOptions:
    """What the user wants; None leaves the settings."""

    data_dir: Path | None
    most: int
    format: Literal["table", "json"]


def run_backtest(options: BacktestOptions, destination: Destination) -> int:
    """Look back and write what came of it; the exit code. Raises UnusableDatabase."""
    settings = load_settings(project_files=True, data_dir=options.data_dir, log_level="ERROR")
    found = asyncio.run(_look_back(settings, options))
    text = _json(found) if options.format == "json" else _table(found)
    write([Document("", text.encode())], destination)
    return NOTHING_FAILED


async def _look_back(settings: Settings, options: BacktestOptions) -> Backtest:
    address = settings.database_url.get_secret_value() if settings.database_url else ""
    if options.data_dir is not None:  # who names a folder means what lies in it
        address = ""
    database = await Database.open_to_read(settings.data_dir, address)
    try:
        return await backtest(database, most=options.most)
    finally:
        await database.close()


# --- for people ------------------------------------------------------------------------------------


def _table(found: Backtest) -> str:
    past = found.replay
    if not past.judged:
        return (
            "Nobody has judged a failure yet, so there is nothing to look back on. Set classifications or mark "
            "failures as reviewed in a result, and ask again.\n"
        )
    head = (
        f"{past.judged} failure groups that people judged, from {past.first[:10]} to {past.last[:10]}: "
        f"{found.overridden} whose classification they set, {found.confirmed} that they reviewed and left.\n"
        "Each is answered from what was known before its analysis began.\n"
    )
    return f"{head}{_warning(past)}\n{replay_table(past)}{_bias(found)}"


def _warning(past: Replay) -> str:
    if not past.is_little:
        return ""
    return (
        f"\nTOO LITTLE DATA: with fewer than {FEW} judged groups the figures below say next to nothing. Do not decide "
        "anything by them.\n"
    )


def _bias(found: Backtest) -> str:
    if found.confirmed:
        return ""
    return (
        "\nAll of these were set by people, mostly because the answer was wrong; right answers that nobody marked as "
        "reviewed are missing. So `as answered` looks worse than it was.\n"
    )


def replay_table(past: Replay) -> str:
    """The figures in columns."""
    lines = [_ROW.format("who answers", "answered", "coverage", "right", "95% between", "calibration")]
    lines += [_line(score) for score in past.scores]
    if past.similar_told:
        share = past.similar_right / past.similar_told
        lines.append("")
        lines.append(
            f"Similar failures were told for {past.similar_told} failures; the most similar one had the same cause "
            f"{share:.1%} of the time."
        )
    if past.causes_seen:
        lines.append(
            f"{past.causes_seen} failures had a cause that had come before under another signature; it was among the "
            f"similar ones for {past.causes_found / past.causes_seen:.1%}."
        )
    for score in past.scores:
        if score.bins:
            lines += ["", f"{score.voice}: how sure, how often right"]
            lines += [
                f"  from {one.lower:.1f}  {one.answered:>6} answers, mean confidence {one.confidence:.2f}, "
                f"right {one.right:.2f}"
                for one in score.bins
            ]
    return "\n".join(lines) + "\n"


def _line(score: Score) -> str:
    interval = score.interval
    return _ROW.format(
        score.voice,
        score.answered,
        f"{score.coverage:.1%}",
        "-" if score.accuracy is None else f"{score.accuracy:.1%}",
        "-" if interval is None else f"{interval[0]:.1%}-{interval[1]:.1%}",
        "-" if score.calibration_error is None else f"{score.calibration_error:.3f}",
    ).rstrip()


# --- for programs ----------------------------------------------------------------------------------


def _json(found: Backtest) -> str:
    past = found.replay
    document = {
        "judged": past.judged,
        "overridden": found.overridden,
        "confirmed": found.confirmed,
        "first": past.first or None,
        "last": past.last or None,
        "too_little_data": past.is_little,
        "answers": [_fields(score) for score in past.scores],
    }
    return json.dumps(document, indent=2) + "\n"


def _fields(score: Score) -> dict[str, object]:
    return {
        "who": score.voice,
        "asked": score.asked,
        "answered": score.answered,
        "right": score.right,
        "coverage": score.coverage,
        "accuracy": score.accuracy,
        "accuracy_95": score.interval,
        "calibration_error": score.calibration_error,
        "calibration": [
            {
                "confidence_from": one.lower,
                "answered": one.answered,
                "mean_confidence": one.confidence,
                "right": one.right,
            }
            for one in score.bins
        ],
    }
