"""The image's packages with the hashes of their files, which pip checks: `deploy/*requirements.txt`.

`uv run python -m tests.hashes write` writes both from `pyproject.toml`: what the product needs, at the pinned
versions, and what builds it. `uv run python -m tests.hashes check` exits 1 and names each package whose version
is another one, or of whose files none is among those that the package index has.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
COMPILE = ("pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-header", "--no-annotate")
LINE = re.compile(
    r"(?P<requirement>\S+==\S+(?: ; [^\\\n]+?)?)(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})+)"
)
HASH = re.compile(r"sha256:[0-9a-f]{64}")


class HashesError(Exception):
    """Something about the hashes that a person must look at."""


def parsed(text: str) -> dict[str, set[str]]:
    """Return each requirement, with its markers, and the hashes of its files. Raises HashesError for other lines."""
    rest = LINE.sub("", text).strip()
    if rest:
        raise HashesError(f"not a requirement with hashes: {rest.splitlines()[0]}")
    return {match["requirement"]: set(HASH.findall(match["hashes"])) for match in LINE.finditer(text)}


def needs_of_the_product(root: Path) -> str:
    """Return what `octapost` and its traces need, by the pins of pyproject.toml."""
    return _compiled(root, "pyproject.toml", "--extra", "otel")


def needs_of_the_build(root: Path) -> str:
    """Return what builds it, as `[build-system]` lists it in full."""
    project = tomllib.loads((root / "pyproject.toml").read_text())
    return _compiled(root, "-", "--no-deps", given="\n".join(project["build-system"]["requires"]))


FILES: dict[str, Callable[[Path], str]] = {
    "deploy/requirements.txt": needs_of_the_product,
    "deploy/build-requirements.txt": needs_of_the_build,
}


def _compiled(root: Path, source: str, *options: str, given: str = "") -> str:
    uv = shutil.which("uv")
    if uv is None:
        raise HashesError("uv is not on the path: pip install uv")
    done = subprocess.run(  # noqa: S603 - uv, with arguments written here
        [uv, *COMPILE, "--python-version", "3.11", source, *options],
        cwd=root,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise HashesError(f"uv could not resolve the dependencies:\n{done.stderr.strip()}")
    return done.stdout


def differences(wanted: dict[str, set[str]], have: dict[str, set[str]]) -> list[str]:
    """Return one sentence for each requirement where a file and a resolution disagree."""
    said = [f"{each}: not in the file" for each in sorted(wanted.keys() - have.keys())]
    said += [f"{each}: in the file, but nothing needs it" for each in sorted(have.keys() - wanted.keys())]
    both = sorted(wanted.keys() & have.keys())
    return said + [f"{each}: none of its hashes is right" for each in both if not wanted[each] & have[each]]


def write(root: Path = ROOT) -> str:
    """Write both files, and return a sentence about it."""
    for name, needs in FILES.items():
        (root / name).write_text(needs(root))
    return f"{' and '.join(FILES)} written"


def check(root: Path = ROOT) -> str:
    """Return a sentence when both files are right. Raises HashesError naming what is not."""
    wrong = [
        f"{name}: {difference}"
        for name, needs in FILES.items()
        for difference in differences(parsed(needs(root)), parsed((root / name).read_text()))
    ]
    if wrong:
        raise HashesError("\n".join([*wrong, "Cure: uv run python -m tests.hashes write"]))
    return f"{' and '.join(FILES)} are right"


def main(arguments: list[str]) -> int:
    """Run one of the two commands and return the exit code."""
    commands = {"write": write, "check": check}
    if len(arguments) != 1 or arguments[0] not in commands:
        print("usage: python -m tests.hashes write|check", file=sys.stderr)
        return 2
    try:
        print(commands[arguments[0]]())
    except HashesError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
