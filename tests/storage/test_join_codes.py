"""Join codes: good once, for a day, and only as long as whoever made them may let people in."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest

from storage.engine.db import Database
from storage.join_codes import MOST_OPEN, JoinCodes, TooManyCodes
from storage.memberships import Members
from storage.models import JoinCode, Membership, Role
from storage.organizations import Organizations
from tests.storage.world import expire, tenant

Loss = Callable[[Database, Membership], Awaitable[object]]


async def join(database: Database, organization: str, user_id: str, role: Role = Role.OWNER) -> Membership:
    async with database.organization(organization) as session:
        return await Members(session).add(organization, realm="T1", user_id=user_id, team_id="T1", role=role)


async def owners(database: Database) -> tuple[str, Membership, Membership]:
    """Return an organization and two owners of it."""
    organization = await tenant(database)
    return organization, await join(database, organization, "U1"), await join(database, organization, "U2")


async def make(database: Database, maker: Membership, role: Role = Role.ADMIN) -> str:
    async with database.organization(maker.organization_id) as session:
        return await JoinCodes(session).create(maker.organization_id, role, maker.id)


async def redeem(database: Database, code: str) -> JoinCode | None:
    async with database.system() as session:
        return await JoinCodes(session).redeem(code, Role.OWNER)


async def open_codes(database: Database, organization: str) -> list[JoinCode]:
    async with database.organization(organization, write=False) as session:
        return await JoinCodes(session).all(organization)


async def removed(database: Database, maker: Membership) -> None:
    async with database.organization(maker.organization_id) as session:
        await Members(session).end(maker.organization_id, maker.id)


async def demoted(database: Database, maker: Membership) -> None:
    async with database.organization(maker.organization_id) as session:
        await Members(session).set_role(maker.organization_id, maker.id, Role.ADMIN)
        await Members(session).end_offers([maker.id])


async def deactivated(database: Database, maker: Membership) -> None:
    async with database.system() as session:
        await Members(session).end_person(maker.realm, maker.user_id)


LOSSES = [removed, demoted, deactivated]


async def test_a_join_code_is_good_once_however_it_is_typed(database: Database) -> None:
    organization, owner, _ = await owners(database)

    for mangle in (str, str.lower, lambda code: code.replace("-", " "), lambda code: f" {code}\n"):
        code = await make(database, owner)
        redeemed = await redeem(database, mangle(code))
        assert re.fullmatch(r"([A-HJ-NP-Z2-9]{4}-){3}[A-HJ-NP-Z2-9]{4}", code)
        assert redeemed is not None
        assert (redeemed.organization_id, redeemed.role, redeemed.created_by) == (
            organization,
            Role.ADMIN,
            owner.id,
        )
        assert await redeem(database, code) is None


async def test_an_unknown_or_old_join_code_is_refused_and_not_listed(database: Database) -> None:
    organization, owner, _ = await owners(database)
    code = await make(database, owner)
    await expire(database, JoinCode)

    answers = [await redeem(database, each) for each in (code, "", "ABCD-EFGH-JKLM-NPQR")]

    assert answers == [None, None, None]
    assert await open_codes(database, organization) == []


@pytest.mark.parametrize("lose", LOSSES)
async def test_codes_end_with_the_right_of_whoever_made_them(database: Database, lose: Loss) -> None:
    organization, maker, other = await owners(database)
    kept = [await make(database, maker, role) for role in (Role.MEMBER, Role.ADMIN)]
    theirs = await make(database, other)

    await lose(database, maker)

    assert [each.created_by for each in await open_codes(database, organization)] == [other.id]
    assert [await redeem(database, code) for code in kept] == [None, None]
    assert await redeem(database, theirs) is not None


@pytest.mark.parametrize("lose", [removed, demoted])
async def test_a_code_that_is_redeemed_while_its_maker_loses_the_right_waits_and_is_refused(
    database: Database, lose: Loss
) -> None:
    organization, maker, _ = await owners(database)
    code = await make(database, maker)

    async with database.organization(organization) as session:
        members = Members(session)
        if lose is demoted:
            await members.set_role(organization, maker.id, Role.ADMIN)
        else:
            await members.end(organization, maker.id)
        redeeming = asyncio.create_task(redeem(database, code))
        done, _ = await asyncio.wait([redeeming], timeout=0.1)

    assert done == set()
    assert await redeeming is None


async def test_whoever_made_a_code_keeps_the_right_until_it_is_redeemed(database: Database) -> None:
    _, maker, _ = await owners(database)
    code = await make(database, maker)

    async with database.system() as session:
        redeemed = await JoinCodes(session).redeem(code, Role.OWNER)
        losing = asyncio.create_task(deactivated(database, maker))
        done, _ = await asyncio.wait([losing], timeout=0.1)
    await losing

    assert redeemed is not None
    assert done == set()


async def test_a_code_from_before_this_rule_is_worth_no_more_than_its_maker(database: Database) -> None:
    organization, owner, _ = await owners(database)
    admin = await join(database, organization, "U3", Role.ADMIN)

    codes = [await make(database, admin, Role.MEMBER)]
    async with database.organization(organization) as session:
        codes.append(await JoinCodes(session).create(organization, Role.MEMBER, "mem_absent"))

    assert [await redeem(database, code) for code in codes] == [None, None]
    assert await redeem(database, await make(database, owner)) is not None


async def test_a_code_of_a_deleted_organization_is_refused(database: Database) -> None:
    organization, owner, _ = await owners(database)
    code = await make(database, owner)
    async with database.system() as session:
        await Organizations(session).delete(organization)

    assert await redeem(database, code) is None


async def test_no_more_than_ten_codes_are_open_also_when_many_are_made_at_once(database: Database) -> None:
    organization, owner, other = await owners(database)

    made = await asyncio.gather(
        *(make(database, each) for each in (owner, other) for _ in range(MOST_OPEN)), return_exceptions=True
    )
    async with database.organization(organization) as session:
        first = (await JoinCodes(session).all(organization))[0]
        await JoinCodes(session).revoke(organization, first.id)
    again = await make(database, owner)

    assert sum(isinstance(each, str) for each in made) == MOST_OPEN
    assert {type(each) for each in made} == {str, TooManyCodes}
    assert len(await open_codes(database, organization)) == MOST_OPEN
    assert again not in made


async def test_a_revoked_code_is_gone_and_only_the_organization_can_revoke_it(database: Database) -> None:
    organization, owner, _ = await owners(database)
    elsewhere = await tenant(database, "Other")
    code = await make(database, owner)
    (one,) = await open_codes(database, organization)

    async with database.system() as session:
        codes = JoinCodes(session)
        answers = [
            await codes.revoke(elsewhere, one.id),
            await codes.revoke(organization, "0123456789abcdef"),
            await codes.revoke(organization, one.id),
            await codes.revoke(organization, one.id),
        ]

    assert [answer is not None for answer in answers] == [False, False, True, False]
    assert await redeem(database, code) is None
    assert one.id not in code
