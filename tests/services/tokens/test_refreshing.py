"""Due grants become fresh tokens, or a verdict: against real simulated platforms, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import httpx
import pytest
import pytest_asyncio
from sqlmodel import col, select, update

from adapters.base import Adapter, Busy, Client, GrantDead, OutcomeUnknown, Refresh, TokenRefused, Tokens
from adapters.registry import REGISTRY
from bot.services.accounts.catalog import PlatformCatalog
from bot.services.incidents.incidents import IncidentService
from bot.services.incidents.operator_alerts import OperatorPager
from bot.services.tokens.fresh import FreshTokens
from bot.services.tokens.outcomes import Reports
from bot.services.tokens.policy import (
    HEALTH_CHECK,
    KEEP_ALIVE,
    OUTAGE_CALLS,
    REFUSED,
    is_outage,
    next_refresh_in,
    retry_in,
    tripped,
)
from bot.services.tokens.refreshing import Refresher
from sandbox.browser import PLAIN
from sandbox.core import Fault
from sandbox.platforms.meta.state import EVERY_PAGE
from sandbox.platforms.oauth import OAuthSimulator
from sandbox.platforms.reddit.simulator import RedditSimulator
from sandbox.platforms.x.simulator import XSimulator
from storage.discoveries import Found
from storage.engine import time_limit
from storage.engine.db import Database
from storage.engine.statements import database_time, now
from storage.grants import NewGrant
from storage.models import REJECTED, Grant, GrantStatus, Incident, Notice, OperatorAlert, Resolution
from storage.rate_limits import RateLimits
from storage.refreshes import Refreshes
from storage.tallies import Tallies, Tally
from storage.vault import Vault
from tests.application import settings
from tests.consent import VERIFIER, consent
from tests.outbox import rendered, renderer_of
from tests.patience import PATIENCE_S
from tests.platforms import PLATFORMS
from tests.tenancy import Tenancy, first_admin


@dataclass(kw_only=True)
class Works(Tenancy):
    """An organization, a refresher, and one platform that answers it."""

    refresher: Refresher
    simulator: OAuthSimulator
    platform: str
    app: str
    catalog: PlatformCatalog
    http: httpx.AsyncClient

    @property
    def tokens(self) -> FreshTokens:
        return FreshTokens(self.catalog, self.refresher, self.database)

    async def grant(
        self,
        person: str,
        *,
        due: bool = True,
        exchange: Callable[[Client, str], Awaitable[Tokens]] | None = None,
    ) -> Grant:
        """Connect a person for real, and return the stored grant, due now."""
        platform = self.catalog.platform(self.platform)
        client = self.catalog.client(self.platform, self.app)
        # Meta's dialog shows Pages to tick; nobody else has a box of that name.
        query = await consent(self.http, platform, client, person=person, assets=[EVERY_PAGE])
        adapter = REGISTRY.adapters(self.http)[self.platform]
        if exchange is None:
            tokens = await adapter.exchange(client, code=query["code"], verifier=VERIFIER)
        else:
            tokens = await exchange(client, query["code"])
        found = await adapter.discover(client, tokens)
        new = NewGrant(
            connected_by=self.membership_id,
            platform=self.platform,
            app=self.app,
            access=tokens.access_token,
            refresh=tokens.refresh_token,
            scopes=sorted(found.scopes),
            access_expires_in=tokens.expires_in,
            refresh_expires_in=tokens.refresh_expires_in,
        )
        first = found.accounts[0]
        grant, _ = await self.sign_in(
            new,
            (found.identity.id, found.identity.name),
            Found(remote_id=first.id, kind="Profile", name=first.name, token=first.token),
        )
        if due:
            async with self.database.system() as session:
                await Refreshes(session).schedule(grant.id, timedelta(seconds=-1))
        return await self.look(grant.id)

    async def look(self, grant_id: str) -> Grant:
        async with self.database.system(write=False) as session:
            found = await Refreshes(session).look(grant_id)
        assert found is not None
        return found

    async def make_due(
        self, grant_id: str, *, suspected_ago: timedelta | None = None, ended_ago: timedelta | None = None
    ) -> None:
        """Let time pass: the grant is due, was first suspected and its access token ended that long ago."""
        values = {"due_at": now(timedelta(seconds=-1)), "lease_until": None}
        if suspected_ago is not None:
            values["suspected_at"] = now(-suspected_ago)
        if ended_ago is not None:
            values["access_expires_at"] = now(-ended_ago)
        async with self.database.system() as session:
            await session.exec(
                update(Grant).where(col(Grant.id) == grant_id).values(**values),
                execution_options={"synchronize_session": False},
            )

    @property
    def reports(self) -> Reports:
        return reports_of(self.catalog, self.database, self.vault)

    async def said(self) -> list[dict[str, Any]]:
        """Return what the outbox would say now, the oldest first."""
        renderer = renderer_of(self.database, self.catalog, self.vault)
        async with self.database.system(write=False) as session:
            rows = list(await session.exec(select(Notice).order_by(col(Notice.sequence))))
        return [await rendered(renderer, row) for row in rows]

    def refreshes(self) -> int:
        path = self.simulator.rules.token_path
        return sum("grant_type=refresh_token" in call.body for call in self.simulator.calls(path))


def reports_of(catalog: PlatformCatalog, database: Database, vault: Vault) -> Reports:
    return Reports(incidents=IncidentService(catalog, vault), operator=OperatorPager(database))


async def open_works(
    stack: AsyncExitStack,
    simulator: OAuthSimulator,
    database: Database,
    vault: Vault,
    key: str = "",
    app: str = "",
) -> Works:
    url = await simulator.start()
    stack.push_async_callback(simulator.stop)
    key = key or simulator.name
    made = settings(**{f"{key.upper()}_URL": url})
    catalog = PlatformCatalog(made.platforms())
    client = catalog.client(key, app or key)
    simulator.register(client.client_id, client.client_secret, [client.redirect_uri])
    http = await stack.enter_async_context(httpx.AsyncClient(verify=PLAIN, timeout=20))
    member = await first_admin(database)
    return Works(
        refresher=Refresher(
            catalog, REGISTRY.adapters(http), database, vault, reports_of(catalog, database, vault)
        ),
        simulator=simulator,
        platform=key,
        app=app or key,
        catalog=catalog,
        database=database,
        vault=vault,
        http=http,
        organization_id=member.organization_id,
        membership_id=member.id,
    )


@pytest_asyncio.fixture
async def x(database: Database, vault: Vault) -> AsyncIterator[Works]:
    async with AsyncExitStack() as stack:
        yield await open_works(stack, XSimulator(), database, vault)


@pytest_asyncio.fixture
async def reddit(sqlite_database: Database, vault: Vault) -> AsyncIterator[Works]:
    async with AsyncExitStack() as stack:
        yield await open_works(stack, RedditSimulator(), sqlite_database, vault)


async def test_a_due_grant_gets_the_next_pair_and_a_time_to_be_looked_at_again(x: Works) -> None:
    before = await x.grant("4711")

    await x.refresher.run()

    after = await x.look(before.id)
    assert after.generation == before.generation + 1
    assert after.access_sealed != before.access_sealed
    assert after.refresh_sealed != before.refresh_sealed
    assert after.due_at is not None
    assert after.lease_until is None
    assert (after.last_outcome, after.failures) == ("fresh", 0)


async def test_a_refresh_that_brings_no_refresh_token_keeps_the_one_there_is(reddit: Works) -> None:
    before = await reddit.grant("octa_demo")

    await reddit.refresher.run()

    after = await reddit.look(before.id)
    assert after.generation == before.generation + 1
    assert after.refresh_sealed is not None


async def test_many_who_need_one_token_at_once_cause_one_refresh(x: Works) -> None:
    grant = await x.grant("4711", due=False)

    found = await asyncio.gather(*(x.tokens.get(grant.id, refused=grant.generation) for _ in range(20)))

    assert x.refreshes() == 1
    assert {f.grant.generation for f in found} == {grant.generation + 1}


async def test_many_who_need_a_token_whose_answer_gets_lost_do_not_send_the_spent_one_again(x: Works) -> None:
    grant = await x.grant("4711", due=False)
    x.simulator.faults.append(Fault(path=x.simulator.rules.token_path, lose_answer=True))

    found = await asyncio.gather(
        *(x.tokens.get(grant.id, refused=grant.generation) for _ in range(20)), return_exceptions=True
    )

    assert x.refreshes() == 1
    assert {type(each) for each in found} == {OutcomeUnknown, Busy}
    assert (await x.look(grant.id)).in_doubt


async def test_many_who_need_a_grant_that_died_hear_one_sentence_which_counts_once(x: Works) -> None:
    grant = await x.grant("4711", due=False)
    x.simulator.grants.clear()

    found = await asyncio.gather(
        *(x.tokens.get(grant.id, refused=grant.generation) for _ in range(20)), return_exceptions=True
    )
    await x.make_due(grant.id, suspected_ago=timedelta(minutes=16))
    await x.refresher.run()

    assert x.refreshes() == 2
    assert {type(each) for each in found} == {Busy}
    async with x.database.system(write=False) as session:
        tallies = await Tallies(session).since("x", 0)
    assert sum(each.dead for each in tallies.values()) == 1


async def test_a_token_that_lives_less_than_a_minute_is_renewed_once_for_all_who_ask(reddit: Works) -> None:
    reddit.simulator.settings["access_life_s"] = 30
    grant = await reddit.grant("octa_demo", due=False)

    found = await asyncio.gather(*(reddit.tokens.get(grant.id) for _ in range(5)))

    assert reddit.refreshes() == 1
    assert {each.grant.generation for each in found} == {grant.generation + 1}


async def test_who_comes_back_late_changes_nothing_of_whoever_has_the_grant_now(x: Works) -> None:
    grant = await x.grant("4711", due=False)
    async with x.database.system() as session:
        late = await Refreshes(session).take(grant.id, grant.generation, timedelta(seconds=-1))
    async with x.database.system() as session:
        now_theirs = await Refreshes(session).take(grant.id, grant.generation, timedelta(minutes=1))
    assert late is not None
    assert now_theirs is not None

    async with x.database.system() as session:
        changed = await Refreshes(session).reschedule(late, "Busy", "http_503", timedelta(minutes=1))

    assert not changed
    assert (await x.look(grant.id)).lease_until == now_theirs.lease_until


async def test_a_token_the_platform_refuses_is_renewed_and_the_call_repeated(x: Works) -> None:
    grant = await x.grant("4711", due=False)
    next(iter(x.simulator.grants.values())).access.clear()
    adapter = REGISTRY.adapters(x.http)["x"]

    found = await x.tokens.use(grant.id, adapter.discover)

    assert found.identity.id == "4711"
    assert x.refreshes() == 1


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(status=503, body="<html>", content_type="text/html"), id="an-outage"),
        pytest.param(Fault(status=429, body="{}", headers={"Retry-After": "120"}), id="a-limit"),
        pytest.param(Fault(status=200, body="{}"), id="an-answer-without-a-token"),
        pytest.param(Fault(status=400, body='{"error": "something_new"}'), id="a-code-nobody-documents"),
    ],
)
async def test_trouble_at_the_platform_is_waited_for_and_nobody_is_told(reddit: Works, fault: Fault) -> None:
    grant = await reddit.grant("octa_demo")
    reddit.simulator.faults.append(fault)

    await reddit.refresher.run()

    after = await reddit.look(grant.id)
    assert after.status == GrantStatus.HEALTHY
    assert after.generation == grant.generation
    assert after.failures == 1
    assert after.due_at is not None
    assert await reddit.said() == []


async def test_a_limit_the_platform_names_holds_the_whole_app_back(reddit: Works) -> None:
    limited = await reddit.grant("octa_demo")
    other = await reddit.grant("big_mod", due=False)
    reddit.simulator.faults.append(Fault(status=429, body="{}", headers={"Retry-After": "120"}))
    await reddit.refresher.run()
    asked = reddit.refreshes()
    reddit.simulator.faults.clear()
    await reddit.make_due(other.id)

    await reddit.refresher.run()
    with pytest.raises(Busy) as held:
        await reddit.tokens.get(other.id, refused=other.generation)

    assert reddit.refreshes() == asked
    assert held.value.code == "held_back"
    assert held.value.retry_after is not None
    assert timedelta(seconds=100) < held.value.retry_after <= timedelta(seconds=120)
    assert (await reddit.look(other.id)).lease_until is None
    assert (await reddit.look(limited.id)).failures == 1


async def test_a_refused_client_pages_the_operator_and_no_member(reddit: Works) -> None:
    grant = await reddit.grant("octa_demo")
    reddit.simulator.apps.clear()

    await reddit.refresher.run()

    after = await reddit.look(grant.id)
    assert after.status == GrantStatus.HEALTHY
    assert after.last_outcome == "Misconfigured"
    assert await reddit.said() == []


BAD_REQUEST = Fault(status=400, body='{"message": "Bad Request", "error": 400}')


async def test_a_refusal_that_lasts_hours_asks_a_person_once_and_is_still_tried(reddit: Works) -> None:
    grant = await reddit.grant("octa_demo")
    reddit.simulator.grants.clear()
    for ended_ago in (timedelta(hours=-1), timedelta(hours=1), timedelta(hours=4), timedelta(hours=5)):
        await reddit.make_due(grant.id, ended_ago=ended_ago)
        said_before = await reddit.said()
        await reddit.refresher.run()

    after = await reddit.look(grant.id)
    assert (after.status, after.reason) == (GrantStatus.NEEDS_RECONNECT, REFUSED)
    assert after.last_error_code == "http_400"
    assert after.due_at is not None
    assert len(said_before) == 1
    [notice] = await reddit.said()
    assert "refused to renew it for hours" in str(notice)


async def test_a_refusal_is_waited_for_until_the_access_token_has_ended_for_hours(reddit: Works) -> None:
    grant = await reddit.grant("octa_demo")
    reddit.simulator.faults.append(BAD_REQUEST)
    for ended_ago in (timedelta(hours=-1), timedelta(hours=1), timedelta(hours=2)):
        await reddit.make_due(grant.id, ended_ago=ended_ago)
        await reddit.refresher.run()

    after = await reddit.look(grant.id)
    assert (after.status, after.last_outcome, after.failures) == (GrantStatus.HEALTHY, REJECTED, 3)
    assert await reddit.said() == []


async def test_another_refusal_than_before_is_waited_for_again(reddit: Works) -> None:
    grant = await reddit.grant("octa_demo")
    for body in ('{"error": "odd"}', '{"error": "odder"}'):
        reddit.simulator.faults[:] = [Fault(status=400, body=body)]
        await reddit.make_due(grant.id, ended_ago=timedelta(hours=4))
        await reddit.refresher.run()

    assert (await reddit.look(grant.id)).status == GrantStatus.HEALTHY


async def test_a_renewal_after_hours_of_refusals_calls_the_person_off(reddit: Works) -> None:
    grant = await reddit.grant("octa_demo")
    reddit.simulator.faults.append(BAD_REQUEST)
    for _ in range(2):
        await reddit.make_due(grant.id, ended_ago=timedelta(hours=4))
        await reddit.refresher.run()
    asked = (await reddit.look(grant.id)).status
    reddit.simulator.faults.clear()
    await reddit.make_due(grant.id)

    await reddit.refresher.run()

    after = await reddit.look(grant.id)
    assert asked == GrantStatus.NEEDS_RECONNECT
    assert (after.status, after.reason, after.failures) == (GrantStatus.HEALTHY, "", 0)
    async with reddit.database.system(write=False) as session:
        [incident] = await session.exec(select(Incident))
    assert incident.resolution == Resolution.ACCESS_BACK


async def test_refusals_of_all_grants_alike_page_the_operator_and_no_member(reddit: Works) -> None:
    grants = [await reddit.grant(person) for person in ("octa_demo", "big_mod", "suspended_sam")]
    reddit.simulator.faults.append(BAD_REQUEST)
    for _ in range(2):
        for grant in grants:
            await reddit.make_due(grant.id, ended_ago=timedelta(hours=4))
        await reddit.refresher.run()

    async with reddit.database.system(write=False) as session:
        alerts = await session.exec(select(OperatorAlert.platform, OperatorAlert.code))
    assert {(await reddit.look(grant.id)).status for grant in grants} == {GrantStatus.HEALTHY}
    assert await reddit.said() == []
    assert list(alerts) == [("reddit", REFUSED)]


async def test_a_first_death_sentence_is_only_a_suspicion(x: Works) -> None:
    grant = await x.grant("4711")
    x.simulator.grants.clear()

    await x.refresher.run()

    after = await x.look(grant.id)
    assert after.status == GrantStatus.HEALTHY
    assert after.suspected_at is not None
    assert await x.said() == []


async def test_a_second_one_a_quarter_of_an_hour_later_asks_a_person_once(x: Works) -> None:
    grant = await x.grant("4711")
    x.simulator.grants.clear()
    await x.refresher.run()
    await x.make_due(grant.id, suspected_ago=timedelta(minutes=16))

    await x.refresher.run()
    await x.refresher.run()

    after = await x.look(grant.id)
    assert after.status == GrantStatus.NEEDS_RECONNECT
    assert after.due_at is None
    [notice] = await x.said()
    assert "reconnecting. Until then" in notice["text"]
    with pytest.raises(GrantDead):
        await x.tokens.get(grant.id)


async def test_a_platform_that_comes_back_between_the_two_looks_clears_the_suspicion(x: Works) -> None:
    grant = await x.grant("4711")
    kept = dict(x.simulator.grants)
    x.simulator.grants.clear()
    await x.refresher.run()
    x.simulator.grants.update(kept)
    await x.make_due(grant.id, suspected_ago=timedelta(minutes=16))

    await x.refresher.run()

    after = await x.look(grant.id)
    assert after.status == GrantStatus.HEALTHY
    assert after.suspected_at is None
    assert after.generation == grant.generation + 1


async def test_a_lost_answer_to_a_single_use_refresh_keeps_the_tokens_and_counts_as_doubt(x: Works) -> None:
    grant = await x.grant("4711")
    x.simulator.faults.append(Fault(path=x.simulator.rules.token_path, lose_answer=True, times=1))

    await x.refresher.run()

    after = await x.look(grant.id)
    assert after.in_doubt
    assert after.status == GrantStatus.HEALTHY
    assert after.access_sealed == grant.access_sealed
    assert await x.said() == []


async def test_two_refreshers_never_refresh_the_same_grant(x: Works) -> None:
    grants = [await x.grant(person) for person in ("4711", "4712")]
    other = Refresher(x.catalog, REGISTRY.adapters(x.http), x.database, x.vault, x.reports)

    await asyncio.gather(x.refresher.run(), other.run(), x.refresher.run())

    assert x.refreshes() == len(grants)
    for grant in grants:
        assert (await x.look(grant.id)).generation == grant.generation + 1


async def test_the_requests_of_a_listing_count_against_the_budget_of_the_app(reddit: Works) -> None:
    grant = await reddit.grant("octa_demo", due=False)
    adapter = REGISTRY.adapters(reddit.http)["reddit"]
    queue = reddit.refresher.queues["reddit"]

    async def left() -> int:
        async with reddit.database.system() as session:
            return (await RateLimits(session).lock("reddit", queue.rate_limit)).calls

    before = await left()
    await reddit.tokens.use(grant.id, lambda client, tokens: adapter.places(client, tokens, "4cixf"))

    assert before - await left() == 4  # /me and three listings


async def test_while_an_app_may_not_call_nothing_is_listed(reddit: Works) -> None:
    grant = await reddit.grant("octa_demo", due=False)
    async with reddit.database.system() as session:
        await RateLimits(session).pause("reddit", timedelta(minutes=1))

    async def listed(_client: object, _tokens: Tokens) -> None:
        raise AssertionError("asked")

    with pytest.raises(Busy) as held:
        await reddit.tokens.use(grant.id, listed)
    assert held.value.retry_after is not None


async def test_what_a_caller_gets_for_a_token_that_stays_refused_is_the_refusal(reddit: Works) -> None:
    grant = await reddit.grant("octa_demo", due=False)

    async def always_refused(_client: object, _tokens: Tokens) -> None:
        raise TokenRefused("unauthorized")

    with pytest.raises(TokenRefused):
        await reddit.tokens.use(grant.id, always_refused)
    assert reddit.refreshes() == 1


async def test_a_first_death_sentence_on_demand_is_told_to_nobody_and_a_second_one_is(x: Works) -> None:
    grant = await x.grant("4711", due=False)
    x.simulator.grants.clear()

    with pytest.raises(Busy) as first:
        await x.tokens.get(grant.id, refused=grant.generation)
    meanwhile = await x.look(grant.id)
    await x.make_due(grant.id, suspected_ago=timedelta(minutes=16))
    with pytest.raises(GrantDead):
        await x.tokens.get(grant.id, refused=grant.generation)

    assert meanwhile.status == GrantStatus.HEALTHY
    assert first.value.retry_after is not None
    assert timedelta(minutes=13) < first.value.retry_after <= timedelta(minutes=15)
    assert (await x.look(grant.id)).status == GrantStatus.NEEDS_RECONNECT


async def test_a_refused_token_that_nothing_renews_and_the_platform_finds_good_is_asked_about_once(
    reddit: Works,
) -> None:
    grant = await reddit.grant("octa_demo", due=False)
    async with reddit.database.system() as session:
        await Refreshes(session).schedule(grant.id, timedelta(days=1), renews=False)
    before = len(reddit.simulator.requests)

    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(TokenRefused, match="refused_but_good"):
            await reddit.tokens.get(grant.id, refused=grant.generation)

    assert len(reddit.simulator.requests) - before <= 2
    assert (await reddit.look(grant.id)).status == GrantStatus.HEALTHY


async def test_who_gives_up_waiting_loses_no_token_and_a_stop_waits_for_it(x: Works) -> None:
    grant = await x.grant("4711", due=False)
    held = Fault(path=x.simulator.rules.token_path, delay_s=0.3, times=1)
    x.simulator.faults.append(held)

    asked = asyncio.create_task(x.tokens.get(grant.id, refused=grant.generation))
    async with asyncio.timeout(PATIENCE_S):
        while held.times:  # noqa: ASYNC110 - until the request is there
            await asyncio.sleep(0.01)
    asked.cancel()
    await x.refresher.drain(5)

    after = await x.look(grant.id)
    assert x.refreshes() == 1
    assert after.generation == grant.generation + 1
    assert after.access_sealed != grant.access_sealed


async def test_new_tokens_are_stored_however_little_time_the_request_for_them_had(x: Works) -> None:
    grant = await x.grant("4711", due=False)
    held = Fault(path=x.simulator.rules.token_path, delay_s=0.2, times=1)
    x.simulator.faults.append(held)

    with time_limit.limited(0.3):
        asked = asyncio.create_task(x.tokens.get(grant.id, refused=grant.generation))
    async with asyncio.timeout(PATIENCE_S):
        while held.times:  # noqa: ASYNC110 - until the request is there
            await asyncio.sleep(0.01)
    async with x.database.system() as session:
        await session.exec(update(Grant).where(col(Grant.id) == grant.id).values(failures=0))
        await asyncio.sleep(0.8)
    await asyncio.wait([asked])
    await x.refresher.drain(5)

    assert x.refreshes() == 1
    assert (await x.look(grant.id)).generation == grant.generation + 1


async def test_a_fault_of_ours_in_an_adapter_waits_longer_each_time_and_ends_nothing(x: Works) -> None:
    class Broken:
        """An adapter that does not understand an answer."""

        platform = PLATFORMS["x"]

        async def refresh(self, client: Client, tokens: Tokens) -> Tokens:  # noqa: ARG002
            answer: dict[str, Tokens] = {}
            return answer["access_token"]

    adapters = cast("Mapping[str, Adapter]", {"x": Broken()})
    refresher = Refresher(x.catalog, adapters, x.database, x.vault, x.reports)
    grant = await x.grant("4711")

    for _ in range(2):
        await refresher.run()
        await x.make_due(grant.id)

    after = await x.look(grant.id)
    assert (after.status, after.last_outcome, after.last_error_code, after.failures) == (
        GrantStatus.HEALTHY,
        "Busy",
        "unexpected",
        2,
    )
    assert await x.said() == []


async def test_a_rotation_in_doubt_is_tried_after_a_lease_and_ever_more_rarely(x: Works) -> None:
    grant = await x.grant("4711")
    x.simulator.faults.append(Fault(path=x.simulator.rules.token_path, status=200, body="{}"))
    waits = []

    for _ in range(8):
        await x.refresher.run()
        after = await x.look(grant.id)
        async with x.database.system(write=False) as session:
            clock = await database_time(session)
        assert after.due_at is not None
        waits.append(after.due_at - clock)
        await x.make_due(grant.id)

    assert min(waits) > timedelta(seconds=58)
    assert max(waits) > timedelta(seconds=70)


# The rules by themselves


@pytest.mark.parametrize("key", PLATFORMS)
@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_a_grant_is_looked_at_before_its_token_ends_or_before_anybody_forgets_it(
    key: str, jitter: float
) -> None:
    platform = PLATFORMS[key]
    life = timedelta(days=60) if platform.refresh is Refresh.EXCHANGE else timedelta(hours=2)
    tokens = Tokens(access_token="a", refresh_token="r", expires_in=life)

    due = next_refresh_in(platform, tokens, jitter=jitter)

    if platform.refresh is Refresh.SINGLE_USE:
        assert KEEP_ALIVE * 0.9 <= due <= KEEP_ALIVE * 1.1
    elif platform.refresh is Refresh.EXCHANGE:
        assert timedelta(hours=21) <= due <= timedelta(hours=27)
    else:
        assert timedelta(hours=2) * 0.7 <= due <= timedelta(hours=2) * 0.9


def test_a_token_whose_exchange_stopped_half_way_is_traded_up_before_it_ends() -> None:
    due = next_refresh_in(
        PLATFORMS["facebook"], Tokens(access_token="a", expires_in=timedelta(hours=1)), jitter=1.0
    )

    assert due == timedelta(minutes=30)


def test_a_grant_that_only_a_person_can_renew_is_looked_at_once_a_day() -> None:
    assert next_refresh_in(PLATFORMS["linkedin"], Tokens(access_token="a"), jitter=0.5) == HEALTH_CHECK


def test_a_single_use_token_that_ends_sooner_is_renewed_before_half_of_its_life_is_over() -> None:
    tokens = Tokens(access_token="a", refresh_token="r", refresh_expires_in=timedelta(days=2))

    assert next_refresh_in(PLATFORMS["tiktok"], tokens, jitter=1.0) == timedelta(days=1)


def tally(dead: int, fresh: int = 0) -> Tally:
    return Tally(fresh=fresh, dead=dead, busy=0, other=0)


@pytest.mark.parametrize(
    ("tallies", "open_"),
    [
        pytest.param({1000: tally(19)}, False, id="too-few"),
        pytest.param({1000: tally(20)}, True, id="twenty"),
        pytest.param({1000: tally(20, 400)}, False, id="a-small-share"),
        pytest.param({1000: tally(20, 380)}, True, id="five-per-cent"),
        pytest.param({990: tally(10), 995: tally(10)}, True, id="within-ten-minutes"),
        pytest.param({980: tally(10), 1000: tally(10)}, False, id="too-far-apart"),
        pytest.param({945: tally(5000)}, True, id="the-worst-was-within-the-hour"),
        pytest.param({920: tally(5000)}, False, id="long-over"),
    ],
)
def test_the_breaker_opens_for_a_platform_that_calls_too_many_dead(
    tallies: dict[int, Tally], open_: bool
) -> None:
    assert tripped(tallies, 1000) is open_


@pytest.mark.parametrize(
    ("answered", "unanswered", "outage"),
    [
        pytest.param(0, OUTAGE_CALLS - 1, False, id="too-few"),
        pytest.param(0, OUTAGE_CALLS, True, id="enough"),
        pytest.param(5000, OUTAGE_CALLS, False, id="a-small-share"),
        pytest.param(1000, OUTAGE_CALLS, True, id="more-than-a-hundredth"),
        pytest.param(0, 5000, True, id="all-of-them"),
    ],
)
def test_many_calls_without_an_answer_are_an_outage(answered: int, unanswered: int, outage: bool) -> None:
    half = Tally(fresh=answered // 2, dead=0, busy=unanswered, other=0)
    rest = Tally(fresh=answered - half.fresh, dead=0, busy=0, other=0)

    assert is_outage({995: half, 1000: rest}, 1000) is outage


@pytest.mark.parametrize(
    ("answered_at", "outage"),
    [
        pytest.param(None, True, id="nobody-was-answered-for-an-hour"),
        pytest.param(950, False, id="somebody-was-within-the-hour"),
    ],
)
def test_few_accounts_make_an_outage_of_an_hour_without_any_answer(
    answered_at: int | None, outage: bool
) -> None:
    hour = {minute: Tally(fresh=0, dead=0, busy=2, other=0) for minute in range(950, 1000, 5)}
    if answered_at is not None:
        hour[answered_at] = Tally(fresh=1, dead=0, busy=2, other=0)

    assert is_outage(hour, 1000) is outage


def test_pauses_grow_to_ten_minutes_and_obey_the_platform() -> None:
    assert retry_in(0, None, chance=1.0) < timedelta(minutes=1)
    assert retry_in(50, None, chance=1.0) <= timedelta(minutes=11)
    assert retry_in(0, timedelta(minutes=7), chance=0.0) == timedelta(minutes=7)
