"""The command `octapost`, also as `python -m bot`: starts the command line where our packages lie together."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
PACKAGES = ("adapters", "sandbox", "storage")
"""Our packages beside `bot`. Other projects publish packages with these names."""


def misplaced() -> str | None:
    """Return a sentence about the first of our packages that Python would not take from beside `bot`."""
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
    """Run the command line, or end with a sentence where another package would take the place of ours."""
    if (fault := misplaced()) is not None:
        sys.exit(fault)
    from bot import cli  # noqa: PLC0415 - it imports the packages that are checked above

    cli.main()


if __name__ == "__main__":
    main()
