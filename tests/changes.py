"""The small changes that CONTRIBUTING.md shows, made in a copy of the product."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
EXAMPLE = re.compile(r"^```diff\n# (\S+\.py)\n(.+?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of one file, as a diff shows it: `path`, and the lines before and after."""

    path: str
    before: str
    after: str


def examples() -> list[Change]:
    """Return the changes in CONTRIBUTING.md, in their order there."""
    return [
        Change(
            path=path,
            before="".join(line[1:] for line in lines if line[0] in " -"),
            after="".join(line[1:] for line in lines if line[0] in " +"),
        )
        for path, diff in EXAMPLE.findall((ROOT / "CONTRIBUTING.md").read_text())
        if (lines := diff.splitlines(keepends=True))
    ]


async def play(folder: Path, script: str, *paths: str) -> str:
    """Return what a script prints that runs with the examples of these files made; `folder` is for the copy.

    The script gets `folder` as its argument.
    """
    tree = folder / "tree"
    for package in ("adapters", "bot", "sandbox", "storage"):
        shutil.copytree(ROOT / package, tree / package)
    changes = [change for change in examples() if change.path in paths]
    assert [change.path for change in changes] == list(paths)
    for change in changes:
        file = tree / change.path
        file.write_text(file.read_text().replace(change.before, change.after))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, folder),
        cwd=tree,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (tree, ROOT)))},
        stdout=asyncio.subprocess.PIPE,
    )
    printed = (await process.communicate())[0].decode()
    assert process.returncode == 0
    return " ".join(printed.split())
