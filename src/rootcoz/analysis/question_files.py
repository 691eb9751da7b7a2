"""Putting the files that a question names into its workspace."""

import asyncio
from collections.abc import Mapping
from pathlib import Path


async def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write name to text, making the folder when it is not there."""
    await asyncio.to_thread(_write, folder, files)


def _write(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", errors="replace")
