"""The app is removed and comes back, in every order; people leave Slack."""

from __future__ import annotations

import itertools
import time
from typing import Any

import httpx
import pytest

from bot.web.install import new_installation
from sandbox.core import Fault
from sandbox.slack.payloads import event_envelope
from sandbox.slack.world import ACME, ADA, BLUE, INITECH, IRIS, IVAN, NORTH, OLGA, OTTO, SID
from storage.installations import Installations, bot_token
from storage.memberships import Members
from storage.models import AuditLine, Installation, Membership, Notice, Organization, Role
from tests.web.house import House
from tests.web.test_install import install

ORDERS = list(itertools.permutations(["tokens_revoked", "app_uninstalled"]))


async def only_installation(house: House) -> Installation:
    [found] = await house.rows(Installation)
    assert isinstance(found, Installation)
    return found


@pytest.mark.parametrize("order", ORDERS)
async def test_the_bot_token_is_destroyed_and_what_members_made_stays(
    house: House, browser: httpx.AsyncClient, order: tuple[str, ...]
) -> None:
    await install(house, browser)

    outcomes = await house.slack.uninstall(ACME, order)

    assert [o.status for o in outcomes if o] == [200, 200]
    gone = await only_installation(house)
    assert gone.uninstalled_at is not None
    assert gone.bot_token_sealed is gone.refresh_token_sealed is None
    assert await house.count(Organization) == await house.count(Membership) == 1
    actions = [line.action for line in await house.rows(AuditLine)]
    assert actions.count("app uninstalled") == 1


@pytest.mark.parametrize("order", ORDERS)
async def test_who_comes_back_finds_everything_and_is_told_so(
    house: House, browser: httpx.AsyncClient, order: tuple[str, ...]
) -> None:
    await install(house, browser)
    await house.slack.uninstall(ACME, order)

    await install(house, browser, OLGA)

    back = await only_installation(house)
    assert back.uninstalled_at is None
    assert back.bot_token_sealed is not None
    assert await house.count(Organization) == await house.count(Membership) == 1
    texts = [(n.channel, (await house.message(n))["text"]) for n in await house.rows(Notice)]
    assert len(texts) == 2
    assert any(channel == OLGA and "Octapost is back in Acme" in text for channel, text in texts)


@pytest.mark.parametrize("event", ["app_uninstalled", "tokens_revoked"])
@pytest.mark.parametrize("age_s", [-300, 0, 300])
async def test_a_late_event_removes_nothing_while_slack_accepts_the_token(
    house: House, browser: httpx.AsyncClient, event: str, age_s: int
) -> None:
    """Slack repeats an event after 5 minutes, and clocks differ; by then the app may be back."""
    await install(house, browser)
    late = envelope(house, event) | {"event_time": int(time.time()) - age_s}

    outcome = await house.slack.courier.event(late)

    assert outcome.status == 200
    assert (await only_installation(house)).uninstalled_at is None


async def test_an_event_of_any_age_counts_when_the_token_is_dead(
    house: House, browser: httpx.AsyncClient
) -> None:
    await install(house, browser)
    for token in house.slack.state.tokens.values():
        token.dead = "account_inactive"

    await house.slack.courier.event(
        envelope(house, "app_uninstalled") | {"event_time": int(time.time()) - 300}
    )

    assert (await only_installation(house)).uninstalled_at is not None


async def test_without_slacks_answer_the_token_is_kept_and_the_event_comes_again(
    house: House, browser: httpx.AsyncClient
) -> None:
    await install(house, browser)
    for token in house.slack.state.tokens.values():
        token.dead = "account_inactive"
    house.slack.faults.append(Fault(path="/api/auth.test", status=503, times=1))
    house.slack.settings["retry_delays_s"] = [0]

    silent = await house.slack.courier.event(envelope(house, "app_uninstalled"))
    kept = await only_installation(house)
    await house.slack.courier.settled()

    assert silent.status == 503
    assert kept.uninstalled_at is None
    assert (await only_installation(house)).uninstalled_at is not None


async def test_a_persons_revoked_sign_in_is_not_the_bots(house: House, browser: httpx.AsyncClient) -> None:
    await install(house, browser)

    for tokens in ({"oauth": [ADA], "bot": []}, {"oauth": [ADA]}, {}, None, "bot"):
        body = envelope(house, "tokens_revoked")
        body["event"] = {"type": "tokens_revoked", "tokens": tokens}
        assert (await house.slack.courier.event(body)).status == 200

    assert (await only_installation(house)).uninstalled_at is None


async def test_a_removal_elsewhere_is_not_ours(house: House, browser: httpx.AsyncClient) -> None:
    await install(house, browser)

    await house.slack.courier.event(envelope(house, "app_uninstalled") | {"team_id": BLUE})

    assert (await only_installation(house)).uninstalled_at is None


async def test_an_org_wide_removal_ends_the_grids_installation_only(
    house: House, browser: httpx.AsyncClient
) -> None:
    await install(house, browser, IRIS, NORTH, org_wide=True)
    await install(house, browser, IRIS, NORTH)

    await house.slack.uninstall(INITECH)

    state = {i.slack_id: i.uninstalled_at is None for i in await house.rows(Installation)}
    assert state == {NORTH: True, INITECH: False}


async def test_a_workspaces_removal_leaves_the_grids_installation(
    house: House, browser: httpx.AsyncClient
) -> None:
    await install(house, browser, IRIS, NORTH)
    await install(house, browser, IRIS, NORTH, org_wide=True)

    await house.slack.uninstall(NORTH)

    state = {i.slack_id: i.uninstalled_at is None for i in await house.rows(Installation)}
    assert state == {NORTH: False, INITECH: True}


async def test_somebody_who_leaves_slack_loses_the_membership_and_admins_hear_of_it(
    house: House, browser: httpx.AsyncClient
) -> None:
    await install(house, browser)
    otto = await join(house, OTTO, Role.ADMIN)

    await house.slack.deactivate(OTTO)
    await house.slack.deactivate(OTTO)

    async with house.parts.database.system(write=False) as session:
        assert await Members(session).get(otto.organization_id, otto.id) is None
    rows = [n for n in await house.rows(Notice) if n.key.startswith("left:")]
    told = [(n.channel, await house.message(n)) for n in rows]
    assert [channel for channel, _ in told] == [ADA]
    assert "deactivated in Slack" in told[0][1]["text"]
    assert f"<@{OTTO}>" in str(told[0][1]["blocks"])


async def test_when_the_last_owner_leaves_admins_hear_that_too(
    house: House, browser: httpx.AsyncClient
) -> None:
    await install(house, browser)
    await join(house, OTTO, Role.ADMIN)

    await house.slack.deactivate(ADA)

    [told] = [n for n in await house.rows(Notice) if n.key.startswith("left:")]
    assert told.channel == OTTO
    assert "last owner" in str((await house.message(told))["blocks"])


async def test_a_change_that_is_no_departure_ends_nothing(house: House, browser: httpx.AsyncClient) -> None:
    await install(house, browser)
    odd: list[Any] = [
        {"id": ADA, "deleted": False},
        {"id": ADA},
        {"deleted": True},
        {"id": 7, "deleted": True},
    ]

    for user in [
        *odd,
        None,
        "U0ADA",
        {"id": f"{ADA}> <!channel", "deleted": True},
        {"id": SID, "deleted": True},
    ]:
        body = envelope(house, "user_change")
        body["event"] = {"type": "user_change", "user": user}
        assert (await house.slack.courier.event(body)).status == 200

    [member] = await house.rows(Membership)
    assert member.ended_at is None


async def test_a_grid_person_leaves_all_workspaces_of_the_grid_at_once(
    house: House, browser: httpx.AsyncClient
) -> None:
    await install(house, browser, IRIS, NORTH)
    ivan = await join(house, IVAN, Role.MEMBER, realm=INITECH, team_id=NORTH)

    await house.slack.deactivate(IVAN)

    async with house.parts.database.system(write=False) as session:
        assert await Members(session).get(ivan.organization_id, ivan.id) is None


async def test_a_token_destroyed_is_not_handed_out(house: House, browser: httpx.AsyncClient) -> None:
    await install(house, browser)
    await house.slack.uninstall(ACME)

    async with house.parts.database.system(write=False) as session:
        assert await Installations(session, house.parts.vault).find(ACME, None) is None
    with pytest.raises(LookupError):
        bot_token(house.parts.vault, await only_installation(house))


def test_no_token_shows_in_the_repr_of_a_new_installation() -> None:
    answer = {
        "app_id": "A1",
        "bot_user_id": "U1",
        "access_token": "xoxb-secret",
        "refresh_token": "xoxe-secret",
        "expires_in": 43200,
        "authed_user": {"id": "U2"},
        "team": {"id": "T1", "name": "Acme"},
    }

    assert "secret" not in repr(new_installation(answer.get))


def envelope(house: House, event: str) -> dict[str, Any]:
    """A signed event's body for Acme's installation."""
    installation = next(i for i in house.slack.state.installations.values() if i.team_id == ACME)
    inside: dict[str, Any] = {"type": event}
    if event == "tokens_revoked":
        inside["tokens"] = {"oauth": [], "bot": [installation.bot_user_id]}
    return event_envelope(house.slack.state, inside, ACME, installation)


async def join(
    house: House, user_id: str, role: Role, *, realm: str = ACME, team_id: str = ACME
) -> Membership:
    """Make somebody a member of the only organization."""
    [organization] = await house.rows(Organization)
    async with house.parts.database.system() as session:
        return await Members(session).add(
            organization.id, realm=realm, user_id=user_id, team_id=team_id, role=role
        )


@pytest.mark.parametrize(
    "silence",
    [
        Fault(path="auth.test", status=503, body="{}"),
        Fault(path="auth.test", status=200, body="<html>", content_type="text/html"),
        Fault(path="auth.test", status=200, body='{"ok": false, "error": "fatal_error"}'),
        Fault(path="auth.test", status=200, body='{"ok": false, "error": "ratelimited"}'),
    ],
    ids=["503", "HTML", "fatal_error", "ratelimited"],
)
async def test_a_slack_that_does_not_say_whether_a_token_is_good_keeps_it_and_is_asked_again(
    house: House, browser: httpx.AsyncClient, silence: Fault
) -> None:
    await install(house, browser)
    late = envelope(house, "app_uninstalled") | {"event_time": int(time.time()) - 300}
    house.slack.faults.append(silence)
    house.slack.settings["retry_delays_s"] = []

    outcome = await house.slack.courier.event(late)
    kept = (await only_installation(house)).uninstalled_at
    house.slack.faults.clear()
    again = await house.slack.courier.event(late)

    assert (outcome.status, again.status) == (503, 200)
    assert kept is None
    assert (await only_installation(house)).uninstalled_at is None
