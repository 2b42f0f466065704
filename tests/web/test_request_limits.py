"""The rules by which a request is judged from its head alone."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.web.request_limits import ONCE, SIGNATURE, SLACK_EVENTS
from tests.hostile.strangers import head
from tests.platforms import PLATFORMS
from tests.web.raw import served

WEB = Path(__file__).parent.parent.parent / "bot" / "web"
JOINED = {"X-Forwarded-For"}
"""Two lines of it mean the same as one with a comma."""


def header_reads(source: str) -> Iterator[str]:
    """Yield what stands for the name wherever a header of a request is read by name."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(attr="headers"), attr="get" | "getall" | "getone"),
                args=[name, *_],
            ):
                yield ast.unparse(name)
            case ast.Subscript(value=ast.Attribute(attr="headers"), slice=name, ctx=ast.Load()):
                yield ast.unparse(name)


@pytest.mark.parametrize("name", ONCE)
async def test_a_header_that_decides_something_may_be_given_once(name: str) -> None:
    values = {"Host": "a", "Content-Length": "0", "Transfer-Encoding": "chunked"}
    value = values.get(name, "x")

    async with served() as one:
        client = await one.client()
        once = {} if name == "Transfer-Encoding" else {"Content-Length": 0}
        await client.send(head("POST /", once | {name: value}, f"{name.upper()}: {value}"))

        assert (await client.answer())[0] == 400


async def test_an_address_that_came_through_two_proxies_is_no_fault() -> None:
    async with served() as one:
        client = await one.client()
        await client.send(head("GET /", {"X-Forwarded-For": "192.0.2.1"}, "X-Forwarded-For: 192.0.2.2"))

        assert (await client.answer())[0] == 200


def test_every_header_our_pages_read_is_one_that_may_not_be_repeated(
    record_property: Callable[[str, object], None],
) -> None:
    constants = {
        "SLACK_SIGNATURE",
        "SLACK_TIMESTAMP",
        "webhook.signature_header",
        "hdrs.CONTENT_ENCODING",
        "hdrs.RANGE",
        "RESUMABLE",
        "METADATA",
    }
    known = {repr(name) for name in (*ONCE, *JOINED)} | constants

    found = [
        (path.name, name)
        for path in sorted(WEB.glob("*.py"))
        for name in header_reads(path.read_text())
        if (path.name, name) not in {("request_limits.py", "name"), ("uploads.py", "header")}
    ]

    assert [each for each in found if each[1] not in known] == []
    assert len(found) >= 6
    record_property("counted", f"{len(found)} places read a header of a request: none that may be repeated")


def test_every_header_a_platform_signs_with_is_one_that_may_not_be_repeated() -> None:
    signed = {hook.signature_header for platform in PLATFORMS.values() for hook in platform.webhooks} - {""}

    assert signed
    assert [name for name in signed if not name.lower().endswith(SIGNATURE)] == []


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("request.headers.get('X-Other', '')", "'X-Other'"),
        ("request.headers['X-Other']", "'X-Other'"),
        ("request.headers.getall('X-Other')", "'X-Other'"),
    ],
)
def test_a_line_that_reads_another_header_is_found(line: str, name: str) -> None:
    assert list(header_reads(line)) == [name]


def test_slacks_entrance_is_the_one_with_the_larger_bodies() -> None:
    assert SLACK_EVENTS == "/slack/events"
