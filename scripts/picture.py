"""Draws the demo's report as it looks in a terminal: `docs/images/demo.svg`, which the README shows."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "images" / "demo.svg"
REPORT = "examples/demo-report.xml"
COLUMNS = 110
LINES = 52
"""So much of the report is drawn: its head and the first groups."""
FAILURES_FOUND = 1
"""The exit code of `rootcoz analyze` for a report with failures."""
FONT_FACE = re.compile(r"@font-face\s*\{.*?\}", re.DOTALL)
"""rich's drawing fetches its font from elsewhere; without that the reader's own fixed-width font is used."""


def main() -> int:
    """Run the demo in a data directory of its own and draw what it prints; returns the exit code."""
    with tempfile.TemporaryDirectory() as data_dir:
        rootcoz = str(Path(sys.executable).with_name("rootcoz"))
        settings = {"AI_PROVIDER": "builtin", "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
        process = subprocess.run(
            [rootcoz, "analyze", "--data-dir", data_dir, REPORT],
            cwd=ROOT,
            env=os.environ | settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    if process.returncode != FAILURES_FOUND:
        print(f"rootcoz analyze ended with {process.returncode}; nothing was drawn.", file=sys.stderr)
        return 1
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(draw(process.stdout), encoding="utf-8")
    print(f"{PICTURE.relative_to(ROOT)} is drawn.")
    return 0


def draw(output: str) -> str:
    """The terminal's output, colours included, as an SVG document that loads nothing."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere)
        lines = output.splitlines()
        console.print(Text.from_ansi("\n".join([*lines[:LINES], "   …"] if len(lines) > LINES else lines)))
        # The id keeps two drawings of the same output identical; by default it is random.
        return FONT_FACE.sub("", console.export_svg(title=f"rootcoz analyze {REPORT}", unique_id="demo"))


if __name__ == "__main__":
    sys.exit(main())
