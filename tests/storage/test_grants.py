"""Grants are created, activated, shared and ended."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from storage.accounts import Accounts
from storage.discoveries import Discoveries, Found, NewDiscovery
from storage.grants import Grants, token_pair
from storage.memberships import Members
from storage.models import Discovery, Grant, GrantStatus, Role, utc_now
from storage.renewals import Renewal, renew
from tests.storage.world import backdate, consent, expire, new_account, pending_grant, run_sql, tenant

if TYPE_CHECKING:
    from storage.engine.db import Database
    from storage.vault import Vault

HOUR = timedelta(hours=1)


async def end(database: Database, grant: Grant) -> None:
    """Leave the grant as those are left that have ended while an account referred to them."""
    over = "UPDATE grant_ SET status = 'ended', access_sealed = NULL, refresh_sealed = NULL WHERE id = :id"
    await run_sql(database, over, id=grant.id)


async def tokens(
    database: Database, vault: Vault, organization: str, grant_id: str
) -> tuple[str, str | None]:
    async with database.organization(organization, write=False) as session:
        grants = Grants(session, vault)
        grant = await grants.get(organization, grant_id)
        assert grant is not None
        pair = token_pair(vault, grant)
    return pair.access.reveal(), pair.refresh.reveal() if pair.refresh else None


async def test_a_stashed_grant_is_pending_with_its_tokens_and_lives(database: Database, vault: Vault) -> None:
    organization = await tenant(database)

    async with database.organization(organization) as session:
        grant = await pending_grant(session, vault, organization, access="a1", refresh="r1")

    assert (grant.status, grant.external_id, grant.generation) == (GrantStatus.PENDING, None, 1)
    assert grant.access_expires_at is not None
    assert grant.refresh_expires_at is not None
    assert round((grant.access_expires_at - utc_now()) / timedelta(hours=1)) == 2
    assert round((grant.refresh_expires_at - utc_now()) / timedelta(days=1)) == 180
    assert await tokens(database, vault, organization, grant.id) == ("a1", "r1")


async def test_newer_tokens_do_not_tell_whose_consent_it_is(database: Database, vault: Vault) -> None:
    organization = await tenant(database)
    async with database.organization(organization) as session:
        pending = await pending_grant(session, vault, organization, access="a1", refresh="r1")
    renewal = Renewal(access="a2", refresh="r2", access_expires_in=HOUR, refresh_expires_in=None, due_in=HOUR)

    async with database.system() as session:
        stored = await renew(session, vault, pending, renewal)

    assert stored
    assert await tokens(database, vault, organization, pending.id) == ("a2", "r2")
    async with database.organization(organization) as session:
        grants = Grants(session, vault)
        after = await grants.get(organization, pending.id)
        assert after is not None
        assert (after.status, after.generation) == (GrantStatus.PENDING, 2)
        settled = await grants.activate(
            organization, pending.id, external_id="p1", external_name="Person", scopes=["read"]
        )
    assert settled.status == GrantStatus.HEALTHY


async def test_a_sign_in_s_times_are_all_the_database_s(database: Database, vault: Vault) -> None:
    organization = await tenant(database)

    async with database.organization(organization) as session:
        grant = await pending_grant(session, vault, organization, access_expires_in=2 * HOUR)

    assert grant.access_expires_at is not None
    assert grant.renewed_at == grant.consented_at == grant.access_expires_at - 2 * HOUR


async def test_a_grant_without_refresh_token_or_lives_keeps_none(database: Database, vault: Vault) -> None:
    organization = await tenant(database)

    async with database.organization(organization) as session:
        grant = await pending_grant(
            session,
            vault,
            organization,
            access="a1",
            refresh=None,
            access_expires_in=None,
            refresh_expires_in=None,
        )

    assert (grant.access_expires_at, grant.refresh_expires_at) == (None, None)
    assert await tokens(database, vault, organization, grant.id) == ("a1", None)


async def test_settling_names_the_person(database: Database, vault: Vault) -> None:
    organization = await tenant(database)

    grant = await consent(database, vault, organization)

    assert (grant.status, grant.external_id, grant.external_name) == (GrantStatus.HEALTHY, "p1", "Name p1")
    assert (grant.scopes, grant.generation) == (["write"], 1)


async def test_the_same_persons_second_consent_replaces_the_tokens_of_the_first(
    database: Database, vault: Vault
) -> None:
    organization = await tenant(database)
    first = await consent(database, vault, organization, access="a1", refresh="r1")
    await run_sql(database, "UPDATE grant_ SET status = 'needs_reconnect', reason = 'invalid_grant'")

    second = await consent(database, vault, organization, access="a2", refresh="r2")

    assert second.id == first.id
    assert (second.status, second.reason, second.generation) == (GrantStatus.HEALTHY, "", 2)
    assert second.renewed_at > first.renewed_at
    assert await tokens(database, vault, organization, first.id) == ("a2", "r2")
    assert await run_sql(database, "SELECT count(*) FROM grant_") == [(1,)]
    assert await run_sql(database, "SELECT count(*) FROM grant_holder") == [(1,)]


async def test_a_second_consent_without_a_refresh_token_keeps_the_old_one(
    database: Database, vault: Vault
) -> None:
    organization = await tenant(database)
    first = await consent(database, vault, organization, access="a1", refresh="r1")

    second = await consent(
        database,
        vault,
        organization,
        access="a2",
        refresh=None,
        access_expires_in=None,
        refresh_expires_in=None,
    )

    assert await tokens(database, vault, organization, first.id) == ("a2", "r1")
    assert second.access_expires_at is None
    assert second.refresh_expires_at == first.refresh_expires_at


async def test_two_organizations_share_one_persons_grant(database: Database, vault: Vault) -> None:
    one, two = await tenant(database, "One"), await tenant(database, "Two")
    first = await consent(database, vault, one, access="a1")
    async with database.organization(one, write=False) as session:
        alone = await Grants(session, vault).shared(one, first.id)

    second = await consent(database, vault, two, access="a2")

    assert (alone, second.id) == (False, first.id)
    assert (await tokens(database, vault, one, first.id))[0] == "a2"
    assert (await tokens(database, vault, two, first.id))[0] == "a2"
    for organization in (one, two):
        async with database.organization(organization, write=False) as session:
            assert await Grants(session, vault).shared(organization, first.id)
            assert await Grants(session, vault).holders(first.id) == 2
            assert len(await Accounts(session, vault).all(organization)) == 1


@pytest.mark.parametrize("different", ["platform", "app", "person"])
async def test_another_platform_app_or_person_is_another_grant(
    database: Database, vault: Vault, different: str
) -> None:
    organization = await tenant(database)
    first = await consent(database, vault, organization)

    if different == "person":
        second = await consent(database, vault, organization, "p2", account="2")
    else:
        second = await consent(database, vault, organization, account="2", **{different: "other"})

    assert second.id != first.id


async def test_what_hung_on_the_pending_grant_moves_to_the_one_that_stays(
    database: Database, vault: Vault
) -> None:
    organization = await tenant(database)
    first = await consent(database, vault, organization)
    async with database.organization(organization) as session:
        pending = await pending_grant(session, vault, organization)
        account = await Accounts(session, vault).attach(
            organization, grant=pending, connected_by="mem_2", found=new_account("2")
        )
        discovery = await Discoveries(session, vault).keep(
            organization,
            NewDiscovery(membership_id="mem_1", grant_id=pending.id, team_id="T1", channel_id="C1"),
            [Found(remote_id="r", kind="Page", name="Page")],
        )

    async with database.organization(organization) as session:
        await Grants(session, vault).activate(
            organization, pending.id, external_id="p1", external_name="", scopes=[]
        )

    moved = await run_sql(database, "SELECT grant_id FROM account UNION SELECT grant_id FROM discovery")
    assert moved == [(first.id,)]
    async with database.organization(organization) as session:
        assert await Discoveries(session, vault).get(organization, discovery.id, "mem_1") is not None
        assert await Accounts(session, vault).get(organization, account.id) is not None


async def test_many_who_settle_the_same_person_at_once_end_with_one_grant(
    database: Database, vault: Vault
) -> None:
    organizations = [await tenant(database, f"o{number}") for number in range(8)]

    grants = await asyncio.gather(*(consent(database, vault, each) for each in organizations))

    assert len({grant.id for grant in grants}) == 1
    assert await run_sql(database, "SELECT generation FROM grant_") == [(8,)]
    assert await run_sql(database, "SELECT count(*) FROM grant_holder") == [(8,)]
    assert len({(await tokens(database, vault, each, grants[0].id))[0] for each in organizations}) == 1


async def test_an_ended_grant_that_is_still_referred_to_comes_back_with_a_new_consent(
    database: Database, vault: Vault
) -> None:
    organization = await tenant(database)
    first = await consent(database, vault, organization)
    await end(database, first)
    async with database.system() as session:
        ended = await Grants(session, vault).get(organization, first.id)
        assert ended is not None
        with pytest.raises(LookupError):
            token_pair(vault, ended)
    assert (ended.status, ended.access_sealed, ended.refresh_sealed) == (GrantStatus.ENDED, None, None)

    second = await consent(database, vault, organization, access="a2")

    assert (second.id, second.status) == (first.id, GrantStatus.HEALTHY)
    assert (await tokens(database, vault, organization, first.id))[0] == "a2"


async def test_settling_a_grant_one_does_not_hold_is_refused(database: Database, vault: Vault) -> None:
    owner, stranger = await tenant(database), await tenant(database)
    grant = await consent(database, vault, owner)

    async with database.organization(stranger) as session:
        for grant_id in (grant.id, "grt_absent"):
            with pytest.raises(LookupError):
                await Grants(session, vault).activate(
                    stranger, grant_id, external_id="p1", external_name="", scopes=[]
                )


async def test_only_a_pending_grant_is_dropped(database: Database, vault: Vault) -> None:
    organization = await tenant(database)
    settled = await consent(database, vault, organization)
    async with database.organization(organization) as session:
        pending = await pending_grant(session, vault, organization)

        grants = Grants(session, vault)
        answers = [
            await grants.drop_pending(organization, each) for each in (pending.id, pending.id, settled.id)
        ]

    assert answers == [True, False, False]
    assert await run_sql(database, "SELECT id FROM grant_") == [(settled.id,)]


async def test_the_last_organization_to_leave_a_grant_is_told_to_end_it(
    database: Database, vault: Vault
) -> None:
    one, two = await tenant(database), await tenant(database)
    grant = await consent(database, vault, one)
    await consent(database, vault, two)
    async with database.organization(one) as session:
        assert await Grants(session, vault).release(one, grant.id) is None
        assert await Grants(session, vault).get(one, grant.id) is not None
    answers = []

    for organization in (one, two):
        async with database.organization(organization) as session:
            ((account, _),) = await Accounts(session, vault).all(organization)
            await Accounts(session, vault).disconnect(organization, account.id)
            answers.append(await Grants(session, vault).release(organization, grant.id))
            assert await Grants(session, vault).release(organization, grant.id) is None

    assert answers[0] is None
    assert answers[1] is not None
    assert answers[1].id == grant.id
    async with database.system() as session:
        grants = Grants(session, vault)
        assert token_pair(vault, answers[1]).access.reveal().startswith("access-")
        assert await grants.end(answers[1])
        assert await grants.end(answers[1])
    assert await run_sql(database, "SELECT * FROM grant_") == []
    assert await run_sql(database, "SELECT grant_id, token_sealed FROM account") == [(None, None)] * 2


async def test_of_organizations_that_leave_at_once_exactly_one_is_told(
    database: Database, vault: Vault
) -> None:
    organizations = [await tenant(database, f"o{number}") for number in range(8)]
    grant = (await asyncio.gather(*(consent(database, vault, each, account=None) for each in organizations)))[
        0
    ]

    async def leave(organization: str) -> bool:
        async with database.organization(organization) as session:
            return await Grants(session, vault).release(organization, grant.id) is not None

    told = await asyncio.gather(*map(leave, organizations))

    assert sum(told) == 1


async def test_a_grant_that_somebody_signed_in_for_again_is_not_ended(
    database: Database, vault: Vault
) -> None:
    organization = await tenant(database)
    listed = await consent(database, vault, organization, account=None)
    await consent(database, vault, organization, account=None, access="newer")

    async with database.system() as session:
        ended = await Grants(session, vault).end(listed)

    assert not ended
    assert (await tokens(database, vault, organization, listed.id))[0] == "newer"


async def test_a_grant_that_got_an_account_meanwhile_is_not_ended(database: Database, vault: Vault) -> None:
    organization = await tenant(database)
    listed = await consent(database, vault, organization, account=None)
    async with database.organization(organization) as session:
        await Accounts(session, vault).attach(
            organization, grant=listed, connected_by="mem_1", found=new_account()
        )

    async with database.system() as session:
        ended = await Grants(session, vault).end(listed)

    assert not ended


async def test_a_grant_that_was_refreshed_meanwhile_is_ended_all_the_same(
    database: Database, vault: Vault
) -> None:
    organization = await tenant(database)
    listed = await consent(database, vault, organization, account=None)
    await run_sql(database, "UPDATE grant_ SET generation = generation + 1")

    async with database.system() as session:
        ended = await Grants(session, vault).end(listed)

    assert ended
    assert await run_sql(database, "SELECT id FROM grant_") == []


async def test_ending_and_signing_in_again_at_once_leaves_a_whole_grant(
    database: Database, vault: Vault
) -> None:
    organization = await tenant(database)
    listed = [await consent(database, vault, organization, f"p{number}", account=None) for number in range(8)]

    async def end_it(grant: Grant) -> bool:
        async with database.system() as session:
            return await Grants(session, vault).end(grant)

    ended, renewed = await asyncio.gather(
        asyncio.gather(*map(end_it, listed)),
        asyncio.gather(
            *(consent(database, vault, organization, f"p{number}", account=None) for number in range(8))
        ),
    )

    states = await run_sql(database, "SELECT id, status FROM grant_ WHERE access_sealed IS NOT NULL")
    assert len(ended) == 8
    assert sorted(states) == sorted((grant.id, "healthy") for grant in renewed)


async def test_a_persons_other_live_grants_are_counted_as_siblings(database: Database, vault: Vault) -> None:
    organization = await tenant(database)
    grants = {
        platform: await consent(
            database, vault, organization, account=platform, platform=platform, app=platform
        )
        for platform in ("facebook", "instagram", "x")
    }
    await consent(database, vault, organization, "p2", account="9", platform="facebook", app="facebook")
    meta = ["facebook", "instagram"]

    async def siblings() -> int:
        async with database.system(write=False) as session:
            return await Grants(session, vault).siblings(meta, "p1", grants["facebook"].id)

    counts = [await siblings()]
    await run_sql(database, "DELETE FROM grant_holder WHERE grant_id = :id", id=grants["instagram"].id)
    counts.append(await siblings())
    await consent(database, vault, organization, account="8", platform="instagram", app="instagram")
    counts.append(await siblings())
    await end(database, grants["instagram"])
    counts.append(await siblings())

    assert counts == [1, 0, 1, 0]


async def test_the_uses_and_the_connectors_of_a_grant_are_known(database: Database, vault: Vault) -> None:
    one, two = await tenant(database), await tenant(database)
    async with database.system() as session:
        members = [
            await Members(session).add(organization, realm="T1", user_id=user, team_id="T1", role=Role.ADMIN)
            for organization, user in ((one, "U1"), (two, "U1"), (two, "U2"))
        ]
    grants = [
        await consent(database, vault, organization, person, account=person)
        for organization, person in ((one, "p1"), (two, "p2"), (two, "p3"))
    ]
    for grant, member in zip(grants, members, strict=True):
        connected = "UPDATE grant_holder SET connected_by = :member WHERE grant_id = :grant"
        await run_sql(database, connected, member=member.id, grant=grant.id)

    async with database.system(write=False) as session:
        repository = Grants(session, vault)
        by = await repository.connected_by(grants[0].id)
        people = await repository.people_behind(by)
        same = await repository.connected_by_same("x", people, grants[0].id)
        anybody = await repository.connected_by_same("x", (), grants[0].id)
        elsewhere = await repository.connected_by_same("tiktok", people, grants[0].id)
        uses = await repository.uses(grants[0].id)

    assert by == {members[0].id}
    assert people == {"T1/U1"}
    assert (same, anybody, elsewhere, uses) == (1, 2, 0, 1)


async def test_grants_nobody_needs_are_found_after_a_day(database: Database, vault: Vault) -> None:
    organization = await tenant(database)
    used = await consent(database, vault, organization, "used", account="1")
    unused = await consent(database, vault, organization, "unused", account=None)
    choosing = await consent(database, vault, organization, "choosing", account=None)
    unheld = await consent(database, vault, organization, "unheld", account=None)
    ended = await consent(database, vault, organization, "ended", account=None)
    await run_sql(database, "DELETE FROM grant_holder WHERE grant_id = :id", id=unheld.id)
    await end(database, ended)
    async with database.system() as session:
        await Discoveries(session, vault).keep(
            organization,
            NewDiscovery(membership_id="mem_1", grant_id=choosing.id, team_id="T1", channel_id="C1"),
            [],
        )

    async def abandoned() -> set[str]:
        async with database.system(write=False) as session:
            return {grant.id for grant in await Grants(session, vault).find_orphaned(timedelta(hours=24))}

    assert await abandoned() == set()
    await backdate(database, Grant, "consented_at", timedelta(hours=25))
    assert await abandoned() == {unused.id, unheld.id}
    await expire(database, Discovery)
    assert await abandoned() == {unused.id, unheld.id, choosing.id}
    async with database.system() as session:
        ((account, _),) = [
            pair for pair in await Accounts(session, vault).all(organization) if pair[0].grant_id == used.id
        ]
        await Accounts(session, vault).disconnect(organization, account.id)
    assert used.id in await abandoned()


async def test_refreshes_do_not_keep_a_grant_that_nobody_needs(database: Database, vault: Vault) -> None:
    organization = await tenant(database)
    unused = await consent(database, vault, organization, account=None)
    older = await consent(database, vault, organization, "p2", account=None)
    await backdate(database, Grant, "consented_at", timedelta(hours=25))
    await backdate(database, Grant, "created_at", timedelta(hours=25))
    await run_sql(database, "UPDATE grant_ SET consented_at = NULL WHERE id = :id", id=older.id)
    await backdate(database, Grant, "renewed_at", timedelta(minutes=1))

    async with database.system(write=False) as session:
        found = await Grants(session, vault).find_orphaned(timedelta(hours=24))

    assert {grant.id for grant in found} == {unused.id, older.id}
