"""Accounts with tokens of their own: who is asked about next, and what becomes of the answers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, select

from storage.account_tokens import AccountToken, AccountTokens
from storage.accounts import Accounts
from storage.discoveries import Discoveries, Found, NewDiscovery
from storage.engine.statements import database_time
from storage.grants import Grants
from storage.models import Account, DeliveryStatus, FoundAccount
from storage.posts import Posts
from storage.refreshes import Refreshes
from storage.renewals import Renewal, renew
from tests.posts import counted, schedule
from tests.storage.world import build, new_account, pending_grant, run_sql, tenant

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.models import Grant
    from storage.vault import Vault

HOUR = timedelta(hours=1)
DAY = 24 * HOUR


async def pages(database: Database, vault: Vault, count: int) -> tuple[str, Grant]:
    """Return an organization and its grant, with accounts r-0, r-1, ... that have tokens t-0, t-1, ..."""
    organization = await tenant(database)
    async with database.system() as session:
        pending = await pending_grant(session, vault, organization)
        grant = await Grants(session, vault).activate(
            organization, pending.id, external_id="p1", external_name="Ana", scopes=["write"]
        )
        for number in range(count):
            found = new_account(str(number), token=f"t-{number}")
            await Accounts(session, vault).attach(
                organization, grant=grant, connected_by="mem_1", found=found
            )
    return organization, grant


async def asked(database: Database, ago: dict[str, timedelta]) -> None:
    """Let accounts, by remote id, have been asked about that long ago."""
    for remote_id, span in ago.items():
        async with database.system() as session:
            account = (await session.exec(select(Account).where(Account.remote_id == remote_id))).one()
            clock = await database_time(session)
            account.token_checked_at = clock - span


async def due(database: Database, vault: Vault, grant: Grant, limit: int = 10) -> list[AccountToken]:
    async with database.system(write=False) as session:
        return await AccountTokens(session, vault).due(grant.id, DAY, limit)


async def the(database: Database, remote_id: str) -> Account:
    async with database.system(write=False) as session:
        return (await session.exec(select(Account).where(Account.remote_id == remote_id))).one()


async def test_those_never_asked_about_come_first_then_the_longest_ago(
    database: Database, vault: Vault
) -> None:
    _, grant = await pages(database, vault, 4)
    await asked(database, {"r-0": 2 * DAY, "r-1": HOUR, "r-2": 3 * DAY})

    found = await due(database, vault, grant)

    assert [owner.remote_id for owner in found] == ["r-3", "r-2", "r-0"]
    assert [owner.token for owner in found] == ["t-3", "t-2", "t-0"]
    assert [owner.remote_id for owner in await due(database, vault, grant, 2)] == ["r-3", "r-2"]


async def test_a_suspected_one_is_due_at_every_look_and_a_lost_one_daily(
    database: Database, vault: Vault
) -> None:
    _, grant = await pages(database, vault, 3)
    owners = {owner.remote_id: owner for owner in await due(database, vault, grant)}
    async with database.system() as session:
        own = AccountTokens(session, vault)
        await own.suspect(owners["r-1"])
        await own.suspect(owners["r-2"])
        await own.mark_lost(owners["r-2"], "190_492")

    found = await due(database, vault, grant)

    assert [owner.remote_id for owner in found] == ["r-1", "r-0"]
    await asked(database, {"r-2": 2 * DAY})
    assert "r-2" in {owner.remote_id for owner in await due(database, vault, grant)}
    assert (await the(database, "r-2")).access_error == "190_492"


async def test_disconnected_ones_and_those_without_a_token_are_nobody_s_to_ask_about(
    database: Database, vault: Vault
) -> None:
    organization, grant = await pages(database, vault, 2)
    async with database.system() as session:
        accounts = Accounts(session, vault)
        await accounts.attach(
            organization, grant=grant, connected_by="mem_1", found=new_account("9", token=None)
        )
        [gone] = await accounts.find_named(organization, "Octa 0")
        await accounts.disconnect(organization, gone.id)

    assert [owner.remote_id for owner in await due(database, vault, grant)] == ["r-1"]


async def test_whoever_seeks_one_that_lives_asks_first_about_those_of_which_nothing_bad_was_heard(
    database: Database, vault: Vault
) -> None:
    _, grant = await pages(database, vault, 3)
    [first, *_] = await due(database, vault, grant)
    async with database.system() as session:
        own = AccountTokens(session, vault)
        await own.suspect(first)
        found = await own.unsuspected(grant.id, 10)
        left = await own.others_may_live(grant.id, {found[0].id})
        none_left = await own.others_may_live(grant.id, {found[0].id, found[1].id})

    assert found[-1].remote_id == first.remote_id
    assert found[-1].suspected_at is not None
    assert (left, none_left) == (True, False)


async def test_the_first_suspicion_stays_until_the_platform_takes_the_token_again(
    database: Database, vault: Vault
) -> None:
    _, grant = await pages(database, vault, 1)
    [owner] = await due(database, vault, grant)
    async with database.system() as session:
        await AccountTokens(session, vault).suspect(owner)
    await run_sql(database, "UPDATE account SET suspected_at = '2026-11-01 00:00:00.000000+00:00'")
    before = (await the(database, "r-0")).suspected_at
    async with database.system() as session:
        own = AccountTokens(session, vault)
        await own.suspect(owner)
        await own.mark_lost(owner, "190_492")
    lost = await the(database, "r-0")
    async with database.system() as session:
        changed = await AccountTokens(session, vault).mark_valid(owner)

    after = await the(database, "r-0")
    assert (lost.suspected_at, lost.access_error) == (before, "190_492")
    assert changed
    assert (after.suspected_at, after.access_error) == (None, "")
    assert after.token_checked_at is not None


async def test_a_token_in_the_place_of_one_that_is_over_is_sealed_for_its_account(
    database: Database, vault: Vault
) -> None:
    organization, grant = await pages(database, vault, 1)
    [owner] = await due(database, vault, grant)
    async with database.system() as session:
        await AccountTokens(session, vault).mark_valid(owner, "newer")

    async with database.organization(organization, write=False) as session:
        accounts = Accounts(session, vault)
        token = accounts.token(await the(database, "r-0"))
    assert token is not None
    assert token.reveal() == "newer"


async def test_a_person_who_reconnects_meanwhile_is_not_overruled(database: Database, vault: Vault) -> None:
    organization, grant = await pages(database, vault, 1)
    [owner] = await due(database, vault, grant)
    async with database.system() as session:
        await AccountTokens(session, vault).suspect(owner)
    async with database.system() as session:
        await Accounts(session, vault).attach(
            organization, grant=grant, connected_by="mem_1", found=new_account("0", token="t-0")
        )

    async with database.system() as session:
        own = AccountTokens(session, vault)
        changed = [
            await own.mark_lost(owner, "190_492"),
            await own.suspect(owner),
            await own.mark_valid(owner, "old"),
        ]

    account = await the(database, "r-0")
    assert changed == [False, False, False]
    assert (account.access_error, account.suspected_at, account.token_checked_at) == ("", None, None)


async def test_some_are_left_until_each_was_asked_about(database: Database, vault: Vault) -> None:
    _, grant = await pages(database, vault, 2)
    answers = []
    for owner in await due(database, vault, grant):
        async with database.system() as session:
            own = AccountTokens(session, vault)
            answers.append(await own.more(grant.id, DAY))
            await own.mark_valid(owner)

    async with database.system(write=False) as session:
        answers.append(await AccountTokens(session, vault).more(grant.id, DAY))
    assert answers == [True, True, False]


async def test_a_grant_that_is_over_is_nobody_s_to_lock(database: Database, vault: Vault) -> None:
    _, grant = await pages(database, vault, 1)
    async with database.system() as session:
        before = await AccountTokens(session, vault).lock(grant.id)
    await run_sql(database, "UPDATE grant_ SET access_sealed = NULL")

    async with database.system() as session:
        assert (before, await AccountTokens(session, vault).lock(grant.id)) == (True, False)


def test_an_owner_shows_no_token() -> None:
    owner = AccountToken(
        id="acc_1",
        organization_id="org_1",
        remote_id="1",
        token="EAAGhush",
        sealed=b"sealed",
        suspected_at=None,
        access_error="",
    )

    assert "hush" not in repr(owner)
    assert "sealed" not in repr(owner)


# Posts


async def test_what_waits_for_a_lost_account_is_held_and_goes_out_when_it_is_well_again(
    database: Database, vault: Vault
) -> None:
    organization, grant = await pages(database, vault, 2)
    owners = {owner.remote_id: owner for owner in await due(database, vault, grant)}
    gone, well = owners["r-0"].id, owners["r-1"].id
    async with database.system() as session:
        await schedule(session, organization, gone, HOUR)
        await schedule(session, organization, well, HOUR)

    async with database.system() as session:
        await AccountTokens(session, vault).mark_lost(owners["r-0"], "190_492")
        held = await Posts(session).hold(grant.id, lost=True)
        await schedule(session, organization, gone, 2 * HOUR)
    between = await counted(database, gone), await counted(database, well)
    async with database.system() as session:
        nothing = await Posts(session).release(organization, [gone, well])
        await AccountTokens(session, vault).mark_valid(owners["r-0"])
        freed = await Posts(session).release(organization, [gone, well])

    assert held == {organization: 1}
    assert between == ({DeliveryStatus.HELD: 2}, {DeliveryStatus.SCHEDULED: 1})
    assert (nothing.scheduled, freed.scheduled) == (0, 2)
    assert await counted(database, gone) == {DeliveryStatus.SCHEDULED: 2}


# What comes with a trade


async def test_newer_tokens_reach_what_was_found_and_not_chosen_yet(database: Database, vault: Vault) -> None:
    organization, grant = await pages(database, vault, 1)
    found = [
        Found(remote_id="r-0", kind="Page", name="Mugs", token="short-0"),
        Found(remote_id="r-7", kind="Page", name="Cups", token="short-7"),
        Found(remote_id="r-8", kind="Page", name="Pots", token="short-8"),
        Found(remote_id="r-9", kind="Page", name="Pans", blocker="no_page_token"),
    ]
    async with database.system() as session:
        for_them = await Discoveries(session, vault).keep(
            organization,
            NewDiscovery(membership_id="mem_1", grant_id=grant.id, team_id="T1", channel_id="C1"),
            found,
        )

    async with database.system() as session:
        newer = {"r-0": "long-0", "r-7": "long-7", "r-9": "long-9"}
        await Accounts(session, vault).replace_tokens(grant.id, newer)

    async with database.system(write=False) as session:
        discoveries = Discoveries(session, vault)
        rows = await session.exec(select(FoundAccount).order_by(col(FoundAccount.position)))
        tokens = {row.remote_id: discoveries.token(row) for row in rows}
        account_token = Accounts(session, vault).token(await the(database, "r-0"))
    assert for_them.grant_id == grant.id
    assert {key: token.reveal() if token else None for key, token in tokens.items()} == {
        "r-0": "long-0",
        "r-7": "long-7",
        "r-8": "short-8",
        "r-9": None,
    }
    assert account_token is not None
    assert account_token.reveal() == "long-0"


async def test_what_another_grant_found_keeps_its_tokens(database: Database, vault: Vault) -> None:
    world = await build(database, vault, "1")
    _, grant = await pages(database, vault, 1)

    async with database.system() as session:
        await Accounts(session, vault).replace_tokens(grant.id, {"r2": "stolen"})

    async with database.system(write=False) as session:
        found = await session.get(FoundAccount, world.found_id)
        assert found is not None
        token = Discoveries(session, vault).token(found)
    assert token is not None
    assert token.reveal() == "page-token"


async def test_scopes_that_a_renewal_names_are_the_scopes_and_one_that_names_none_changes_nothing(
    database: Database, vault: Vault
) -> None:
    _, grant = await pages(database, vault, 0)

    async def renewed(scopes: set[str] | None) -> list[str]:
        async with database.system(write=False) as session:
            before = await Refreshes(session).look(grant.id)
        assert before is not None
        renewal = Renewal(
            access="a2",
            refresh=None,
            access_expires_in=HOUR,
            refresh_expires_in=None,
            due_in=HOUR,
            scopes=scopes,
        )
        async with database.system() as session:
            assert await renew(session, vault, before, renewal)
        async with database.system(write=False) as session:
            after = await Refreshes(session).look(grant.id)
        assert after is not None
        return after.scopes

    assert await renewed(None) == ["write"]
    assert await renewed({"write", "read"}) == ["read", "write"]
    assert await renewed(None) == ["read", "write"]
    assert await renewed(set()) == []
