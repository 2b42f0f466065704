"""People from elsewhere, and people who have left: nothing they do has an effect."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from bot.services.errors import ExternalUserError, NotAllowedError
from bot.services.permissions import Permission
from bot.slack.routes import Kind
from bot.views.errors import sentence
from sandbox.core import Fault
from sandbox.slack.payloads import user_json
from sandbox.slack.world import ACME, ADA, BEA, BLUE, GUS, OTTO, SID
from storage.memberships import Members
from storage.models import Role
from tests.application import Office
from tests.counts import in_full, sampled
from tests.hostile.slack_side import (
    SILENT,
    Desk,
    belongings,
    changed,
    dump,
    first_organization,
    seat,
    squashed,
    tenant,
)

SHARED = "C0LAUNCH"
"""Acme's channel that Blue Door shares."""


async def test_a_slack_connect_stranger_changes_nothing_and_reads_one_polite_sentence(
    office: Office, record_property: Callable[[str, object], None]
) -> None:
    await office.installed(ADA)
    await office.installed(BEA)
    desk = Desk(office=office, team_id=ACME, channel_id=SHARED)
    mine = await belongings(office, "Almond", await first_organization(office, ACME))
    # Sid is an owner at home, where the app is installed too, and his own things are named as well.
    theirs = await tenant(office, "Sesame", SID, BLUE)
    before, tried = await dump(office.database), 0
    routes = [r for r in office.parts.routes if r.kind not in {Kind.COMMAND, Kind.EVENT}]

    for route in sampled(routes, 13):
        for target in ("", f"{mine.organization}/{mine.account}", f"{theirs.organization}/{theirs.account}"):
            for in_modal in (False, True):
                answer = await desk.send(desk.request(route, SID, target, in_modal=in_modal))
                tried += 1
                silent = route.kind in SILENT
                assert answer.outcomes == ("external_user",), (route.key, target)
                assert answer.places == (not silent), (route.key, target)
                assert silent or sentence(ExternalUserError()) in answer.text
                assert "Almond" not in answer.everything

    assert changed(before, await dump(office.database)) == {}
    record_property(
        "counted",
        f"Slack Connect: {tried} requests by a stranger to {len(sampled(routes, 13))} routes, 0 effects",
    )


@in_full
async def test_commands_of_a_stranger_change_nothing(office: Office) -> None:
    await office.installed(ADA)
    desk = Desk(office=office, team_id=ACME, channel_id=SHARED)
    mine = await belongings(office, "Almond", await first_organization(office, ACME))
    code = await desk.send(desk.command(ADA, "org code admin"))
    secret = next(word for word in code.text.replace("`", " ").split() if word.count("-") == 3)
    before = await dump(office.database)

    for route in office.parts.routes.commands():
        for words in (secret, "Sesame", f"<@{SID}> owner", f"{mine.word} Crumbs", "Acme"):
            answer = await desk.send(desk.command(SID, f"{route.key} {words}"))
            assert "Almond" in words or "Almond" not in answer.everything

    assert changed(before, await dump(office.database)) == {}


@in_full
async def test_a_stranger_whom_slack_does_not_call_one_is_refused_all_the_same(office: Office) -> None:
    """`is_stranger` is false for people of other companies who share a channel that the app can see."""
    await office.installed(ADA)
    desk = Desk(office=office, team_id=ACME, channel_id=SHARED)
    sid = user_json(desk.slack.state.users[SID], asked_from=[BLUE]) | {"is_stranger": False}
    code = await desk.send(desk.command(ADA, "org code admin"))
    secret = next(word for word in code.text.replace("`", " ").split() if word.count("-") == 3)
    before = await dump(office.database)
    desk.slack.faults.append(
        Fault(path="/api/users.info", status=200, body=json.dumps({"ok": True, "user": sid}))
    )

    created = await desk.send(desk.command(SID, "org create Evil"))
    joined = await desk.send(desk.command(SID, f"org join {secret}"))
    invited = await desk.send(desk.command(ADA, f"org invite <@{SID}> owner"))
    people = {"person": {"select": {"selected_users": [SID]}}}
    target = f"{(await first_organization(office, ACME)).organization_id}/"
    added = await desk.send(desk.submission(ADA, "org.add", target, people))

    assert {one.outcomes for one in (created, joined, invited, added)} == {("bad_input",)}
    assert all("only people in this workspace can" in one.text for one in (created, joined, invited, added))
    assert changed(before, await dump(office.database)) == {}


async def test_a_guest_of_the_workspace_gets_into_nothing(office: Office) -> None:
    await office.installed(ADA)
    desk = Desk(office=office, team_id=ACME, channel_id="C0ACMESOC")
    code = await desk.send(desk.command(ADA, "org code admin"))
    secret = next(word for word in code.text.replace("`", " ").split() if word.count("-") == 3)
    before = await dump(office.database)

    answers = [
        await desk.send(desk.command(GUS, "org create Evil")),
        await desk.send(desk.command(GUS, f"org join {secret}")),
        await desk.send(desk.command(ADA, f"org invite <@{GUS}>")),
    ]

    assert {answer.outcomes for answer in answers} == {("bad_input",)}
    assert all("guest" in answer.text for answer in answers)
    assert changed(before, await dump(office.database)) == {}


async def test_a_person_who_leaves_slack_can_do_nothing_more_and_no_account_goes_with_them(
    office: Office, record_property: Callable[[str, object], None]
) -> None:
    await office.installed(ADA)
    desk = Desk(office=office, team_id=ACME, channel_id="C0ACMESOC")
    owner = await first_organization(office, ACME)
    leaver = await seat(office, owner.organization_id, OTTO, ACME, Role.ADMIN)
    second = await tenant(office, "Sesame", OTTO, ACME)
    await belongings(office, "Almond", leaver)
    before = await dump(office.database)
    old = desk.action(OTTO, "connect.platform.x", f"{owner.organization_id}/x")

    began = time.monotonic()
    await desk.slack.deactivate(OTTO)
    answer = await desk.send(desk.retriggered(old))
    took = time.monotonic() - began

    after = await dump(office.database)
    assert answer.outcomes == ("not_member",)
    assert {name: after[name] for name in ("account", "grant_", "grant_holder")} == {
        name: before[name] for name in ("account", "grant_", "grant_holder")
    }
    async with office.database.system(write=False) as session:
        members = Members(session)
        assert await members.find(owner.organization_id, ACME, OTTO) is None
        assert await members.find(second.organization, ACME, OTTO) is None
        assert await members.find(owner.organization_id, ACME, ADA) is not None
    assert took < 60
    record_property("counted", f"a deactivated person: refused {took:.2f} s later, 0 accounts disconnected")


@in_full
async def test_a_person_who_leaves_another_workspace_leaves_nothing_here(office: Office) -> None:
    await office.installed(ADA)
    await office.installed(BEA)
    desk = Desk(office=office, team_id=BLUE, channel_id="C0BLUESOC")
    before = await dump(office.database)

    gone = user_json(desk.slack.state.users[ADA], asked_from=[BLUE]) | {"deleted": True}
    for user in (gone, gone | {"id": "%"}, gone | {"id": ""}, gone | {"id": None}, "U0ADA", None):
        answer = await desk.send(desk.event({"type": "user_change", "user": user, "event_ts": "1.1"}))
        assert answer.status == 200

    assert changed(before, await dump(office.database)) == {}


async def test_a_role_that_was_lowered_is_lowered_at_once(office: Office) -> None:
    await office.installed(ADA)
    desk = Desk(office=office, team_id=ACME, channel_id="C0ACMESOC")
    owner = await first_organization(office, ACME)
    await seat(office, owner.organization_id, OTTO, ACME, Role.ADMIN)
    pressed = desk.action(OTTO, "connect.platform.x", f"{owner.organization_id}/x")
    assert (await desk.send(pressed)).outcomes == ("ok",)

    await desk.send(desk.command(ADA, f"org role <@{OTTO}> member"))
    answer = await desk.send(desk.retriggered(pressed))

    assert squashed(sentence(NotAllowedError(Permission.CONNECT_ACCOUNTS, "Acme"))) in squashed(answer.text)
