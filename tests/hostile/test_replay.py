"""One signed request, delivered many times: its effect happens once."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from slack_bolt.request.async_request import AsyncBoltRequest

from sandbox.slack.world import ACME, ADA, OLGA, OTTO
from storage.models import Role
from tests.application import Office
from tests.counts import in_full, sampled
from tests.hostile.slack_side import Desk, Json, Rows, belongings, changed, dump, first_organization, seat
from tests.hostile.strangers import head

MADE = {"organization": 1, "membership": 1, "workspace_link": 1, "audit_line": 1}
RETRY = {"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}


@pytest.fixture
async def desk(either_office: Office) -> Desk:
    await either_office.installed(ADA)
    return Desk(office=either_office, team_id=ACME, channel_id="C0ACMESOC")


async def deliver(desk: Desk, body: Json, times: int, *, at_once: bool) -> list[int]:
    """Send one signed request over HTTP `times` times, every second one marked as a retry."""
    signed = desk.signed(body)
    headers = {name: values[0] for name, values in signed.headers.items()}
    sent = [
        desk.slack.courier.raw(signed.raw_body, headers | (RETRY if number % 2 else {}))
        for number in range(times)
    ]
    if at_once:
        return [outcome.status for outcome in await asyncio.gather(*sent)]
    return [(await one).status for one in sent]


def counts(before: Rows, after: Rows) -> dict[str, int]:
    """Return how many rows each table gained, where it gained or lost any."""
    grown = {name: len(after[name]) - len(rows) for name, rows in before.items()}
    return {name: number for name, number in grown.items() if number}


@pytest.mark.parametrize(
    "at_once", sampled([True, False], 2), ids=lambda at_once: "at once" if at_once else "one by one"
)
async def test_a_command_that_comes_again_and_again_is_obeyed_once(
    desk: Desk, at_once: bool, record_property: Callable[[str, object], None]
) -> None:
    told = {"invitation": 1, "audit_line": 1, "notice": 1}
    story = [  # a second organization would make `connect` ask which one is meant, so it comes last
        ("connect x", 3, {"ticket": 1}),
        ("connect tiktok", 100, {"ticket": 1}),
        ("org code member", 3, {"join_code": 1, "audit_line": 1}),
        ("org code admin", 100, {"join_code": 1, "audit_line": 1}),
        (f"org invite <@{OTTO}>", 3, told),
        (f"org invite <@{OLGA}> admin", 100, told),
        ("org create Left", 3, MADE),
        ("org create Right", 100, MADE),
    ]
    for words, times, gains in story:
        before = await dump(desk.office.database)

        statuses = await deliver(desk, desk.command(ADA, words), times, at_once=at_once)

        assert set(statuses) == {200}
        assert counts(before, await dump(desk.office.database)) == gains, words
    way = "at once" if at_once else "one by one"
    record_property("counted", f"one signed command, 3 and 100 deliveries {way}: its effect once")


@in_full
@pytest.mark.parametrize(
    "at_once", sampled([True, False], 2), ids=lambda at_once: "at once" if at_once else "one by one"
)
async def test_a_modal_submitted_a_hundred_times_disconnects_once(desk: Desk, at_once: bool) -> None:
    office = desk.office
    mine = await belongings(office, "Crumb", await first_organization(office, ACME))
    target = f"{mine.organization}/{mine.account}"
    before = await dump(office.database)

    body = desk.submission(ADA, "account.disconnected", target)
    statuses = await deliver(desk, body, 100, at_once=at_once)
    await office.parts.dispatcher.drain(10)

    lines = changed(before, await dump(office.database))["audit_line"]
    assert set(statuses) == {200}
    assert sum("account disconnected" in str(line) for line in lines) == 1


@pytest.mark.parametrize("name", ["X-Slack-Signature", "X-Slack-Request-Timestamp"])
async def test_a_repeated_header_does_not_make_a_replay_a_new_request(
    desk: Desk, name: str, record_property: Callable[[str, object], None]
) -> None:
    signed = desk.signed(desk.command(ADA, "org code admin"))
    headers = {key: values[0] for key, values in signed.headers.items()}
    body = signed.raw_body.encode()
    before = await dump(desk.office.database)
    first = await _send(desk, head("POST /slack/events", headers | {"Content-Length": len(body)}) + body)

    statuses, codes = [], 0
    for number in range(5):
        for lines in (
            head("POST /slack/events", headers | {"Content-Length": len(body)}, f"{name}: v0={number}"),
            head(
                "POST /slack/events", {name: f"v0={number}"} | {"Content-Length": len(body)}, *_lines(headers)
            ),
        ):
            answer = await _send(desk, lines + body)
            statuses.append(int(answer.split()[1]))
            codes += b"join" in answer

    assert b"join" in first
    assert (set(statuses), codes) == ({400}, 0)
    assert counts(before, await dump(desk.office.database)) == {"join_code": 1, "audit_line": 1}
    record_property("counted", f"replays with a second {name}: {len(statuses)} tried, {codes} fresh codes")


def _lines(headers: dict[str, str]) -> list[str]:
    return [f"{key}: {value}" for key, value in headers.items()]


async def _send(desk: Desk, request: bytes) -> bytes:
    """Send bytes over a connection of their own, and return everything that comes back."""
    parts = urlsplit(desk.office.world.app_url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
    try:
        return await reader.read()
    finally:
        writer.close()


async def test_a_button_pressed_once_and_delivered_a_hundred_times_makes_one_link(desk: Desk) -> None:
    owner = await first_organization(desk.office, ACME)
    body = desk.action(ADA, "connect.platform.x", f"{owner.organization_id}/x")
    before = await dump(desk.office.database)

    statuses = await deliver(desk, body, 100, at_once=True)

    said = [m for m in desk.slack.messages(desk.channel_id, ADA) if "Continue to X" in str(m.blocks)]
    assert set(statuses) == {200}
    assert (len(said), counts(before, await dump(desk.office.database))) == (1, {"ticket": 1})


async def test_an_event_slack_repeats_with_fresh_signatures_ends_a_membership_once(desk: Desk) -> None:
    office = desk.office
    owner = await first_organization(office, ACME)
    await seat(office, owner.organization_id, OTTO, ACME, Role.ADMIN)
    user = {"id": OTTO, "team_id": ACME, "deleted": True}
    body = desk.event({"type": "user_change", "user": user, "event_ts": "1.1"})
    before = await dump(office.database)

    for number in range(4):
        answer = await desk.send(copy.deepcopy(body) | {"attempt": number}, user_id=OTTO)
        assert answer.status == 200

    assert counts(before, await dump(office.database)) == {"audit_line": 1, "notice": 1}


async def test_in_socket_mode_each_payload_is_handled_once_and_two_payloads_are_two(desk: Desk) -> None:
    bolt = desk.office.parts.bolt
    first, second = desk.command(ADA, "org create Left"), desk.command(ADA, "org create Right")
    before = await dump(desk.office.database)

    for body in (first, second, first, second, first):
        await bolt.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=dict(body)))

    assert counts(before, await dump(desk.office.database))["organization"] == 2
