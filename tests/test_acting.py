"""Every write on behalf of a member goes through `bot.acting`; each other writer is listed with its reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

BOT = Path(__file__).parent.parent / "bot"
MAY_WRITE = {
    "app.py:*": "the command line's, and the schema's",
    "connections.py:_drop": "forgets a consent that led to nothing",
    "connections.py:_tell": "owes a member a message",
    "departures.py:*": "a platform's signed word",
    "disconnections.py:_end": "ends a grant that nobody holds any more",
    "disconnections.py:end_if_unused": "ends a grant that led to no account",
    "jobs/*": "what the clock does",
    "operator.py:*": "what whoever runs this installation is told",
    "slack.py:*": "the bot's own tokens",
    "stories/lifecycle.py:*": "what Slack says of the app and of people",
    "stories/organization.py:create": "there is no organization yet to be a member of",
    "stories/organization.py:join": "a code instead of a membership",
    "web/connect.py:_admit": "whose browser it is",
    "web/connect.py:_came_to_nothing": "owes a member a message",
    "web/connect.py:_consent": "uses a ticket up; its member is checked before anything comes of it",
    "web/connect.py:callback": "uses an attempt up; its member is checked before anything comes of it",
    "web/connect.py:identity": "uses a trip to Slack's sign-in up",
    "web/connect.py:start": "begins a trip to Slack's sign-in",
    "web/install.py:*": "trips to Slack's install page",
}
"""Who opens a write of the system's own, and why that is not on behalf of a member whose role counts."""


def writes(source: str) -> Iterator[tuple[str, str]]:
    """Yield the function and the kind of every transaction in `source` that may write."""
    functions = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    for function in functions:
        for node in ast.walk(function):
            match node:
                case ast.Call(func=ast.Attribute(value=database, attr="system" | "organization" as kind)):
                    name = (
                        database.attr if isinstance(database, ast.Attribute) else getattr(database, "id", "")
                    )
                    if name.endswith("database") and not _reads(node):
                        yield function.name, kind


def _reads(call: ast.Call) -> bool:
    return any(
        each.arg == "write" and isinstance(each.value, ast.Constant) and each.value.value is False
        for each in call.keywords
    )


def writers() -> list[tuple[str, str]]:
    """Return every function of the bot that may write without `bot.acting`, as `path:function`, and how."""
    return [
        (f"{path.relative_to(BOT).as_posix()}:{function}", kind)
        for path in sorted(BOT.rglob("*.py"))
        for function, kind in writes(path.read_text())
    ]


def test_no_writer_goes_around_the_check_of_the_members_role() -> None:
    found = writers()

    unlisted = [each for each, _ in found if not any(fnmatch(each, known) for known in MAY_WRITE)]
    assert unlisted == []
    assert [each for each, kind in found if kind == "organization"] == []
    assert [known for known in MAY_WRITE if not any(fnmatch(each, known) for each, _ in found)] == []


@pytest.mark.parametrize(
    "line",
    [
        "async with self._database.organization(actor.organization_id) as session: ...",
        "async with self._database.system() as session: ...",
        "async with database.system(write=write) as session: ...",
        "async with office.parts.database.organization('org_1', write=True) as session: ...",
    ],
)
def test_a_writer_is_found(line: str) -> None:
    assert [function for function, _ in writes(f"async def f():\n    {line}")] == ["f"]


@pytest.mark.parametrize(
    "line",
    [
        "async with self._database.organization(actor.organization_id, write=False) as session: ...",
        "async with acting(self._database, actor) as session: ...",
        "self._platform.system()",
    ],
)
def test_a_reader_is_not(line: str) -> None:
    assert list(writes(f"async def f():\n    {line}")) == []
