"""The kept record of what stories say, and how a run differs from it."""

from __future__ import annotations

import ast
import difflib
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.counts import FULL
from tests.golden.recording import Said

FOLDER = Path(__file__).parent / "kept"
STORIES = Path(__file__).parents[1] / "stories"
TESTS = "tests"
KINDS = ("answer", "edit", "home", "message", "options", "page", "view")
WRITE = "OCTAPOST_GOLDEN"
REWRITE = "OCTAPOST_GOLDEN=write OCTAPOST_FULL=1 uv run pytest tests/stories"
MOST_LINES = 60
"""Lines of a difference that are shown; a test that says something else everywhere needs no more."""

DIALECT = re.compile(r"(?<![a-z])(?:sqlite|postgresql)(?![a-z])-?")


class WriteRefused(Exception):
    """The record is not rewritten in this run. The message says why."""


class Record:
    """Which test says what: digests by test, and payloads by digest."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Read the record in `folder`; an empty folder is an empty record."""
        self._folder = folder
        self.tests: dict[str, list[str]] = _read(folder / f"{TESTS}.json")
        self.sayings: dict[str, Said] = {
            digest: {kind: payload}
            for kind in KINDS
            for digest, payload in _read(folder / f"{kind}.json").items()
        }

    def differences(self, test: str, sayings: Iterable[Said]) -> str:
        """Return how what a test said now differs from its record; empty if it doesn't."""
        if test not in self.tests:
            return f"This test has no record. To make one: {REWRITE}"
        now = {digest_of(saying): saying for saying in sayings}
        kept = {digest: self.sayings[digest] for digest in self.tests[test]}
        new = [saying for digest, saying in now.items() if digest not in kept]
        gone = [saying for digest, saying in kept.items() if digest not in now]
        return "\n".join(_described(new, gone))

    def keep(self, test: str, sayings: Iterable[Said]) -> None:
        """Replace the record of a test."""
        found = {digest_of(saying): saying for saying in sayings}
        self.sayings |= found
        self.tests[test] = sorted(found)

    def forget(self, tests: Iterable[str]) -> None:
        """Remove the records of tests that are no more."""
        for test in tests:
            del self.tests[test]

    def write(self) -> None:
        """Write all of it, without payloads that no test says any more."""
        used = {digest for digests in self.tests.values() for digest in digests}
        _write(self._folder / f"{TESTS}.json", dict(sorted(self.tests.items())))
        for kind in KINDS:
            payloads = {d: s[kind] for d, s in self.sayings.items() if kind in s and d in used}
            # By content: a changed sentence stands where the old one stood.
            _write(self._folder / f"{kind}.json", dict(sorted(payloads.items(), key=lambda i: _text(i[1]))))


def rewrite(
    said: Mapping[str, Iterable[Said]],
    collected: Mapping[str, bool],
    folder: Path = FOLDER,
    stories: Path = STORIES,
) -> None:
    """Replace the records of the tests in `said`, while other processes do the same with theirs.

    `collected` says of each test of this run whether it is recorded. Records of tests that are no more are removed:
    of a function that ran those that are not recorded, and of functions that `stories` does not hold all.
    """
    with _alone(folder):
        record = Record(folder)
        for test, sayings in said.items():
            record.keep(test, sayings)
        ran, there = set(map(function_of, collected)), set(functions_in(stories))
        gone = [
            test
            for test in record.tests
            if function_of(test) not in there or (function_of(test) in ran and not collected.get(test))
        ]
        record.forget(gone)
        record.write()


def writing(env: Mapping[str, str] = os.environ, *, full: bool = FULL) -> bool:
    """Tell whether this run rewrites the record.

    Raises:
        WriteRefused: this run must not, or would write only a part.
    """
    match env.get(WRITE, ""):
        case "":
            return False
        case "write":
            pass
        case other:
            raise WriteRefused(f"{WRITE} is write or not set, and not {other!r}.")
    if env.get("CI"):
        raise WriteRefused("CI compares with the record and never rewrites it.")
    if not full:
        raise WriteRefused(f"A sample of the tests is not all of the record: {REWRITE}")
    return True


def recorded_in(items: Iterable[pytest.Item]) -> dict[str, bool]:
    """Return the names of tests, and whether each is recorded."""
    return {name_of(item.name): recorded(item) for item in items}


def recorded(item: pytest.Item) -> bool:
    """Tell whether a test has a record: all that use a product in its world, unless they are marked."""
    fixtures = getattr(item, "fixturenames", ())
    return "golden" in fixtures and item.get_closest_marker("unrecorded") is None


def functions_in(folder: Path = STORIES) -> Iterator[str]:
    """Yield the name of each test function in the test modules of a folder."""
    for path in sorted(folder.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield node.name


def function_of(test: str) -> str:
    """Return a test's function, without parameters."""
    return test.partition("[")[0]


def name_of(node_name: str) -> str:
    """Return the name of a test without the database it ran on: both say the same."""
    function, bracket, parameters = node_name.partition("[")
    rest = DIALECT.sub("", parameters.removesuffix("]")).removesuffix("-") if bracket else ""
    return f"{function}[{rest}]" if rest else function


def digest_of(saying: Said) -> str:
    """Return a short name for a payload, the same for the same one."""
    return hashlib.sha256(_text(saying).encode()).hexdigest()[:12]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process writes in this folder, and keep others out."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _described(new: list[Said], gone: list[Said]) -> Iterator[str]:
    left = list(gone)
    for saying in new:
        before = _nearest(saying, left)
        if before is None:
            yield f"New, {_kind(saying)}:\n{_lines(saying)}"
            continue
        left.remove(before)
        lines = difflib.unified_diff(
            _lines(before).splitlines(), _lines(saying).splitlines(), "kept", "now", n=2, lineterm=""
        )
        yield f"Changed, {_kind(saying)}:\n" + "\n".join(list(lines)[:MOST_LINES])
    yield from (f"Gone, {_kind(saying)}:\n{_lines(saying)}" for saying in left)


def _nearest(saying: Said, others: Iterable[Said]) -> Said | None:
    """Return what reads most like `saying` and is of its kind, if anything does."""
    matcher = difflib.SequenceMatcher(b=_lines(saying).splitlines(), autojunk=False)
    best, most = None, 0.5
    for other in others:
        matcher.set_seq1(_lines(other).splitlines())
        if _kind(other) == _kind(saying) and matcher.ratio() > most:
            best, most = other, matcher.ratio()
    return best


def _kind(saying: Said) -> str:
    return next(iter(saying))


def _lines(saying: Said) -> str:
    return json.dumps(saying, indent=1, ensure_ascii=False)


def _text(payload: Any) -> str:
    return json.dumps(payload, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def _write(path: Path, entries: Mapping[str, Any]) -> None:
    """Write one entry a line, so that a difference of two versions shows what changed."""
    lines = [f"{json.dumps(name, ensure_ascii=False)}:{_text(entry)}" for name, entry in entries.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
