"""`blocks.validate` of the sandbox's Slack, as https://docs.slack.dev/reference/methods/blocks.validate has it."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.server import SlackSimulator

SECTION = {"type": "section", "text": {"type": "plain_text", "text": "Hello"}}
BAD = {"type": "section", "text": {"type": "invalid", "text": "Hello"}}
MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "My Modal"}, "blocks": [SECTION]}


async def validated(form: dict[str, Any], *, as_json: bool = False) -> dict[str, Any]:
    """Return the answer to a call without a token."""
    slack = SlackSimulator()
    url = await slack.start()
    try:
        async with aiohttp.ClientSession() as session:
            body: dict[str, Any] = {"json": form} if as_json else {"data": form}
            async with session.post(f"{url}/api/blocks.validate", **body) as answer:
                found: dict[str, Any] = await answer.json()
                return found
    finally:
        await slack.stop()


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("blocks", [SECTION]),
        ("message", {"blocks": [SECTION]}),
        ("message", {"attachments": [{"blocks": [SECTION]}]}),
        ("view", MODAL),
    ],
)
async def test_what_slack_takes_is_ok(kind: str, payload: Any) -> None:
    assert await validated({kind: json.dumps(payload)}) == {"ok": True}


@pytest.mark.parametrize(
    ("kind", "payload", "pointer"),
    [
        ("blocks", [BAD], "/0/text/type"),
        ("message", {"blocks": [BAD]}, "/blocks/0/text/type"),
        ("message", {"attachments": [{"blocks": [BAD]}]}, "/attachments/0/blocks/0/text/type"),
        ("message", {"blocks": [SECTION], "text": "Hello"}, "/text"),
        ("view", MODAL | {"blocks": [BAD]}, "/view/blocks/0/text/type"),
    ],
)
async def test_a_fault_is_named_with_its_place(kind: str, payload: Any, pointer: str) -> None:
    answer = await validated({kind: json.dumps(payload)})

    assert (answer["ok"], answer["error"]) == (False, f"invalid_{kind}")
    assert [(one["code"], one["pointer"]) for one in answer["errors"]] == [("failed_constraint", pointer)]


async def test_a_length_is_named_as_a_constraint() -> None:
    long = {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}

    [error] = (await validated({"blocks": [long]}, as_json=True))["errors"]

    assert error["constraint"] == {"type": "max_length", "expected": 150}


@pytest.mark.parametrize("form", [{}, {"blocks": "[]", "view": json.dumps(MODAL)}])
async def test_exactly_one_payload_is_taken(form: dict[str, str]) -> None:
    answer = await validated(form)

    assert answer["error"] == "invalid_arguments"
    assert "exactly one" in answer["response_metadata"]["messages"][0]


async def test_slack_sdks_own_client_needs_no_token_for_it() -> None:
    slack = SlackSimulator()
    client = AsyncWebClient(base_url=f"{await slack.start()}/api/")

    good = await client.blocks_validate(blocks=[SECTION])
    with pytest.raises(SlackApiError) as refused:
        await client.blocks_validate(view=MODAL | {"blocks": [BAD]})
    await slack.stop()

    assert good["ok"]
    assert refused.value.response["error"] == "invalid_view"
