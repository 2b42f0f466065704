"""The whole dependency tree, pinned in pyproject.toml, because `uv.lock` is not committed.

`uv run python -m tests.pins write` resolves afresh, without the existing pins, and rewrites
`[tool.uv] constraint-dependencies`; not another byte of the file changes.
`uv run python -m tests.pins check` exits 1 and names every package whose pin is missing,
different or no longer needed, and 0 when the pins are complete. It resolves from uv's cache when
that is enough, and asks the package index otherwise.

Both resolve in a temporary copy, so neither touches the working tree's lock or environment.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
TABLE = re.compile(r"^\[tool\.uv\]\n", re.MULTILINE)
ARRAY = re.compile(r"^constraint-dependencies = \[\n(?:[^\]\n].*\n)*\]\n", re.MULTILINE)
PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[A-Za-z0-9.+!]+)(?: ; .+)?")


class PinsError(Exception):
    """Something about the pins that a person must look at."""


def pinned(text: str) -> set[tuple[str, str]]:
    """Return the (name, version) pairs that a pyproject.toml pins.

    Raises PinsError for a constraint that is not an exact pin.
    """
    found = set()
    for line in tomllib.loads(text).get("tool", {}).get("uv", {}).get("constraint-dependencies", ()):
        match = PIN.fullmatch(line)
        if match is None:
            raise PinsError(f"not an exact pin: {line}")
        found.add((match["name"], match["version"]))
    return found


def locked(lock: str) -> list[dict[str, Any]]:
    """Return the packages of a uv.lock, without our own project."""
    return [p for p in tomllib.loads(lock)["package"] if not {"editable", "virtual"} & set(p["source"])]


def pins_of(packages: list[dict[str, Any]]) -> list[str]:
    """Return one requirement per package, sorted.

    A package that was resolved to several versions gets each with the markers it holds for.
    """
    versions = Counter(p["name"] for p in packages)
    pins = []
    for package in packages:
        pin = f"{package['name']}=={package['version']}"
        if versions[package["name"]] > 1:
            pin += " ; " + " or ".join(f"({marker})" for marker in package["resolution-markers"])
        pins.append(pin)
    return sorted(pins)


def with_pins(text: str, pins: list[str]) -> str:
    """Return a pyproject.toml's text with its constraint array replaced, or added where it has none."""
    lines = "".join(f'    "{pin}",\n' for pin in pins)
    array = f"constraint-dependencies = [\n{lines}]\n"
    if ARRAY.search(text):
        return ARRAY.sub(lambda _: array, text, count=1)
    if TABLE.search(text):
        return TABLE.sub(lambda match: match[0] + array, text, count=1)
    return f"{text}\n[tool.uv]\n{array}"


def differences(wanted: set[tuple[str, str]], have: set[tuple[str, str]]) -> list[str]:
    """Return one sentence per package where the pins and a resolution disagree, by name."""
    said = []
    for name in sorted({name for name, _ in wanted ^ have}):
        needs = ", ".join(sorted(v for n, v in wanted if n == name))
        pins = ", ".join(sorted(v for n, v in have if n == name))
        if not pins:
            said.append(f"{name}: not pinned, resolves to {needs}")
        elif not needs:
            said.append(f"{name}: pinned to {pins}, but nothing needs it")
        else:
            said.append(f"{name}: pinned to {pins}, resolves to {needs}")
    return said


def resolve(text: str, *, offline_first: bool) -> list[dict[str, Any]]:
    """Return what a project with this pyproject.toml resolves to. Raises PinsError with uv's own words."""
    uv = shutil.which("uv")
    if uv is None:
        raise PinsError("uv is not on the path: pip install uv")
    tries: list[list[str]] = [["--offline"], []] if offline_first else [["--upgrade"]]
    with tempfile.TemporaryDirectory(prefix="octapost-pins-") as folder:
        Path(folder, "pyproject.toml").write_text(text)
        for options in tries:
            done = subprocess.run(  # noqa: S603 - uv, with arguments written here
                [uv, "lock", "--quiet", "--directory", folder, *options],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode == 0:
                return locked(Path(folder, "uv.lock").read_text())
    raise PinsError(f"uv could not resolve the dependencies:\n{done.stderr.strip()}")


def write(path: Path = PYPROJECT) -> str:
    """Pin everything to what resolves today, and return a sentence about it."""
    text = path.read_text()
    pins = pins_of(resolve(with_pins(text, []), offline_first=False))
    path.write_text(with_pins(text, pins))
    return f"{len(pins)} packages pinned in {path.name}"


def check(path: Path = PYPROJECT) -> str:
    """Return a sentence when the pins are complete. Raises PinsError naming what is not."""
    text = path.read_text()
    packages = resolve(text, offline_first=True)
    wrong = differences({(p["name"], p["version"]) for p in packages}, pinned(text))
    if wrong:
        raise PinsError("\n".join([*wrong, "Cure: uv run python -m tests.pins write"]))
    return f"{len(packages)} packages, all pinned"


def main(arguments: list[str]) -> int:
    """Run one of the two commands and return the exit code."""
    commands = {"write": write, "check": check}
    if len(arguments) != 1 or arguments[0] not in commands:
        print("usage: python -m tests.pins write|check", file=sys.stderr)
        return 2
    try:
        print(commands[arguments[0]]())
    except PinsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
