"""What sign-ins need besides a refresh: Meta's windows and Page tokens, Google's week, LinkedIn's partners."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import pytest_asyncio
from sqlmodel import col, select, update

from adapters.base import Client, Tokens
from adapters.meta.graph import Graph
from bot.services.accounts.diagnosis import diagnose, state_of
from bot.services.accounts.problems import Problem
from bot.services.tokens.policy import SECOND_OPINION, end_reason, next_check_in
from sandbox.core import Fault
from sandbox.platforms.linkedin.simulator import LinkedInSimulator
from sandbox.platforms.meta.simulator import MetaSimulator
from sandbox.platforms.youtube.simulator import YouTubeSimulator
from storage.accounts import Accounts
from storage.engine.db import Database
from storage.engine.statements import now
from storage.models import Account, Grant, GrantStatus
from storage.rate_limits import RateLimit
from storage.refreshes import Refreshes
from storage.vault import Vault
from tests.counts import in_full
from tests.platforms import PLATFORMS
from tests.services.incidents.test_reminders import reminders
from tests.services.tokens.test_refreshing import Works, open_works

DAY = timedelta(days=1)
ANA = "ana"


@pytest_asyncio.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as found:
        yield found


async def facebook(stack: AsyncExitStack, database: Database, vault: Vault) -> Works:
    return await open_works(stack, MetaSimulator(), database, vault, key="facebook")


async def account_of(works: Works, grant: Grant) -> tuple[Account, str]:
    """Return the grant's account and its own token."""
    async with works.database.system(write=False) as session:
        account = (await session.exec(select(Account).where(Account.grant_id == grant.id))).one()
        token = Accounts(session, works.vault).token(account)
    return account, token.reveal() if token else ""


async def page_lives(works: Works, token: str) -> bool:
    """Ask Meta about a Page token."""
    facts = await Graph(works.http, works.catalog.client("facebook", "facebook")).debug(token)
    return bool(facts["is_valid"])


async def half_an_exchange(works: Works, client: Client, code: str) -> Tokens:
    """Buy the token of an hour, as an exchange does whose second step fails."""
    form = {"redirect_uri": client.redirect_uri, "code": code}
    return await Graph(works.http, client).tokens(PLATFORMS["facebook"], form)


# Meta: the person's token and the Pages' own


async def test_a_person_whose_token_died_is_not_called_while_the_page_lives(
    stack: AsyncExitStack, database: Database, vault: Vault
) -> None:
    works = await facebook(stack, database, vault)
    grant = await works.grant(ANA)
    assert isinstance(works.simulator, MetaSimulator)
    for token in works.simulator.tokens.values():
        if token.kind == "USER":
            token.dead = 463

    for _ in range(3):
        await works.refresher.run()
        await works.make_due(grant.id, suspected_ago=SECOND_OPINION * 2)

    after = await works.look(grant.id)
    account, own = await account_of(works, grant)
    found = diagnose(state_of(works.catalog, account, after))
    assert (after.status, after.last_outcome, after.last_error_code) == (
        GrantStatus.HEALTHY,
        "accounts_only",
        "190_463",
    )
    assert await works.said() == []
    assert found.problem is Problem.ACCOUNTS_ONLY
    assert await page_lives(works, own)


async def test_when_the_page_s_token_dies_too_a_person_is_called_once(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await facebook(stack, sqlite_database, vault)
    grant = await works.grant(ANA)
    assert isinstance(works.simulator, MetaSimulator)
    for token in works.simulator.tokens.values():
        token.dead = 460

    await works.refresher.run()
    await works.make_due(grant.id, suspected_ago=SECOND_OPINION)
    await works.refresher.run()

    after = await works.look(grant.id)
    assert (after.status, after.reason) == (GrantStatus.NEEDS_RECONNECT, "190_460")
    assert len(await works.said()) == 1


async def test_a_person_who_comes_back_to_life_clears_the_remark(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await facebook(stack, sqlite_database, vault)
    grant = await works.grant(ANA)
    assert isinstance(works.simulator, MetaSimulator)
    users = [token for token in works.simulator.tokens.values() if token.kind == "USER"]
    for token in users:
        token.dead = 467
    await works.refresher.run()
    for token in users:
        token.dead = 0
    await works.make_due(grant.id)

    await works.refresher.run()

    assert (await works.look(grant.id)).last_outcome == "fresh"


async def test_page_tokens_of_an_exchange_that_stopped_half_way_are_replaced_by_lasting_ones(
    stack: AsyncExitStack, database: Database, vault: Vault
) -> None:
    works = await facebook(stack, database, vault)
    grant = await works.grant(ANA, exchange=partial(half_an_exchange, works))
    _, before = await account_of(works, grant)

    await works.refresher.run()

    _, after = await account_of(works, grant)
    renewed = await works.look(grant.id)
    assert after != before
    assert renewed.access_expires_at is not None
    assert renewed.access_expires_at - renewed.renewed_at > 50 * DAY
    works.simulator.clock.offset_s += 7 * 86_400
    assert not await page_lives(works, before)
    assert await page_lives(works, after)


async def test_if_the_pages_cannot_be_read_then_the_trade_is_made_again_later(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await facebook(stack, sqlite_database, vault)
    grant = await works.grant(ANA, exchange=partial(half_an_exchange, works))
    _, before = await account_of(works, grant)
    works.simulator.faults[:] = [Fault(path="/me/accounts", status=500, body="{}")]

    await works.refresher.run()

    waiting = await works.look(grant.id)
    assert (waiting.generation, waiting.status) == (grant.generation, GrantStatus.HEALTHY)
    works.simulator.faults.clear()
    await works.make_due(grant.id)
    await works.refresher.run()
    assert (await account_of(works, grant))[1] != before


# Meta: the ninety days


async def test_instagrams_ninety_days_are_known_after_a_look_and_warned_about_in_time(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await open_works(stack, MetaSimulator(), sqlite_database, vault, key="instagram")
    grant = await works.grant(ANA)

    await works.refresher.run()

    known = (await works.look(grant.id)).data_access_expires_at
    assert known is not None
    assert 89 * DAY < known - datetime.now(UTC) <= 90 * DAY
    async with sqlite_database.system() as session:
        await session.exec(
            update(Grant)
            .where(col(Grant.id) == grant.id)
            .values(data_access_expires_at=now(6.5 * DAY), next_reminder_at=now()),
            execution_options={"synchronize_session": False},
        )
    for _ in range(2):
        await reminders(works).run()
    [notice] = await works.said()
    assert "7 days" in notice["text"]


async def test_a_day_without_data_is_no_death(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await open_works(stack, MetaSimulator(), sqlite_database, vault, key="instagram")
    works.simulator.settings["data_access_life_s"] = -60
    grant = await works.grant(ANA)

    await works.refresher.run()
    await reminders(works).run()

    after = await works.look(grant.id)
    account, _ = await account_of(works, grant)
    found = diagnose(state_of(works.catalog, account, after))
    assert after.status == GrantStatus.HEALTHY
    [notice] = await works.said()
    assert "can't publish" not in notice["text"]
    assert found.problem is Problem.DATA_ENDED


async def test_a_page_s_permissions_are_outside_of_the_ninety_days(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await facebook(stack, sqlite_database, vault)
    grant = await works.grant(ANA)

    await works.refresher.run()

    assert (await works.look(grant.id)).data_access_expires_at is None


# Google: an app in Testing


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        pytest.param(1.0, "invalid_grant", id="removed-the-next-day"),
        pytest.param(7.02, "testing_week", id="a-week"),
        pytest.param(7.9, "testing_week", id="noticed-later"),
        pytest.param(30.0, "invalid_grant", id="a-month"),
    ],
)
def test_only_an_end_after_a_week_is_blamed_on_the_apps_testing_mode(days: float, reason: str) -> None:
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    grant = Grant(platform="youtube", app="youtube", consented_at=noon - days * DAY)

    assert end_reason(PLATFORMS["youtube"], grant, "invalid_grant", noon) == reason
    assert end_reason(PLATFORMS["youtube"], grant, "deleted_client", noon) == "deleted_client"


async def test_a_youtube_sign_in_that_ended_after_a_week_says_what_the_operator_can_do(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await open_works(stack, YouTubeSimulator(), sqlite_database, vault)
    grant = await works.grant("110000000000000000001")
    for consent in works.simulator.grants.values():
        works.simulator.end(consent, "its week is over")
    async with works.database.system() as session:
        await session.exec(
            update(Grant).where(col(Grant.id) == grant.id).values(consented_at=now(-7.1 * DAY)),
            execution_options={"synchronize_session": False},
        )

    await works.refresher.run()
    await works.make_due(grant.id, suspected_ago=SECOND_OPINION)
    await works.refresher.run()

    after = await works.look(grant.id)
    account, _ = await account_of(works, grant)
    found = diagnose(state_of(works.catalog, account, after))
    assert (after.status, after.reason) == (GrantStatus.NEEDS_RECONNECT, "testing_week")
    assert (found.problem, found.code) == (Problem.GRANT_DEAD, "testing_week")


def test_no_other_platform_has_a_week_of_testing() -> None:
    grant = Grant(platform="x", app="x", consented_at=datetime.now(UTC) - 7 * DAY)

    reasons = {
        end_reason(p, grant, "invalid_grant", datetime.now(UTC))
        for p in PLATFORMS.values()
        if p.key != "youtube"
    }

    assert reasons == {"invalid_grant"}


# LinkedIn's partners, who get a refresh token


async def test_a_linkedin_partners_sign_in_renews_itself_until_its_refresh_token_ends(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await open_works(stack, LinkedInSimulator(), sqlite_database, vault)
    works.simulator.settings["issues_refresh"] = True
    grant = await works.grant("ana-ruiz")

    await works.refresher.run()

    after = await works.look(grant.id)
    assert (works.refreshes(), after.generation) == (1, grant.generation + 1)
    assert after.due_at is not None
    assert 40 * DAY < after.due_at - datetime.now(UTC) < 55 * DAY
    assert after.refresh_expires_at is not None
    async with sqlite_database.system() as session:
        await session.exec(
            update(Grant)
            .where(col(Grant.id) == grant.id)
            .values(refresh_expires_at=now(2.5 * DAY), next_reminder_at=now()),
            execution_options={"synchronize_session": False},
        )
    await reminders(works).run()
    [notice] = await works.said()
    assert "3 days" in notice["text"]


async def test_a_consent_that_nothing_renews_stands_alone_beside_an_earlier_refresh_token(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await open_works(stack, LinkedInSimulator(), sqlite_database, vault)
    works.simulator.settings["issues_refresh"] = True
    before = await works.grant("ana-ruiz")
    works.simulator.settings["issues_refresh"] = False

    grant = await works.grant("ana-ruiz", due=False)
    async with sqlite_database.system() as session:
        await Refreshes(session).schedule(grant.id, DAY, renews=False)

    after = await works.look(grant.id)
    assert after.id == before.id
    assert (after.refresh_sealed, after.refresh_expires_at) == (None, None)
    async with sqlite_database.system() as session:
        await session.exec(
            update(Grant).values(access_expires_at=now(-DAY), next_reminder_at=now()),
            execution_options={"synchronize_session": False},
        )
    await reminders(works).run()
    assert (await works.look(grant.id)).status == GrantStatus.NEEDS_RECONNECT


async def test_an_access_token_that_outlives_what_renews_it_is_used_to_its_own_end(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works = await open_works(stack, LinkedInSimulator(), sqlite_database, vault)
    works.simulator.settings |= {"issues_refresh": True, "refresh_life_s": 20 * DAY.total_seconds()}
    grant = await works.grant("ana-ruiz")

    await works.refresher.run()

    after = await works.look(grant.id)
    assert after.due_at is not None
    assert after.access_expires_at is not None
    assert abs(after.due_at - after.access_expires_at) < DAY / 24


# Sign-ins that nothing renews


async def linkedin(stack: AsyncExitStack, database: Database, vault: Vault) -> tuple[Works, Grant]:
    """Return LinkedIn with one profile of an ordinary app, due for a look."""
    works = await open_works(stack, LinkedInSimulator(), database, vault)
    grant = await works.grant("ana-ruiz", due=False)
    async with database.system() as session:
        await Refreshes(session).schedule(grant.id, -DAY, renews=False)
    return works, await works.look(grant.id)


async def test_a_sign_in_that_nothing_renews_is_asked_about_every_day_with_one_call(
    stack: AsyncExitStack, database: Database, vault: Vault
) -> None:
    works, grant = await linkedin(stack, database, vault)
    before = len(works.simulator.requests)

    for _ in range(2):
        await works.refresher.run()

    after = await works.look(grant.id)
    assert len(works.simulator.requests) - before == 1
    assert (after.status, after.last_outcome, after.generation) == (
        GrantStatus.HEALTHY,
        "fresh",
        grant.generation,
    )
    assert (after.access_sealed, after.renewed_at) == (grant.access_sealed, grant.renewed_at)
    assert after.due_at is not None
    assert timedelta(hours=21) < after.due_at - datetime.now(UTC) < timedelta(hours=27)


@in_full
async def test_a_member_who_removes_us_at_linkedin_is_missed_without_a_post(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault
) -> None:
    works, grant = await linkedin(stack, sqlite_database, vault)
    for consent in works.simulator.grants.values():
        works.simulator.end(consent, "removed")

    await works.refresher.run()
    first = await works.look(grant.id)
    await works.make_due(grant.id, suspected_ago=SECOND_OPINION)
    await works.refresher.run()

    after = await works.look(grant.id)
    assert (first.status, first.suspected_at is not None) == (GrantStatus.HEALTHY, True)
    assert after.status == GrantStatus.NEEDS_RECONNECT
    [notice] = await works.said()
    assert "reconnecting. Until then" in notice["text"]


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        pytest.param(403, '{"serviceErrorCode": 65608}', "Rejected RESTRICTED_MEMBER", id="the-member"),
        pytest.param(401, '{"message": "Service hiccup"}', "Busy http_401", id="the-token"),
    ],
)
async def test_a_look_that_is_refused_is_not_repeated_until_the_member_s_calls_are_spent(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault, status: int, body: str, verdict: str
) -> None:
    works, grant = await linkedin(stack, sqlite_database, vault)
    works.simulator.faults.append(Fault(path="/v2/", status=status, body=body))

    await works.refresher.run()

    after = await works.look(grant.id)
    assert (after.status, f"{after.last_outcome} {after.last_error_code}") == (GrantStatus.HEALTHY, verdict)
    assert after.due_at is not None
    assert timedelta(minutes=59) < after.due_at - datetime.now(UTC) < timedelta(minutes=61)


def test_looks_are_daily_while_they_leave_most_of_the_budget_to_people() -> None:
    budget = PLATFORMS["linkedin"].budget
    rate_limit = RateLimit(calls=budget.calls, per=budget.per)

    cycles = {grants: next_check_in(rate_limit, grants, jitter=0.5) for grants in (1, 20_000, 140_000)}

    assert {grants: round(cycle / DAY) for grants, cycle in cycles.items()} == {1: 1, 20_000: 1, 140_000: 7}
    assert all(grants / (cycle / budget.per) <= budget.calls / 4 for grants, cycle in cycles.items())
    assert next_check_in(rate_limit, 1, jitter=0.0) < DAY < next_check_in(rate_limit, 1, jitter=1.0)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param('{"message": "Service hiccup"}', GrantStatus.HEALTHY, id="a-gateway-s"),
        pytest.param('{"serviceErrorCode": 65602}', GrantStatus.NEEDS_RECONNECT, id="linkedin-s"),
    ],
)
async def test_a_refused_token_is_over_only_in_words_that_are_documented_where_nothing_renews_it(
    stack: AsyncExitStack, sqlite_database: Database, vault: Vault, body: str, status: GrantStatus
) -> None:
    works = await open_works(stack, LinkedInSimulator(), sqlite_database, vault)
    grant = await works.grant("ana-ruiz")
    works.simulator.faults.append(Fault(path="^/", status=401, body=body))

    await works.refresher.run()
    await works.make_due(grant.id, suspected_ago=SECOND_OPINION)
    await works.refresher.run()

    assert (await works.look(grant.id)).status == status
