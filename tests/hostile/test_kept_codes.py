"""Join codes that outlive the right of whoever made them: an owner keeps some, is removed, and comes back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sandbox.slack.world import ACME, ADA, BEA, BLUE, OLGA
from storage.models import Role
from tests.application import Office
from tests.counts import in_full
from tests.hostile.slack_side import (
    Answer,
    Desk,
    belongings,
    changed,
    dump,
    first_organization,
    seat,
)

Way = Callable[[Desk, str], Awaitable[Answer]]


async def removed(desk: Desk, _target: str) -> Answer:
    return await desk.send(desk.command(ADA, f"org remove <@{OLGA}>"))


async def removed_in_the_menu(desk: Desk, target: str) -> Answer:
    return await desk.send(desk.action(ADA, "org.change", f"{target}:remove"))


async def made_a_member(desk: Desk, _target: str) -> Answer:
    return await desk.send(desk.command(ADA, f"org role <@{OLGA}> member"))


async def made_an_admin_in_the_menu(desk: Desk, target: str) -> Answer:
    return await desk.send(desk.action(ADA, "org.change", f"{target}:admin"))


async def steps_down(desk: Desk, _target: str) -> Answer:
    return await desk.send(desk.command(OLGA, f"org role <@{OLGA}> admin"))


async def leaves_slack(desk: Desk, _target: str) -> Answer:
    user = {"id": OLGA, "team_id": ACME, "deleted": True}
    return await desk.send(desk.event({"type": "user_change", "user": user, "event_ts": "1.1"}))


WAYS: tuple[Way, ...] = (
    removed,
    removed_in_the_menu,
    made_a_member,
    made_an_admin_in_the_menu,
    steps_down,
    leaves_slack,
)


async def code(desk: Desk, role: str) -> str:
    answer = await desk.send(desk.command(OLGA, f"org code {role}"))
    return next(word for word in answer.text.replace("`", " ").split() if word.count("-") == 3)


@in_full
async def test_no_code_works_after_its_maker_may_not_let_people_in(
    either_office: Office, record_property: Callable[[str, object], None]
) -> None:
    office = either_office
    for installer in (ADA, BEA):
        await office.installed(installer)
    here = Desk(office=office, team_id=ACME, channel_id="C0ACMESOC")
    there = Desk(office=office, team_id=BLUE, channel_id="C0BLUESOC")
    mine = await belongings(office, "Almond", await first_organization(office, ACME))
    tried, let_in = 0, []

    for way in WAYS:
        olga = await seat(office, mine.organization, OLGA, ACME, Role.OWNER)
        codes = [await code(here, role) for role in ("member", "admin", "member", "admin")]
        lost = await way(here, f"{mine.organization}/{olga.id}")
        assert lost.outcomes == ("ok",), way
        before = await dump(office.database)
        for desk, person, kept in zip((here, here, there, there), (OLGA, OLGA, BEA, BEA), codes, strict=True):
            answer = await desk.send(desk.command(person, f"org join {kept}"))
            tried += 1
            refused = answer.outcomes == ("bad_input",) and "That code doesn't work any more" in answer.text
            if not refused or changed(before, await dump(office.database)):
                let_in.append((way.__name__, person))

    assert let_in == []
    record_property(
        "counted",
        f"{tried} kept codes of people who may not let anybody in any more: 0 work ({office.database.dialect})",
    )


@in_full
async def test_nobody_sees_or_revokes_the_codes_of_another_organization(office: Office) -> None:
    for installer in (ADA, BEA):
        await office.installed(installer)
    acme = Desk(office=office, team_id=ACME, channel_id="C0ACMESOC")
    blue = Desk(office=office, team_id=BLUE, channel_id="C0BLUESOC")
    await seat(office, (await first_organization(office, ACME)).organization_id, OLGA, ACME, Role.OWNER)
    secret = await code(acme, "admin")
    shown = await acme.send(acme.command(ADA, "org codes"))
    target = next(block["accessory"]["value"] for block in shown.response["blocks"] if "accessory" in block)
    bare = target.partition("/")[2]
    theirs = (await first_organization(office, BLUE)).organization_id
    before = await dump(office.database)

    answers = [
        await blue.send(blue.action(BEA, "org.revoke", value)) for value in (target, f"{theirs}/{bare}", bare)
    ]
    listed = await blue.send(blue.command(BEA, "org codes"))

    assert [answer.outcomes for answer in answers] == [("not_member",), ("not_found",), ("not_found",)]
    assert changed(before, await dump(office.database)) == {}
    assert bare not in listed.everything
    assert secret not in shown.everything
