"""In a Grid: people of other companies whose user id is a member's, and workspaces that we have yet to hear of."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from sqlmodel import select

from bot.slack.routes import Kind
from sandbox.core import Fault
from sandbox.slack.state import Workspace
from sandbox.slack.world import ACME, ADA, BLUE, INITECH, IRIS, IVAN, NORTH, OTTO, SOUTH
from storage.memberships import Members
from storage.models import GridHome, Membership, Role
from tests.application import Office
from tests.counts import in_full, sampled
from tests.hostile.slack_side import Desk, Json, belongings, changed, dump, first_organization, seat
from tests.hostile.test_grid import changed_with, grid_of

EAST = "T0EAST"
"""A workspace of the Grid in which nobody has used the app."""
STRANGE = (BLUE, ACME, "T0NOWHERE", "E0OTHER")
"""Teams that are none of the Grid's, one of them another Grid."""
PRESSED = {Kind.ACTION, Kind.SUBMISSION, Kind.OPTIONS, Kind.SHORTCUT}
ASKS = "/api/users.info"
SILENCES = {
    "500": Fault(path=ASKS, status=500),
    "503": Fault(path=ASKS, status=503, headers={"Retry-After": "30"}),
    "429": Fault(path=ASKS, status=429, headers={"Retry-After": "30"}),
    "a page": Fault(path=ASKS, status=200, body="<html>", content_type="text/html"),
    "a list": Fault(path=ASKS, status=200, body="[]"),
    "nobody": Fault(path=ASKS, status=200, body='{"ok": true}'),
    "fatal_error": Fault(path=ASKS, status=200, body='{"ok": false, "error": "fatal_error"}'),
    "missing_scope": Fault(path=ASKS, status=200, body='{"ok": false, "error": "missing_scope"}'),
    "lost": Fault(path=ASKS, lose_answer=True),
    "silence": Fault(path=ASKS, delay_s=30),
}


def asked(desk: Desk) -> int:
    return len(desk.slack.calls(ASKS))


def left(desk: Desk, user_id: str, **more: object) -> Json:
    user = {"id": user_id, "deleted": True} | more
    return desk.event({"type": "user_change", "user": user, "event_ts": "1.1"})


async def is_member(office: Office, member: Membership) -> bool:
    async with office.database.system(write=False) as session:
        return await Members(session).get(member.organization_id, member.id) is not None


def open_east(desk: Desk) -> None:
    """Let the Grid have another workspace, and Ivan be in it too."""
    state = desk.slack.state
    state.add(Workspace(id=EAST, name="Initech East", domain="initech-east", enterprise_id=INITECH))
    state.users[IVAN].team_ids = frozenset({NORTH, SOUTH, EAST})


async def homes(office: Office) -> list[GridHome]:
    async with office.database.system(write=False) as session:
        return list(await session.exec(select(GridHome)))


async def test_a_stranger_with_the_user_id_of_a_member_gets_nothing_of_the_members(
    either_office: Office, record_property: Callable[[str, object], None]
) -> None:
    office = either_office
    north, _, almond, _ = await grid_of(office)
    await seat(office, almond.organization, IVAN, NORTH, Role.OWNER, INITECH)
    before, tried, wrong, asked_before = await dump(office.database), 0, [], asked(north)

    for route in sampled([each for each in office.parts.routes if each.kind in PRESSED], 8):
        for team in STRANGE:
            body = north.request(route, IVAN, f"{almond.organization}/{almond.account}")
            answer = await north.send(changed_with(body, user__team_id=team))
            tried += 1
            if answer.outcomes != ("external_user",) or "Almond" in answer.everything:
                wrong.append((route.key, team, answer.outcomes))

    assert wrong == []
    assert changed(before, await dump(office.database)) == {}
    assert asked(north) - asked_before == len(STRANGE)
    record_property(
        "counted",
        f"Grid: {tried} requests by strangers with a member's user id, 0 answered as the member"
        f" ({office.database.dialect})",
    )


async def test_a_workspace_we_never_heard_of_is_looked_up_once_and_serves_everybody_of_it(
    office: Office,
) -> None:
    north, _, almond, _ = await grid_of(office)
    open_east(north)
    for person in (IVAN, IRIS):
        await seat(office, almond.organization, person, NORTH, Role.ADMIN, INITECH)
    before = asked(north)

    outcomes = {
        (
            await north.send(changed_with(north.action(person, "home.refresh", ""), user__team_id=EAST))
        ).outcomes
        for _ in range(5)
        for person in (IVAN, IRIS)
    }

    assert outcomes == {("ok",)}
    assert asked(north) - before == 1
    [home] = await homes(office)
    assert (home.enterprise_id, home.team_id, home.ours) == (INITECH, EAST, True)


@in_full
@pytest.mark.parametrize("silence", sampled(list(SILENCES), 4))
async def test_without_an_answer_nobody_is_called_a_stranger_and_nothing_is_remembered(
    office: Office, silence: str
) -> None:
    north, _, almond, _ = await grid_of(office)
    open_east(north)
    await seat(office, almond.organization, IVAN, NORTH, Role.OWNER, INITECH)
    press = changed_with(
        north.action(IVAN, "incident.claim", f"{almond.organization}/{almond.incident}"), user__team_id=EAST
    )
    before = await dump(office.database, whole=True)
    north.slack.faults.append(SILENCES[silence])

    during = await north.send(press)
    effects = changed(before, await dump(office.database, whole=True))
    north.slack.faults.clear()
    after = await north.send(north.retriggered(press))

    assert during.outcomes == ("unverified_user",)
    assert "Try again in a moment." in during.text
    assert effects == {}
    assert after.outcomes == ("ok",)


async def test_a_person_slack_does_not_know_here_is_a_stranger(office: Office) -> None:
    north, _, almond, _ = await grid_of(office)
    await seat(office, almond.organization, IVAN, NORTH, Role.OWNER, INITECH)
    body = json.dumps({"ok": False, "error": "user_not_found"})
    north.slack.faults.append(Fault(path=ASKS, status=200, body=body))

    answer = await north.send(changed_with(north.action(IVAN, "home.refresh", ""), user__team_id=BLUE))

    assert answer.outcomes == ("external_user",)


@in_full
async def test_the_deactivation_of_a_person_elsewhere_ends_no_seat_of_a_member_with_their_user_id(
    office: Office, record_property: Callable[[str, object], None]
) -> None:
    north, _, almond, _ = await grid_of(office)
    await office.installed(ADA)
    acme = Desk(office=office, team_id=ACME, channel_id="C0ACMESOC")
    mine = await belongings(office, "Walnut", await first_organization(office, ACME))
    ivan = await seat(office, almond.organization, IVAN, NORTH, Role.ADMIN, INITECH)
    otto = await seat(office, mine.organization, OTTO, ACME, Role.ADMIN)
    foreign: list[Json] = [
        *({"team_id": team} for team in STRANGE if team != ACME),
        {"team_id": BLUE, "is_stranger": True},
        {"team_id": BLUE, "enterprise_user": {"enterprise_id": "E0OTHER", "teams": [BLUE]}},
        {"enterprise_user": {"enterprise_id": "E0OTHER", "teams": [BLUE]}, "team_id": "E0OTHER"},
    ]
    statuses, before = [], await dump(office.database)

    for facts in foreign:
        for desk, person in ((north, IVAN), (acme, OTTO)):
            statuses.append((await desk.send(left(desk, person, **facts))).status)

    assert set(statuses) == {200}
    assert changed(before, await dump(office.database)) == {}
    assert await is_member(office, ivan)
    assert await is_member(office, otto)
    record_property("counted", f"{len(statuses)} deactivations of strangers: 0 seats of members ended")


@in_full
@pytest.mark.parametrize(
    "facts",
    [
        {"team_id": NORTH},
        {"team_id": SOUTH},
        {"team_id": EAST},
        {"team_id": INITECH},
        {"team_id": EAST, "enterprise_user": {"enterprise_id": INITECH, "teams": []}},
    ],
    ids=["the event's", "a known one", "an unknown one", "the Grid itself", "with its Grid"],
)
async def test_a_member_who_is_deactivated_is_recognized_by_whichever_of_their_workspaces_is_named(
    office: Office, facts: Json
) -> None:
    north, _, almond, _ = await grid_of(office)
    open_east(north)
    ivan = await seat(office, almond.organization, IVAN, NORTH, Role.ADMIN, INITECH)

    await north.send(left(north, IVAN, **facts))

    assert not await is_member(office, ivan)


@in_full
async def test_a_deactivation_that_cannot_be_looked_up_comes_again_and_is_then_heeded(office: Office) -> None:
    north, _, almond, _ = await grid_of(office)
    open_east(north)
    ivan = await seat(office, almond.organization, IVAN, NORTH, Role.ADMIN, INITECH)
    event = left(north, IVAN, team_id=EAST)
    north.slack.faults.append(Fault(path=ASKS, status=500))

    first = await north.send(event)
    still = await is_member(office, ivan)
    north.slack.faults.clear()
    again = await north.send(event)

    assert first.status >= 500
    assert still
    assert again.status == 200
    assert not await is_member(office, ivan)
