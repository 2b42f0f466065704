"""The command `octapost`, also `python -m bot`: checks that Python finds our packages, then runs the command line."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
PACKAGES = ("adapters", "sandbox", "storage")
"""Our packages beside `bot`. Other projects publish packages with these names."""


def misplaced() -> str | None:
    """Return a sentence about the first of our packages that Python would not import from beside `bot`, or None."""
    for name in PACKAGES:
        spec = find_spec(name)
        if spec is None:
            return f"Octapost is incomplete: its package `{name}` is not in {HOME}."
        found = Path(spec.origin or "").resolve().parent
        if found != HOME / name:
            return (
                f"Another package named `{name}`, in {found}, hides Octapost's own:"
                " install Octapost in an environment of its own."
            )
    return None


def main() -> None:
    """Run the command line, or exit with a sentence if another package would be imported instead of ours."""
    if (fault := misplaced()) is not None:
        sys.exit(fault)
    from bot import cli  # noqa: PLC0415 - it imports the packages that are checked above

    cli.main()


if __name__ == "__main__":
    main()
