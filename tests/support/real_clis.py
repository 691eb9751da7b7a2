"""The real Claude Code and Gemini CLI, installed as `tests/real_clis/package-lock.json` says.

Claude Code's program lies ready in the package for its platform.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.support.npm_packages import NODE_PATH, installed


@dataclass(frozen=True, slots=True)
class RealClis:
    """Where the programs are."""

    claude: Path
    gemini: Path
    path: str
    """The PATH they need: Gemini CLI is a program for Node."""


def real_clis() -> RealClis:
    """The programs, installed if they are not yet there."""
    modules = installed("real_clis")
    (claude,) = (modules / "@anthropic-ai").glob("claude-code-*/claude")
    return RealClis(claude, modules / ".bin" / "gemini", NODE_PATH)
