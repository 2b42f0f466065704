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
from tests.application import Office
from tests.counts import sampled
from tests.web.test_install import install

ORDERS = list(itertools.permutations(["tokens_revoked", "app_uninstalled"]))


async def only_installation(office: Office) -> Installation:
    [found] = await office.rows(Installation)
    assert isinstance(found, Installation)
    return found


@pytest.mark.parametrize("order", sampled(ORDERS, 2, 1))
async def test_the_bot_token_is_destroyed_and_what_members_made_stays(
    office: Office, browser: httpx.AsyncClient, order: tuple[str, ...]
) -> None:
    await install(office, browser)

    outcomes = await office.slack.uninstall(ACME, order)

    assert [o.status for o in outcomes if o] == [200, 200]
    gone = await only_installation(office)
    assert gone.uninstalled_at is not None
    assert gone.bot_token_sealed is gone.refresh_token_sealed is None
    assert await office.count(Organization) == await office.count(Membership) == 1
    actions = [line.action for line in await office.rows(AuditLine)]
    assert actions.count("app uninstalled") == 1


@pytest.mark.parametrize("order", sampled(ORDERS, 2))
async def test_who_comes_back_finds_everything_and_is_told_so(
    office: Office, browser: httpx.AsyncClient, order: tuple[str, ...]
) -> None:
    await install(office, browser)
    await office.slack.uninstall(ACME, order)

    await install(office, browser, OLGA)

    back = await only_installation(office)
    assert back.uninstalled_at is None
    assert back.bot_token_sealed is not None
    assert await office.count(Organization) == await office.count(Membership) == 1
    texts = [(n.channel, (await office.message(n))["text"]) for n in await office.rows(Notice)]
    assert len(texts) == 2
    assert any(channel == OLGA and "Octapost is back in Acme" in text for channel, text in texts)


@pytest.mark.parametrize("event", ["app_uninstalled", "tokens_revoked"])
@pytest.mark.parametrize("age_s", sampled([-300, 0, 300], 3, 1))
async def test_a_late_event_removes_nothing_while_slack_accepts_the_token(
    office: Office, browser: httpx.AsyncClient, event: str, age_s: int
) -> None:
    """Slack repeats an event after 5 minutes, and clocks differ; by then the app may be back."""
    await install(office, browser)
    late = envelope(office, event) | {"event_time": int(time.time()) - age_s}

    outcome = await office.slack.courier.event(late)

    assert outcome.status == 200
    assert (await only_installation(office)).uninstalled_at is None


async def test_an_event_of_any_age_counts_when_the_token_is_dead(
    office: Office, browser: httpx.AsyncClient
) -> None:
    await install(office, browser)
    for token in office.slack.state.tokens.values():
        token.dead = "account_inactive"

    await office.slack.courier.event(
        envelope(office, "app_uninstalled") | {"event_time": int(time.time()) - 300}
    )

    assert (await only_installation(office)).uninstalled_at is not None


async def test_without_slacks_answer_the_token_is_kept_and_the_event_comes_again(
    office: Office, browser: httpx.AsyncClient
) -> None:
    await install(office, browser)
    for token in office.slack.state.tokens.values():
        token.dead = "account_inactive"
    office.slack.faults.append(Fault(path="/api/auth.test", status=503, times=1))
    office.slack.settings["retry_delays_s"] = [0]

    silent = await office.slack.courier.event(envelope(office, "app_uninstalled"))
    kept = await only_installation(office)
    await office.slack.courier.settled()

    assert silent.status == 503
    assert kept.uninstalled_at is None
    assert (await only_installation(office)).uninstalled_at is not None


async def test_a_persons_revoked_sign_in_is_not_the_bots(office: Office, browser: httpx.AsyncClient) -> None:
    await install(office, browser)

    for tokens in ({"oauth": [ADA], "bot": []}, {"oauth": [ADA]}, {}, None, "bot"):
        body = envelope(office, "tokens_revoked")
        body["event"] = {"type": "tokens_revoked", "tokens": tokens}
        assert (await office.slack.courier.event(body)).status == 200

    assert (await only_installation(office)).uninstalled_at is None


async def test_a_removal_elsewhere_is_not_ours(office: Office, browser: httpx.AsyncClient) -> None:
    await install(office, browser)

    await office.slack.courier.event(envelope(office, "app_uninstalled") | {"team_id": BLUE})

    assert (await only_installation(office)).uninstalled_at is None


async def test_an_org_wide_removal_ends_the_grids_installation_only(
    office: Office, browser: httpx.AsyncClient
) -> None:
    await install(office, browser, IRIS, NORTH, org_wide=True)
    await install(office, browser, IRIS, NORTH)

    await office.slack.uninstall(INITECH)

    state = {i.slack_id: i.uninstalled_at is None for i in await office.rows(Installation)}
    assert state == {NORTH: True, INITECH: False}


async def test_a_workspaces_removal_leaves_the_grids_installation(
    office: Office, browser: httpx.AsyncClient
) -> None:
    await install(office, browser, IRIS, NORTH)
    await install(office, browser, IRIS, NORTH, org_wide=True)

    await office.slack.uninstall(NORTH)

    state = {i.slack_id: i.uninstalled_at is None for i in await office.rows(Installation)}
    assert state == {NORTH: False, INITECH: True}


async def test_somebody_who_leaves_slack_loses_the_membership_and_admins_hear_of_it(
    office: Office, browser: httpx.AsyncClient
) -> None:
    await install(office, browser)
    otto = await join(office, OTTO, Role.ADMIN)

    await office.slack.deactivate(OTTO)
    await office.slack.deactivate(OTTO)

    async with office.parts.database.system(write=False) as session:
        assert await Members(session).get(otto.organization_id, otto.id) is None
    rows = [n for n in await office.rows(Notice) if n.key.startswith("left:")]
    told = [(n.channel, await office.message(n)) for n in rows]
    assert [channel for channel, _ in told] == [ADA]
    assert "Slack deactivated a member of Acme" in told[0][1]["text"]
    assert f"<@{OTTO}>" in str(told[0][1]["blocks"])


async def test_when_the_last_owner_leaves_admins_hear_that_too(
    office: Office, browser: httpx.AsyncClient
) -> None:
    await install(office, browser)
    await join(office, OTTO, Role.ADMIN)

    await office.slack.deactivate(ADA)

    [told] = [n for n in await office.rows(Notice) if n.key.startswith("left:")]
    assert told.channel == OTTO
    assert "last owner" in str((await office.message(told))["blocks"])


async def test_a_change_that_is_no_departure_ends_nothing(office: Office, browser: httpx.AsyncClient) -> None:
    await install(office, browser)
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
        body = envelope(office, "user_change")
        body["event"] = {"type": "user_change", "user": user}
        assert (await office.slack.courier.event(body)).status == 200

    [member] = await office.rows(Membership)
    assert member.ended_at is None


async def test_a_grid_person_leaves_all_workspaces_of_the_grid_at_once(
    office: Office, browser: httpx.AsyncClient
) -> None:
    await install(office, browser, IRIS, NORTH)
    ivan = await join(office, IVAN, Role.MEMBER, realm=INITECH, team_id=NORTH)

    await office.slack.deactivate(IVAN)

    async with office.parts.database.system(write=False) as session:
        assert await Members(session).get(ivan.organization_id, ivan.id) is None


async def test_a_token_destroyed_is_not_handed_out(office: Office, browser: httpx.AsyncClient) -> None:
    await install(office, browser)
    await office.slack.uninstall(ACME)

    async with office.parts.database.system(write=False) as session:
        assert await Installations(session, office.parts.vault).find(ACME, None) is None
    with pytest.raises(LookupError):
        bot_token(office.parts.vault, await only_installation(office))


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


def envelope(office: Office, event: str) -> dict[str, Any]:
    """A signed event's body for Acme's installation."""
    installation = next(i for i in office.slack.state.installations.values() if i.team_id == ACME)
    inside: dict[str, Any] = {"type": event}
    if event == "tokens_revoked":
        inside["tokens"] = {"oauth": [], "bot": [installation.bot_user_id]}
    return event_envelope(office.slack.state, inside, ACME, installation)


async def join(
    office: Office, user_id: str, role: Role, *, realm: str = ACME, team_id: str = ACME
) -> Membership:
    """Make somebody a member of the only organization."""
    [organization] = await office.rows(Organization)
    async with office.parts.database.system() as session:
        return await Members(session).add(
            organization.id, realm=realm, user_id=user_id, team_id=team_id, role=role
        )


@pytest.mark.parametrize(
    "silence",
    sampled(
        [
            Fault(path="auth.test", status=503, body="{}"),
            Fault(path="auth.test", status=200, body="<html>", content_type="text/html"),
            Fault(path="auth.test", status=200, body='{"ok": false, "error": "fatal_error"}'),
            Fault(path="auth.test", status=200, body='{"ok": false, "error": "ratelimited"}'),
        ],
        4,
    ),
    ids=sampled(["503", "HTML", "fatal_error", "ratelimited"], 4),
)
async def test_a_slack_that_does_not_say_whether_a_token_is_good_keeps_it_and_is_asked_again(
    office: Office, browser: httpx.AsyncClient, silence: Fault
) -> None:
    await install(office, browser)
    late = envelope(office, "app_uninstalled") | {"event_time": int(time.time()) - 300}
    office.slack.faults.append(silence)
    office.slack.settings["retry_delays_s"] = []

    outcome = await office.slack.courier.event(late)
    kept = (await only_installation(office)).uninstalled_at
    office.slack.faults.clear()
    again = await office.slack.courier.event(late)

    assert (outcome.status, again.status) == (503, 200)
    assert kept is None
    assert (await only_installation(office)).uninstalled_at is None
