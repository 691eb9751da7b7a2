"""Runs every bench program beside it, one after the other, so that none disturbs another's figures.

python bench/run.py [NAME ...]     with names, only the programs whose file name holds one of them
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Run the programs; returns 1 if one failed or none was found."""
    wanted = sys.argv[1:]
    found = sorted(HERE.glob("bench_*.py"))
    programs = [path for path in found if not wanted or any(word in path.stem for word in wanted)]
    if not programs:
        print(f"No bench program matches {' '.join(wanted) or 'bench/bench_*.py'}.", file=sys.stderr)
        return 1
    codes = []
    for program in programs:
        print(f"== {program.stem.removeprefix('bench_')}", flush=True)
        codes.append(
            subprocess.run(
                [sys.executable, "-m", f"bench.{program.stem}"], cwd=HERE.parent, check=False
            ).returncode
        )
    return 0 if not any(codes) else 1


if __name__ == "__main__":
    sys.exit(main())
