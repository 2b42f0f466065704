"""Bot tokens that rotate: nobody waits for a new one while the old one is good, and none is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select, update

from adapters.numbers import LONGEST_LIFETIME
from bot.slack.failures import SlackSilent
from bot.slack.rotation import LIFE, NoToken, pair_in
from bot.web.install import new_installation
from sandbox.core import Fault
from sandbox.slack.world import ACME
from storage.engine.statements import now
from storage.installations import bot_token
from storage.models import Installation
from tests.application import Office
from tests.counts import in_full

ODD = (None, True, False, "", "soon", "1e999", float("nan"), float("inf"), 10**400, -1, 0, [1], {"s": 1})
"""What is no number of seconds."""
LONG = ("43200", 43200.0, 1e300, 10**18, "99999999999")
"""Numbers, some of them absurd."""


INSTALLED: dict[str, Any] = {
    "app_id": "A1",
    "team": {"id": "T1", "name": "Acme"},
    "bot_user_id": "U1",
    "authed_user": {"id": "U2"},
}


async def rotating(office: Office, ends_in: timedelta) -> str:
    """Install with a bot token that rotates and ends then; return the token."""
    office.slack.settings |= {"token_rotation": True, "token_life_s": 12 * 3600}
    await office.installed()
    async with office.database.system() as session:
        await session.exec(update(Installation).values(token_expires_at=now(ends_in)))
    return await token(office)


async def token(office: Office) -> str:
    """Return the bot token that is stored."""
    async with office.database.system(write=False) as session:
        found = (await session.exec(select(Installation))).one()
    return bot_token(office.parts.vault, found).reveal()


async def used(office: Office) -> str:
    """Return the token of a client that a command would get."""
    return str((await office.parts.slack_clients.for_workspace(ACME, None)).token)


@in_full
async def test_nobody_waits_for_a_new_token_while_the_old_one_is_good(office: Office) -> None:
    old = await rotating(office, timedelta(minutes=30))
    office.slack.faults.append(Fault(path="oauth.v2.access", delay_s=1.0, times=1))

    at_once = await asyncio.gather(*(used(office) for _ in range(5)))
    await office.parts.slack_clients.drain(10)

    assert at_once == [old] * 5
    assert await used(office) == await token(office) != old


async def test_an_ended_token_is_waited_for_briefly_and_the_new_one_is_kept(office: Office) -> None:
    old = await rotating(office, timedelta(minutes=-1))
    office.slack.faults.append(Fault(path="oauth.v2.access", delay_s=3.0, times=1))

    for late in await asyncio.gather(*(used(office) for _ in range(3)), return_exceptions=True):
        assert isinstance(late, SlackSilent)
    await office.parts.slack_clients.drain(10)

    assert await used(office) == await token(office) != old


@pytest.mark.parametrize("odd", [None, "two words"])
async def test_an_answer_without_a_token_changes_nothing(office: Office, odd: object) -> None:
    old = await rotating(office, timedelta(minutes=30))
    body = json.dumps({"ok": True, "access_token": odd, "refresh_token": "xoxe-1-new", "expires_in": 43200})
    office.slack.faults.append(Fault(path="oauth.v2.access", status=200, body=body))

    await used(office)
    await office.parts.slack_clients.drain(10)

    assert await token(office) == old


async def test_an_odd_lifetime_costs_no_token(office: Office) -> None:
    await rotating(office, timedelta(minutes=30))
    body = '{"ok": true, "access_token": "xoxe.xoxb-new", "refresh_token": "xoxe-1-new", "expires_in": null}'
    office.slack.faults.append(Fault(path="oauth.v2.access", status=200, body=body))

    await used(office)
    await office.parts.slack_clients.drain(10)

    assert await token(office) == "xoxe.xoxb-new"


def test_whatever_is_readable_in_a_renewal_is_kept(record_property: Callable[[str, object], None]) -> None:
    tries = 0
    for raw in (*ODD, *LONG):
        answer = {"access_token": "xoxb-new", "refresh_token": "xoxe-new", "expires_in": raw}
        pair = pair_in(answer, renewed_with="xoxe-old")
        installed = new_installation((INSTALLED | answer).get)
        assert (pair.bot_token, pair.refresh_token, installed.bot_token) == (
            "xoxb-new",
            "xoxe-new",
            "xoxb-new",
        )
        for life in (pair.expires_in, installed.expires_in):
            assert life is not None
            assert life == LIFE or (raw in LONG and timedelta(0) < life <= LONGEST_LIFETIME)
            tries += 1
    for worthless in (None, "", 7, True, ["x"], {"x": 1}, "two words", "a\r\nb", "gøød"):
        with pytest.raises(NoToken, match="answer_without_token"):
            pair_in({"access_token": worthless, "refresh_token": "xoxe-new"}, renewed_with="xoxe-old")
        tries += 1
    for raw in ODD:
        pair = pair_in({"access_token": "xoxb-new", "refresh_token": raw}, renewed_with="xoxe-old")
        assert pair.refresh_token == (raw if raw in ("soon", "1e999") else "xoxe-old")
        tries += 1

    record_property("counted", f"{tries} odd renewals of bot tokens, 0 tokens lost")
