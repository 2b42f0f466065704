"""Pages' own tokens: asked about every day, replaced where that is possible, and told of one by one where not."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlmodel import col, select, update

from adapters.base import AccountTokens, Busy, GrantDead, Tokens
from adapters.registry import REGISTRY
from bot.services.accounts.diagnosis import Diagnosis, diagnose, state_of
from bot.services.accounts.problems import Problem
from bot.services.incidents.incidents import IncidentService
from bot.services.tokens import page_tokens
from bot.services.tokens.policy import LEASE, SECOND_OPINION
from bot.services.tokens.queue import BEGUN_WITHIN_S
from bot.views.diagnosis import advice
from sandbox.core import Fault
from sandbox.platforms.meta.simulator import MetaSimulator
from sandbox.platforms.tiktok.simulator import TikTokSimulator
from storage.accounts import Accounts
from storage.discoveries import Found
from storage.engine.db import Database
from storage.engine.statements import now
from storage.grants import token_pair
from storage.models import Account, Grant, GrantStatus
from storage.tallies import Outcome, Tallies
from storage.vault import Vault
from tests.counts import in_full
from tests.patience import PATIENCE_S
from tests.services.tokens.test_policy import facebook
from tests.services.tokens.test_refreshing import Works, open_works

ANA = "ana"
DAY = timedelta(days=1)
BAKERY, STUDIO = "104000000000001", "104000000000002"


@pytest_asyncio.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as found:
        yield found


def meta(works: Works) -> MetaSimulator:
    assert isinstance(works.simulator, MetaSimulator)
    return works.simulator


async def with_pages(works: Works, grant: Grant, *, most: int = 100, gone: int = 0) -> None:
    """Connect the Pages the person has, and so many more that Meta knows nothing of any more."""
    client = works.catalog.client(works.platform, works.platform)
    async with works.database.system() as session:
        token = token_pair(works.vault, grant).access.reveal()
        found = await REGISTRY.adapters(works.http)[works.platform].discover(
            client, Tokens(access_token=token)
        )
        usable = [account for account in found.accounts if account.blocker is None]
        new = [
            Found(remote_id=one.id, kind=one.kind, name=one.name, token=one.token) for one in usable[:most]
        ] + [
            Found(remote_id=f"9{n:03}", kind="Page", name=f"Page {n}", token=f"EAAGnobody{n}")
            for n in range(gone)
        ]
        for one in new:
            await Accounts(session, works.vault).attach(
                works.organization_id, grant=grant, connected_by=works.membership_id, found=one
            )


async def pages(works: Works) -> dict[str, Account]:
    """Return the accounts by remote id."""
    async with works.database.system(write=False) as session:
        return {one.remote_id: one for one in await session.exec(select(Account))}


async def examined(works: Works, grant: Grant, remote_id: str) -> Diagnosis:
    account, after = (await pages(works))[remote_id], await works.look(grant.id)
    return diagnose(state_of(works.catalog, account, after))


async def role(works: Works, page: str, *tasks: str) -> None:
    """Give Ana a role on a Page, or take it."""
    await works.simulator.controls()["role"]({"person": ANA, "page": page, "tasks": tasks})


async def look_again(works: Works, grant: Grant, after: timedelta = SECOND_OPINION) -> None:
    """Let time pass for what was said of accounts and of the grant, and look."""
    async with works.database.system() as session:
        for column in (Account.suspected_at, Account.token_checked_at):
            later = update(Account).where(col(column).is_not(None)).values({col(column): now(-after)})
            await session.exec(later, execution_options={"synchronize_session": False})
    await works.make_due(grant.id)
    await works.refresher.run()


def look_of(
    works: Works, grant: Grant, *, held: timedelta | None = None, **limits: Any
) -> Callable[[], Awaitable[page_tokens.ExchangeResult]]:
    """Return a look with other limits than usual."""
    adapter = REGISTRY.adapters(works.http)["facebook"]
    client = works.catalog.client("facebook", "facebook")
    assert isinstance(adapter, AccountTokens)

    async def spend(*_: object) -> timedelta | None:
        return held

    async def believed(_: Grant) -> bool:
        return False

    checker = page_tokens.PageTokenChecker(
        works.database,
        works.vault,
        IncidentService(works.catalog, works.vault),
        spend=spend,
        doubted=believed,
        limits=page_tokens.CheckLimits(**limits),
    )

    async def look() -> page_tokens.ExchangeResult:
        token = token_pair(works.vault, grant).access.reveal()
        return await checker.exchange(grant, adapter, client, Tokens(access_token=token))

    return look


def asked_about(works: Works) -> list[str]:
    return [call.query["input_token"] for call in works.simulator.calls("/debug_token")]


# One Page


async def test_a_lost_role_is_believed_the_second_time_and_one_card_names_that_page_alone(
    stack: AsyncExitStack, database: Database, vault: Vault
) -> None:
    works = await facebook(stack, database, vault)
    grant = await works.grant(ANA)
    await with_pages(works, grant)
    await role(works, BAKERY)

    await works.refresher.run()
    first, told_first = await works.look(grant.id), await works.said()
    doubted = await examined(works, grant, BAKERY)
    for _ in range(3):
        await look_again(works, grant)

    after, [card] = await works.look(grant.id), await works.said()
    lost, studio = await examined(works, grant, BAKERY), await examined(works, grant, STUDIO)
    assert told_first == []
    assert first.due_at is not None
    assert first.due_at - datetime.now(UTC) <= SECOND_OPINION
    assert doubted.problem is Problem.ACCOUNT_SUSPECTED
    assert (after.status, after.last_outcome) == (GrantStatus.HEALTHY, "fresh")
    assert (
        "Facebook: Blue Door Bakery needs reconnecting. Until then, Acme can't publish there." in card["text"]
    )
    assert "the person lost their role on the Page" in str(card)
    assert (lost.problem, lost.code) == (Problem.ACCOUNT_LOST, "190_492")
    assert "give the person who connected it their role" in advice(lost)
    assert studio.fine
    assert works.catalog.capabilities((await pages(works))[BAKERY], after) == frozenset()


async def test_a_page_is_well_again_by_itself_when_the_role_is_given_back(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await facebook(stack, sqlite_database, vault)
    grant = await works.grant(ANA)
    await role(works, STUDIO)
    await works.refresher.run()
    await look_again(works, grant)
    assert (await pages(works))[STUDIO].access_error == "190_492"

    await role(works, STUDIO, "CREATE_CONTENT", "ANALYZE")
    await look_again(works, grant, DAY)

    account = (await pages(works))[STUDIO]
    assert (account.access_error, account.suspected_at) == ("", None)
    assert (await examined(works, grant, STUDIO)).fine
    said = [notice["text"] for notice in await works.said()]
    assert any("can publish for Acme again" in text for text in said)
    assert any("Facebook gave us access again" in text for text in said)


async def test_a_page_whose_token_died_gets_another_and_nobody_hears_of_it(
    stack: AsyncExitStack, database: Database, vault: Vault
) -> None:
    works = await facebook(stack, database, vault)
    grant = await works.grant(ANA)
    before = (await pages(works))[STUDIO].token_sealed
    for token in meta(works).tokens.values():
        if token.kind == "PAGE":
            token.dead = 467

    await works.refresher.run()

    account, after = (await pages(works))[STUDIO], await works.look(grant.id)
    assert account.token_sealed != before
    assert (account.access_error, account.suspected_at) == ("", None)
    assert after.due_at is not None
    assert after.due_at - datetime.now(UTC) > DAY / 2
    asked = len(asked_about(works))
    await look_again(works, grant, DAY)
    assert len(asked_about(works)) == asked + 2  # the person's new token, and this one
    assert await works.said() == []


async def test_a_first_word_that_was_wrong_is_forgotten(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await facebook(stack, sqlite_database, vault)
    grant = await works.grant(ANA)
    await role(works, STUDIO)
    await works.refresher.run()
    assert (await pages(works))[STUDIO].suspected_at is not None

    await role(works, STUDIO, "CREATE_CONTENT")
    await look_again(works, grant)

    assert (await pages(works))[STUDIO].suspected_at is None
    assert await works.said() == []


@in_full
@pytest.mark.parametrize("path", ["/debug_token", "/me/accounts"])
async def test_an_outage_while_pages_are_asked_about_is_no_word_against_them(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault, path: str
) -> None:
    works = await facebook(stack, sqlite_database, vault)
    grant = await works.grant(ANA)
    await role(works, STUDIO)
    await works.refresher.run()
    suspected = (await pages(works))[STUDIO].suspected_at
    works.simulator.faults.append(Fault(path=path, status=500, body="{}"))

    for _ in range(3):
        await look_again(works, grant)

    account = (await pages(works))[STUDIO]
    assert suspected is not None
    assert account.access_error == ""
    assert await works.said() == []
    works.simulator.faults.clear()
    await look_again(works, grant)
    assert (await pages(works))[STUDIO].access_error == "190_492"


async def test_pages_that_many_grants_lose_at_once_are_doubted(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await facebook(stack, sqlite_database, vault)
    grant = await works.grant(ANA)
    await role(works, STUDIO)
    await works.refresher.run()
    async with sqlite_database.system() as session:
        tallies = Tallies(session)
        await tallies.count("facebook", await tallies.minute(), {Outcome.DEAD: 20})

    await look_again(works, grant)

    account, after = (await pages(works))[STUDIO], await works.look(grant.id)
    assert (account.access_error, account.suspected_at is not None) == ("", True)
    assert after.due_at is not None
    assert timedelta(minutes=50) < after.due_at - datetime.now(UTC) <= timedelta(hours=1)
    assert await works.said() == []


async def test_a_grant_s_first_words_against_its_pages_count_once_for_the_breaker(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await facebook(stack, sqlite_database, vault)
    grant = await works.grant(ANA)
    await with_pages(works, grant)
    for page in (BAKERY, STUDIO):
        await role(works, page)

    await works.refresher.run()
    await look_again(works, grant)

    async with sqlite_database.system(write=False) as session:
        tallies = await Tallies(session).since("facebook", 0)
    assert [sum(t.dead for t in tallies.values()), sum(t.fresh for t in tallies.values())] == [1, 1]
    assert len(await works.said()) == 1


@in_full
async def test_a_second_page_joins_the_card(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await facebook(stack, sqlite_database, vault)
    grant = await works.grant(ANA)
    await with_pages(works, grant)
    for page in (BAKERY, STUDIO):
        await role(works, page)
        await look_again(works, grant, DAY)
        await look_again(works, grant)

    said = [notice["text"] for notice in await works.said()]
    assert "🔴 One account can't publish any more: the person lost their role on the Page." in said
    assert any(
        "Ana Ruiz Studio and Blue Door Bakery" in text or "Blue Door Bakery and Ana" in text for text in said
    )
    await role(works, BAKERY, "CREATE_CONTENT")
    await look_again(works, grant, DAY)
    said = [notice["text"] for notice in await works.said()]
    assert any("Facebook: Ana Ruiz Studio needs reconnecting." in text for text in said)


@in_full
async def test_instagram_is_reached_through_its_page_and_told_of_like_it(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await open_works(stack, MetaSimulator(), sqlite_database, vault, key="instagram")
    grant = await works.grant(ANA)
    await role(works, BAKERY)

    await works.refresher.run()
    await look_again(works, grant)

    [card] = await works.said()
    assert "Instagram: Blue Door Bakery needs reconnecting." in card["text"]
    assert (await works.look(grant.id)).status == GrantStatus.HEALTHY


# Without the person's token


def sign_out(works: Works) -> None:
    for token in meta(works).tokens.values():
        if token.kind == "USER":
            token.dead = 463


async def test_a_living_page_does_not_hide_a_dead_one_when_the_person_is_gone(
    stack: AsyncExitStack, database: Database, vault: Vault
) -> None:
    works = await facebook(stack, database, vault)
    grant = await works.grant(ANA)
    await with_pages(works, grant)
    sign_out(works)
    await role(works, BAKERY)

    await works.refresher.run()
    first = await works.look(grant.id)
    told_first = await works.said()
    await look_again(works, grant)

    after, [card] = await works.look(grant.id), await works.said()
    assert (first.last_outcome, first.last_error_code, told_first) == ("accounts_only", "190_463", [])
    assert first.due_at is not None
    assert first.due_at - datetime.now(UTC) <= SECOND_OPINION
    assert (after.status, after.last_outcome, after.last_error_code) == (
        GrantStatus.HEALTHY,
        "accounts_only",
        "190_463",
    )
    assert "Facebook: Blue Door Bakery needs reconnecting." in card["text"]
    assert (await examined(works, grant, STUDIO)).problem is Problem.ACCOUNTS_ONLY
    assert (await examined(works, grant, BAKERY)).broken


async def test_one_living_page_of_many_keeps_the_grant(
    stack: AsyncExitStack, database: Database, vault: Vault
) -> None:
    works = await facebook(stack, database, vault)
    grant = await works.grant(ANA, due=False)
    await with_pages(works, grant, gone=20)
    async with database.system() as session:  # the one that lives is the last to be asked about
        living = update(Account).where(col(Account.remote_id) == BAKERY).values(token_checked_at=now())
        await session.exec(living, execution_options={"synchronize_session": False})
    for page in (STUDIO, "104000000000003"):
        await role(works, page)
    sign_out(works)

    await works.make_due(grant.id, suspected_ago=timedelta(hours=1))
    await works.refresher.run()

    after = await works.look(grant.id)
    assert (after.status, after.last_outcome, after.last_error_code) == (
        GrantStatus.HEALTHY,
        "accounts_only",
        "190_463",
    )
    assert await works.said() == []


async def test_while_some_pages_were_not_asked_about_nothing_is_over(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await facebook(stack, sqlite_database, vault)
    grant = await works.grant(ANA)
    await with_pages(works, grant)
    for page in (BAKERY, STUDIO, "104000000000003"):
        await role(works, page)
    sign_out(works)

    look = look_of(works, grant, most_without_person=2)
    with pytest.raises(Busy, match="accounts_left_to_ask"):
        await look()
    with pytest.raises(GrantDead, match="190_463"):
        await look()

    found = (await pages(works)).values()
    assert [bool(one.suspected_at) for one in found] == [True, True, True]
    assert await works.said() == []


async def test_when_nothing_lives_the_sign_in_s_card_speaks_for_all_its_pages(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await facebook(stack, sqlite_database, vault)
    grant = await works.grant(ANA)
    await with_pages(works, grant)
    for page in (BAKERY, STUDIO, "104000000000003"):
        await role(works, page)
    sign_out(works)

    await works.refresher.run()
    await look_again(works, grant)
    between = await works.look(grant.id)
    await works.make_due(grant.id, suspected_ago=SECOND_OPINION)
    await works.refresher.run()

    after, [card] = await works.look(grant.id), await works.said()
    assert between.status == GrantStatus.HEALTHY
    assert (after.status, after.reason) == (GrantStatus.NEEDS_RECONNECT, "190_463")
    assert [one.access_error for one in (await pages(works)).values()] == ["", "", ""]
    assert "the sign-in has expired" in str(card)


@in_full
async def test_every_dead_page_is_told_of_however_many_live_on_without_the_person(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await facebook(stack, sqlite_database, vault)
    grant = await works.grant(ANA)
    await with_pages(works, grant, gone=2 * page_tokens.AT_ONCE)
    sign_out(works)

    await works.refresher.run()
    await look_again(works, grant)

    found = await pages(works)
    assert {one.remote_id for one in found.values() if not one.access_error} == {
        BAKERY,
        STUDIO,
        "104000000000003",
    }
    assert (await works.look(grant.id)).status == GrantStatus.HEALTHY


async def test_an_outage_while_a_living_page_is_sought_ends_nothing(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await facebook(stack, sqlite_database, vault)
    grant = await works.grant(ANA)
    sign_out(works)
    await role(works, STUDIO)
    await works.refresher.run()
    suspected = await works.look(grant.id)
    works.simulator.faults.append(Fault(path="/debug_token", status=500, body="{}"))

    await works.make_due(grant.id, suspected_ago=timedelta(hours=1))
    await works.refresher.run()

    assert (suspected.last_outcome, suspected.last_error_code) == ("GrantDead", "190_463")

    after = await works.look(grant.id)
    assert (after.status, after.last_outcome) == (GrantStatus.HEALTHY, "Busy")


# What a look costs


@in_full
async def test_pages_are_asked_about_once_a_day_and_many_over_several_looks(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await facebook(stack, sqlite_database, vault)
    grant = await works.grant("brand", due=False)
    await with_pages(works, grant, most=60)

    dues = []
    for _ in range(3):
        before = len(asked_about(works))
        await works.make_due(grant.id)
        await works.refresher.run()
        after = await works.look(grant.id)
        assert after.due_at is not None
        soon = after.due_at - datetime.now(UTC) <= page_tokens.NEXT_BATCH
        dues.append((len(asked_about(works)) - before - 1, soon))

    assert dues == [(page_tokens.MOST_CHECKED, True), (60 - page_tokens.MOST_CHECKED, False), (0, False)]


async def test_a_look_is_over_before_its_lease(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await facebook(stack, sqlite_database, vault)
    grant = await works.grant(ANA)
    works.simulator.faults.append(Fault(path="/debug_token", delay_s=PATIENCE_S))

    started = time.monotonic()
    with pytest.raises(Busy, match="no_answer"):
        await look_of(works, grant, within_s=0.3)()

    assert time.monotonic() - started < PATIENCE_S


@in_full
async def test_pages_for_which_no_time_is_left_wait_and_the_person_s_newer_token_is_kept(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await facebook(stack, sqlite_database, vault)
    grant = await works.grant(ANA)
    works.simulator.faults.append(Fault(path="/debug_token", delay_s=3))

    done = await look_of(works, grant, within_s=5)()

    assert done.tokens.access_token
    assert done.again_in == page_tokens.RETRY_UNANSWERED
    assert (await pages(works))[STUDIO].token_checked_at is None


def test_a_look_leaves_time_to_begin_it_late_and_to_store_what_came_of_it() -> None:
    assert LEASE.total_seconds() >= BEGUN_WITHIN_S + page_tokens.CHECK_S + 10


def test_an_adapter_can_tell_of_accounts_tokens_exactly_where_the_platform_has_them() -> None:
    found = REGISTRY.adapters(None)  # type: ignore[arg-type]

    # The refresher asks the fact: from Python 3.12 on `isinstance` does not see through a traced adapter.
    told = {key for key, one in found.items() if one.platform.account_tokens}
    assert {key for key, one in found.items() if isinstance(one, AccountTokens)} == told
    assert told == {"facebook", "instagram"}


# Scopes


async def test_a_permission_that_was_taken_back_is_missing_from_the_next_look_on(
    stack: AsyncExitStack, database: Database, vault: Vault
) -> None:
    works = await facebook(stack, database, vault)
    grant = await works.grant(ANA)
    await works.simulator.controls()["scope"]({"person": ANA, "scope": "pages_manage_posts"})

    await works.refresher.run()

    after = await works.look(grant.id)
    assert set(grant.scopes) - set(after.scopes) == {"pages_manage_posts"}
    account = (await pages(works))[STUDIO]
    found = diagnose(state_of(works.catalog, account, after))
    assert found.problem is Problem.SCOPE_FORBIDS
    assert found.scopes == ("pages_manage_posts",)


async def test_scopes_that_a_refresh_answer_names_are_kept(
    stack: AsyncExitStack, database: Database, vault: Vault
) -> None:
    works = await open_works(stack, TikTokSimulator(), database, vault)
    grant = await works.grant("octa_demo")
    for given in works.simulator.grants.values():
        given.scopes -= {"video.publish"}

    await works.refresher.run()

    after = await works.look(grant.id)
    assert set(grant.scopes) - set(after.scopes) == {"video.publish"}


async def test_a_limit_stops_the_asking(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await facebook(stack, sqlite_database, vault)
    grant = await works.grant(ANA)
    await with_pages(works, grant, gone=3 * page_tokens.AT_ONCE)
    sign_out(works)
    before = len(asked_about(works))
    meta(works).settings["limit_code"] = 17

    await works.make_due(grant.id, suspected_ago=timedelta(hours=1))
    await works.refresher.run()

    after = await works.look(grant.id)
    assert after.status == GrantStatus.HEALTHY
    assert (after.last_outcome, after.last_error_code) == ("Busy", "17")
    assert after.due_at is not None
    assert after.due_at - datetime.now(UTC) > timedelta(minutes=18)
    assert len(asked_about(works)) - before == page_tokens.AT_ONCE


async def test_while_the_app_is_held_back_no_page_is_asked_about_and_none_is_called_over(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await facebook(stack, sqlite_database, vault)
    grant = await works.grant(ANA)
    look, before = look_of(works, grant, held=DAY / 8), len(asked_about(works))

    done = await look()
    sign_out(works)
    with pytest.raises(Busy, match="held_back"):
        await look()

    assert done.again_in == DAY / 8
    assert len(asked_about(works)) - before == 1  # the person's new token
    assert (await pages(works))[STUDIO].token_checked_at is None


async def test_a_page_that_several_accounts_stand_for_is_asked_about_once(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await facebook(stack, sqlite_database, vault)
    grant = await works.grant(ANA)
    async with sqlite_database.system() as session:
        accounts = Accounts(session, vault)
        token = accounts.token((await pages(works))[STUDIO])
        assert token is not None
        twin = Found(remote_id="1", kind="Page", name="Twin", token=token.reveal())
        await accounts.attach(
            works.organization_id, grant=grant, connected_by=works.membership_id, found=twin
        )
    before = len(asked_about(works))

    await works.refresher.run()

    assert len(asked_about(works)) - before == 2  # the person's new token, and this one
    assert all(one.token_checked_at for one in (await pages(works)).values())
