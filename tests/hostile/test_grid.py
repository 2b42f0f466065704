"""A Grid: the same person in every shape Slack names them, and workspaces that are not each other's."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from bot.slack.payloads import sender_of
from bot.slack.routes import Kind
from bot.slack.standing import LazyStanding
from sandbox.slack.world import ACME, ADA, INITECH, IRIS, IVAN, NORTH, SID, SOUTH
from storage.models import Role
from storage.workspaces import Workspaces
from tests.application import Office
from tests.counts import in_full, sampled
from tests.hostile.slack_side import Desk, Json, Tenant, changed, dump, seat, tenant

Shape = Callable[[Desk], Json]


def changed_with(body: Json, **more: Any) -> Json:
    """Return a copy with other values; `user__team_id` goes into `user`."""
    made = copy.deepcopy(body)
    for path, value in more.items():
        *above, name = path.split("__")
        place = made
        for step in above:
            place = place[step]
        place[name] = value
    return made


def press(desk: Desk) -> Json:
    return desk.action(IVAN, "home.refresh", "")


def submit(desk: Desk) -> Json:
    return desk.submission(IVAN, "connect.picked", "")


TEAM = {"id": NORTH, "domain": "initech-north", "enterprise_id": INITECH, "enterprise_name": "Initech"}
SHAPES: dict[str, Shape] = {
    "a command": lambda d: d.command(IVAN, "org"),
    "a button in a channel": press,
    "the person named by the Grid": lambda d: changed_with(press(d), user__team_id=INITECH),
    "the person named by another workspace of theirs": lambda d: changed_with(press(d), user__team_id=SOUTH),
    "the Grid named inside the team only": lambda d: changed_with(press(d), team=TEAM, enterprise=None),
    "no team: an org-wide installation": lambda d: changed_with(press(d), team=None),
    "a modal without a team": submit,
    "a modal without a team, the person named by the Grid": lambda d: changed_with(
        submit(d), user__team_id=INITECH
    ),
    "a modal without a team, the person named by another workspace": lambda d: changed_with(
        submit(d), user__team_id=SOUTH
    ),
    "a modal of a workspace's own installation": lambda d: changed_with(
        submit(d), team=TEAM, is_enterprise_install=False, view__app_installed_team_id=NORTH
    ),
    "a typeahead in a modal": lambda d: d.options(IVAN, "account.place", ""),
    "a shortcut": lambda d: d.shortcut(IVAN, "octapost_connect"),
    "a button in a modal": lambda d: d.action(IVAN, "org.members", "", modal=d.modal(IVAN)),
    "flags written as words": lambda d: changed_with(submit(d), is_enterprise_install="true"),
}


async def grid_of(office: Office) -> tuple[Desk, Desk, Tenant, Tenant]:
    """Return two workspaces of one Grid, each with an organization that Iris owns, and those."""
    iris = await office.person(IRIS)
    page = await iris.install(org_wide=True)
    assert page.status == 200
    north = Desk(office=office, team_id=NORTH, channel_id="C0NORTHSOC")
    south = Desk(office=office, team_id=SOUTH, channel_id="C0SOUTHSOC")
    almond = await tenant(office, "Almond", IRIS, NORTH, realm=INITECH)
    sesame = await tenant(office, "Sesame", IRIS, SOUTH, realm=INITECH)
    async with office.database.system() as session:
        await Workspaces(session).set_default(NORTH, almond.organization)
        await Workspaces(session).set_default(SOUTH, sesame.organization)
    return north, south, almond, sesame


async def test_every_shape_of_payload_names_the_same_member(
    office: Office, record_property: Callable[[str, object], None]
) -> None:
    north, _, almond, sesame = await grid_of(office)
    member = await seat(office, almond.organization, IVAN, NORTH, Role.ADMIN, INITECH)
    await seat(office, sesame.organization, IVAN, SOUTH, Role.ADMIN, INITECH)

    found = {}
    for name, shape in SHAPES.items():
        sender = sender_of(shape(north))
        standing = await LazyStanding(office.database, sender)()
        found[name] = (sender.realm, sender.user_id, [one.membership_id for one in standing.choices])

    assert len(SHAPES) >= 12
    assert found == dict.fromkeys(SHAPES, (INITECH, IVAN, [member.id]))
    record_property("counted", f"Grid: {len(SHAPES)} payload shapes, the same member each time")


@in_full
async def test_every_shape_of_payload_is_answered(office: Office) -> None:
    north, _, almond, _ = await grid_of(office)
    await seat(office, almond.organization, IVAN, NORTH, Role.ADMIN, INITECH)

    outcomes = {name: (await north.send(shape(north))).outcomes for name, shape in SHAPES.items()}

    assert set(outcomes.values()) <= {("ok",), ("not_found",), ("bad_input",)}


async def test_workspaces_of_one_grid_do_not_see_each_other(
    office: Office, record_property: Callable[[str, object], None]
) -> None:
    north, south, almond, sesame = await grid_of(office)
    await seat(office, almond.organization, IVAN, NORTH, Role.OWNER, INITECH)
    before, tried, leaks = await dump(office.database), 0, []

    for route in sampled(list(office.parts.routes), 6):
        if route.kind is Kind.EVENT or route.key in {"org create", "org join"}:
            continue
        for desk, target in (
            (south, f"{sesame.organization}/{sesame.account}"),
            (south, sesame.account),
            (north, f"{sesame.organization}/{sesame.account}"),
        ):
            if desk is south or route.kind is not Kind.COMMAND:
                answer = await desk.send(desk.request(route, IVAN, target))
                tried += 1
                leaks += [(route.key, target)] if "Sesame" in answer.everything else []
            if desk is south and "Almond" in answer.everything:
                leaks.append((route.key, "from the other workspace"))

    assert leaks == []
    assert changed(before, await dump(office.database)) == {}
    record_property("counted", f"Grid: {tried} requests between two workspaces, 0 leaks")


async def test_somebody_in_two_workspaces_acts_for_the_one_they_are_in(office: Office) -> None:
    north, south, _, _ = await grid_of(office)

    for desk, word, other in ((north, "Almond", "Sesame"), (south, "Sesame", "Almond")):
        typed = await desk.send(desk.command(IRIS, "accounts"))
        pressed = await desk.send(changed_with(desk.action(IRIS, "connect.start", ""), user__team_id=NORTH))
        home = str((await desk.slack.open_home(IRIS, desk.team_id)).payload)

        assert word in typed.text
        assert other not in typed.text
        assert word in pressed.text
        assert other not in pressed.text
        assert word in home
        assert other not in home


@in_full
async def test_a_stranger_to_the_grid_is_nobody_in_it(office: Office) -> None:
    north, _, almond, _ = await grid_of(office)
    north.slack.state.channels[north.channel_id].members.add(SID)
    before = await dump(office.database)

    for route in office.parts.routes:
        if route.kind in {Kind.ACTION, Kind.SUBMISSION, Kind.OPTIONS, Kind.SHORTCUT}:
            answer = await north.send(north.request(route, SID, f"{almond.organization}/{almond.account}"))
            assert answer.outcomes == ("external_user",), route
            assert "Almond" not in answer.everything
    for words in ("org create Evil", "org join ABCD-EFGH-JKLM-NPQR", "connect x", "accounts"):
        answer = await north.send(north.command(SID, words))
        assert answer.outcomes in {("bad_input",), ("not_member",)}, words

    assert changed(before, await dump(office.database)) == {}


async def test_a_grid_that_only_a_payload_names_gets_nobody(office: Office) -> None:
    await office.installed()
    desk = Desk(office=office, team_id=ACME, channel_id="C0ACMESOC")
    before = await dump(office.database)

    typed = await desk.send(changed_with(desk.command(ADA, "org"), enterprise_id=INITECH))
    pressed = await desk.send(
        changed_with(desk.action(ADA, "home.refresh", ""), enterprise={"id": INITECH, "name": "Initech"})
    )

    assert typed.outcomes == pressed.outcomes == ("not_member",)
    assert "you are an owner" not in typed.text
    assert changed(before, await dump(office.database)) == {}
    assert (await desk.send(desk.command(ADA, "org"))).text.count("you are an owner") == 1
