"""Slack's entrance: what is refused before its body is read, and what makes two deliveries the same request."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.web.request_limits import LARGEST_SLACK_BODY, SLACK_EVENTS
from bot.web.slack_events import LARGEST_CHECK, VALID_FOR_S, SlackEvents
from sandbox.slack.delivery import FORM, sign
from tests.hostile.strangers import head
from tests.web.raw import Client, served

SECRET = "0123456789abcdef0123456789abcdef"
POST = f"POST {SLACK_EVENTS}"
CHECK = "ssl_check=1&token=deprecated"


class Recorder(AsyncApp):
    """A Bolt app that remembers what reaches it."""

    def __init__(self) -> None:
        super().__init__(
            name="slack_bolt", signing_secret=SECRET, authorize=_nobody, request_verification_enabled=False
        )
        self.requests: list[AsyncBoltRequest] = []

    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        self.requests.append(req)
        return BoltResponse(status=200, body="")


async def _nobody(**_who: Any) -> AuthorizeResult:
    raise NotImplementedError


@asynccontextmanager
async def entrance() -> AsyncIterator[tuple[Recorder, Client]]:
    """Give a connection to Slack's entrance, and the app behind it."""
    bolt = Recorder()
    async with served(SlackEvents(bolt, SECRET).receive) as one:
        yield bolt, await one.client()


def signed(body: str, offset_s: int = 0) -> dict[str, object]:
    stamp = str(int(time.time()) + offset_s)
    return {
        "Content-Type": FORM,
        "Content-Length": len(body),
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": sign(SECRET, stamp, body),
    }


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"X-Slack-Request-Timestamp": -VALID_FOR_S - 60}, id="old"),
        pytest.param({"X-Slack-Request-Timestamp": VALID_FOR_S + 600}, id="to come"),
        pytest.param({"X-Slack-Request-Timestamp": "now"}, id="no time"),
        pytest.param({"X-Slack-Request-Timestamp": "9" * 4000}, id="endless"),
        pytest.param({"X-Slack-Request-Timestamp": ""}, id="no timestamp"),
        pytest.param({"X-Slack-Signature": ""}, id="no signature"),
        pytest.param({"X-Slack-Signature": "v0=" + "0" * 63}, id="too short"),
        pytest.param({"X-Slack-Signature": "v1=" + "0" * 64}, id="another version"),
        pytest.param({"X-Slack-Signature": "v0=" + "A" * 64}, id="capitals"),
        pytest.param({"X-Slack-Signature": "", "X-Slack-Request-Timestamp": ""}, id="neither"),
    ],
)
async def test_a_request_whose_headers_cannot_be_slacks_is_refused_before_its_body_came(
    wrong: dict[str, str | int],
) -> None:
    """A number is seconds from now: what is computed when tests are collected is minutes old when they run."""
    given = {
        name: value if isinstance(value, str) else int(time.time()) + value for name, value in wrong.items()
    }
    async with entrance() as (bolt, client):
        await client.send(head(POST, signed("x" * LARGEST_SLACK_BODY) | given))

        status, headers = await client.answer()

    assert (status, headers["connection"]) == (401, "close")
    assert bolt.requests == []


async def test_every_delivery_of_one_request_has_one_key_and_no_other_request_has_it() -> None:
    one, other = "command=/octapost&text=help", "command=/octapost&text=status"
    deliveries = [
        (one, signed(one)),
        (one, signed(one) | {"X-Slack-Retry-Num": 1, "Content-Type": "text/plain"}),
        (other, signed(other)),
        (one, signed(one, offset_s=-1)),
    ]

    async with entrance() as (bolt, client):
        for body, headers in deliveries:
            await client.send(head(POST, headers) + body.encode())
            assert (await client.answer())[0] == 200

    first, again, different, earlier = [request.context["request_key"] for request in bolt.requests]
    assert first == again
    assert len({first, different, earlier}) == 3
    assert all(isinstance(request.context["arrived"], float) for request in bolt.requests)


@pytest.mark.parametrize("is_signed", [True, False], ids=["signed", "not signed"])
async def test_slacks_look_at_our_certificate_is_answered(*, is_signed: bool) -> None:
    headers = signed(CHECK) if is_signed else {"Content-Length": len(CHECK)}

    async with entrance() as (bolt, client):
        await client.send(head(POST, headers) + CHECK.encode())

        assert (await client.answer())[0] == 200
    assert bolt.requests == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"ssl_check=0", id="no check"),
        pytest.param(b"ssl_check=1&ssl_check=1", id="twice"),
        pytest.param(b"text=ssl_check=1", id="elsewhere"),
        pytest.param(b"ssl_check=1&" + b"a=1&" * 20, id="many fields"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"ssl_check=1&a=" + b"a" * LARGEST_CHECK, id="long"),
        pytest.param(b"", id="empty"),
    ],
)
async def test_what_nobody_signed_and_is_no_certificate_check_is_refused(body: bytes) -> None:
    async with entrance() as (bolt, client):
        await client.send(head(POST, {"Content-Length": len(body)}) + body)

        assert (await client.answer())[0] == 401
    assert bolt.requests == []
