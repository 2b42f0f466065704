"""Where the numbers go: a table in the terminal, and docs/benchmarks.md between its markers."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from tests.bench.benchmarks import Line

PAGE = Path(__file__).parent.parent.parent / "docs" / "benchmarks.md"
PICTURES = PAGE.parent / "images"
BEGIN, END = "<!-- begin: written by tests.bench -->", "<!-- end: written by tests.bench -->"
VERDICTS = {True: "yes", False: "**no**", None: ""}


def show(console: Console, title: str, lines: Sequence[Line]) -> None:
    """Print one benchmark's lines."""
    table = Table("What", "Measured", "From … to", "Goal", "Met", title=title, title_justify="left")
    for line in lines:
        style = None if line.met is None else "green" if line.met else "red"
        met = "" if line.met is None else "yes" if line.met else "no"
        table.add_row(line.what, line.measured, line.spread, line.goal, met, style=style)
    console.print(table)


def machine() -> str:
    """Return the machine and the programs that matter, on one line."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in _lines("/proc/cpuinfo")
            if line.startswith(("model name", "Model"))
        ),
        platform.processor() or platform.machine(),
    )
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB; {platform.system()} {platform.release()};"
        f" Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def markdown(command: str, results: Mapping[str, Sequence[Line]], load: float) -> str:
    """Return the results as Markdown: the command, the machine and its load before, a table per benchmark."""
    parts = [
        f"`{command}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"Machine: {machine()}. Its load in the minute before: {load:.1f}.",
    ]
    for title, lines in results.items():
        rows = [
            "| What | Measured | From … to | Goal | Met |",
            "| --- | --- | --- | --- | --- |",
            *(
                f"| {line.what} | {line.measured} | {line.spread} | {line.goal} | {VERDICTS[line.met]} |"
                for line in lines
            ),
        ]
        parts += [f"### {title}", "\n".join(rows)]
    return "\n\n".join(parts)


def put(page: str, results: str) -> str:
    """Return the page with `results` between its markers. Raises ValueError for a page without them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{results}\n\n{END}{after}"
