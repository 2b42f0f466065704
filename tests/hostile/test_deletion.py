"""A deleted organization leaves nothing: not in any table, not at a platform, and nobody acts for it any more."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlmodel import select

from sandbox.member import text_of
from sandbox.platforms.meta.simulator import MetaSimulator
from sandbox.slack.world import ACME, OLGA, OTTO
from storage.alert_settings import Alerts
from storage.attempts import Attempts
from storage.models import Organization, Role, Ticket
from tests.application import Office
from tests.counts import in_full
from tests.golden.recording import settle
from tests.hostile.slack_side import INVITED, TENANTS, Rows, belongings, dump, seat
from tests.stories.told import connected, hears

if TYPE_CHECKING:
    from sandbox.member import Member

IDS = re.compile(r"\b[a-z]{3}_[0-9a-f]{20}\b")
WORD = "Nutmeg"
"""Stands in every name that is the deleted organization's."""
SHARED = "tt-shared"


def live_tokens(office: Office) -> list[str]:
    """Return the sign-ins of our apps that the platforms still accept, each with its platform."""
    found = []
    for key, simulator in office.world.platforms.items():
        if isinstance(simulator, MetaSimulator):
            found += [
                f"{key} {token.person}"
                for token in simulator.tokens.values()
                if token.kind == "USER" and not simulator._why_dead(token)
            ]
        else:
            found += [f"{key} {grant.person.id}" for grant in simulator.grants.values() if not grant.dead]
    return sorted(set(found))


async def deleted(owner: Member, name: str) -> str:
    """Let an owner delete the organization of their channel, and return what they read at the end."""
    view = await owner.modal_by("org delete")
    return text_of(await owner.submit(view, {"text": name}))


async def ids_of(office: Office, organization_id: str) -> set[str]:
    """Return every id in an organization's rows."""
    rows = await dump(office.database, organization_id=organization_id, whole=True)
    return {one for table in rows.values() for row in table for one in IDS.findall(" ".join(row))}


def holding(rows: Rows, words: set[str]) -> dict[str, set[str]]:
    """Return which of the words stand in which table."""
    found = {
        table: {word for word in words for row in each if any(word in value for value in row)}
        for table, each in rows.items()
    }
    return {table: there for table, there in found.items() if there}


async def begin_a_consent(office: Office, person: Member, organization_id: str) -> None:
    """Leave a ticket and a trip to a platform open, and choose a channel for alerts."""
    await person.link("x")
    async with office.database.system() as session:
        open_links = select(Ticket).where(Ticket.organization_id == organization_id)
        ticket = (await session.exec(open_links)).first()
        assert ticket is not None
        attempts = Attempts(session, office.parts.vault)
        await attempts.open(ticket=ticket, browser="browser", verifier="verifier")
        await Alerts(session).save(organization_id, slack_id=ACME, channel_id="C0ACMESOC")


@in_full
async def test_nothing_of_a_deleted_organization_is_in_any_table_and_no_token_of_it_lives(
    either_office: Office, record_property: Callable[[str, object], None]
) -> None:
    office = either_office
    ada, otto = await office.installed(), await office.person(OTTO)
    await otto.command(f"org create {WORD} Bakery")
    await otto.command(f"org switch {WORD} Bakery")  # asks Ada, in whose channel this is
    await hears(ada, f"mean *{WORD} Bakery*")
    async with office.database.system(write=False) as session:
        named = select(Organization).where(Organization.name == f"{WORD} Bakery")
        theirs = (await session.exec(named)).one().id
    await ada.press(await hears(ada, f"mean *{WORD} Bakery*"), "channel.approve")
    await hears(otto, "An admin approved your request")
    olga = await seat(office, theirs, OLGA, ACME, Role.OWNER)
    await belongings(office, WORD, olga)
    for platform, who in (
        ("x", "4711"),
        ("tiktok", "tt-4711"),
        ("reddit", "octademo"),
        ("youtube", "yt-4711"),
    ):
        await connected(otto, platform, who)
    await connected(otto, "facebook", "ana", choose=2)
    await otto.command("org code admin")
    await begin_a_consent(office, otto, theirs)
    words = {*await ids_of(office, theirs), WORD, INVITED, OTTO, OLGA}
    alive = len(live_tokens(office))
    before = holding(await dump(office.database, whole=True), words)

    said_so = await deleted(otto, f"{WORD} Bakery")
    at_once = await dump(office.database, organization_id=theirs, whole=True)
    await hears(otto, f"Receipt: {WORD} Bakery is deleted")
    await hears(await office.person(OLGA), f"Receipt: {WORD} Bakery is deleted")
    await settle(office)
    await office.parts.deletions.work()
    after = await dump(office.database, whole=True)

    receipt = re.search(r"del_[0-9a-f]{20}", said_so)
    assert receipt is not None
    assert all(not rows for rows in at_once.values())
    assert holding(after, words) == {}
    assert live_tokens(office) == []
    assert [receipt[0] in row[0] for row in after["deletion"]] == [True]
    assert set(before) >= set(TENANTS)
    record_property(
        "counted",
        f"deletion ({office.database.dialect}): {len(words)} identifiers in {len(before)} tables before and in 0"
        f" after; {alive} sign-ins alive at the platforms before and 0 after",
    )
