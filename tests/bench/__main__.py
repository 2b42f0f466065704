"""`python -m tests.bench`: measure, print, and with `--write` put the numbers into docs/benchmarks.md."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bot.process import set_log_level
from tests.bench.benchmarks import DIALECTS, SMALL, Line, Plan, bench
from tests.bench.report import PAGE, PICTURES, markdown, put, show
from tests.bench.suite import BENCHMARKS

console = Console()
cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def main(
    only: Annotated[
        list[str] | None, typer.Option(help="A part of a benchmark's name; may be repeated.")
    ] = None,
    database: Annotated[list[str] | None, typer.Option(help="sqlite or postgresql; default both.")] = None,
    rounds: Annotated[int, typer.Option(help="How many rounds the medians are of.")] = 9,
    small: Annotated[bool, typer.Option("--small", help="Only see that everything runs.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Put the numbers into docs/benchmarks.md.")] = False,
) -> None:
    """Measure Octapost against a Bolt app that does nothing, on this machine."""
    set_log_level()
    load = os.getloadavg()[0]
    chosen = [name for name in BENCHMARKS if not only or any(o.lower() in name.lower() for o in only)]
    plan = SMALL if small else Plan(rounds=rounds)
    results = uvloop.run(measure(plan, chosen, tuple(database or DIALECTS), PICTURES if write else None))
    if write:
        command = "uv run python -m tests.bench --write" + (f" --rounds {rounds}" if rounds != 9 else "")
        PAGE.write_text(
            put(PAGE.read_text(encoding="utf-8"), markdown(command, results, load)), encoding="utf-8"
        )
        console.print(f"Written to {PAGE}.")


async def measure(
    plan: Plan, chosen: list[str], dialects: tuple[str, ...], pictures: Path | None
) -> dict[str, list[Line]]:
    """Return the lines of the chosen benchmarks, printed as they come."""
    results = {}
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with (
        tempfile.TemporaryDirectory(prefix="octapost-bench-") as folder,
        Progress(*columns, console=console, transient=True) as bar,
    ):
        task = bar.add_task("Starting the databases …")

        def say(what: str) -> None:
            bar.update(task, description=what)

        async with bench(plan, Path(folder), say, dialects, pictures) as one:
            for name in chosen:
                results[name] = await BENCHMARKS[name](one)
                show(console, name, results[name])
    return results


if __name__ == "__main__":
    cli()
