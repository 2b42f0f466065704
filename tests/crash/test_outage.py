"""Platforms that fail for hours, or lie: who is told, how soon all is well again, and how hard they are asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from adapters.base import Tokens
from adapters.http import LONGEST_CALL_S
from adapters.youtube import PLATFORM as YOUTUBE
from bot.services.tokens.policy import next_refresh_in
from bot.services.tokens.queue import AT_ONCE, SILENCE
from sandbox.core import Fault
from sandbox.platforms.youtube.simulator import YouTubeSimulator
from storage.engine.db import Database
from storage.models import GrantStatus
from storage.rate_limits import RateLimit
from tests.counts import in_full, sampled, tries
from tests.crash.house import A_CALM_WHILE, SIMULATORS, House, open_house
from tests.crash.test_deaths import Death, codes
from tests.platforms import PLATFORMS

ACCOUNTS = tries(10_000, 60)
REALLY_DEAD = 10
OUTAGE, STEP = timedelta(hours=6), timedelta(minutes=tries(5, 30))
LOOK = timedelta(seconds=tries(15, 30))
WELL_AGAIN, MINUTE = timedelta(minutes=15), timedelta(minutes=1)
PATIENCE_S = 0.1
"""How long a call waits for its answer here; the product waits 20 s."""
ANY = ""
HTML = "<html><body>We'll be back soon</body></html>"
WAIT = timedelta(minutes=8)
"""What the platform asks for in a Retry-After: longer than a step, so that it is seen whether it is obeyed."""
PASSING = '{"error": {"code": 190, "error_subcode": 463, "is_transient": true}}'
OUTAGES = {
    "503": Fault(path=ANY, status=503, body="{}"),
    "429": Fault(path=ANY, status=429, body="{}"),
    "429 with Retry-After": Fault(
        path=ANY, status=429, body="{}", headers={"Retry-After": f"{WAIT.total_seconds():.0f}"}
    ),
    "timeouts": Fault(path=ANY, status=503, delay_s=3 * PATIENCE_S),
    "lost answers": Fault(path=ANY, lose_answer=True),
    "HTML": Fault(path=ANY, status=200, body=HTML, content_type="text/html"),
    "invalid_client": Fault(path=ANY, status=401, body='{"error": "invalid_client"}'),
    # A word for "your token is over" that Meta itself calls passing:
    # https://developers.facebook.com/docs/graph-api/guides/error-handling
    "190 is_transient": Fault(path=ANY, status=400, body=PASSING),
    "2 is_transient": Fault(path=ANY, status=500, body='{"error": {"code": 2, "is_transient": true}}'),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An outage of a platform, as its app meets it."""

    kind: str
    platform: str = "youtube"
    accounts: int = ACCOUNTS
    dialect: str = "sqlite"

    def __str__(self) -> str:
        return f"{self.kind}, {PLATFORMS[self.platform].name}, {self.dialect}"

    @property
    def fault(self) -> Fault:
        """What the platform answers."""
        return replace(OUTAGES[self.kind])

    @property
    def wait(self) -> timedelta:
        """How long the platform asks the whole app to wait."""
        return timedelta(seconds=float(self.fault.headers.get("Retry-After", 0)))

    @property
    def bearable(self) -> int:
        """How many calls an outage may cost: those in flight, those begun before it was seen, one for each look."""
        return AT_ONCE + SILENCE + OUTAGE // max(STEP, self.wait)


META_ONLY = {"190 is_transient", "2 is_transient"}
TROUBLES = [
    *(Trouble(kind=kind) for kind in OUTAGES if kind not in META_ONLY),
    Trouble(kind="503", platform="facebook"),
    *(
        Trouble(kind=kind, platform="facebook", accounts=min(ACCOUNTS, 2000))
        for kind in ("HTML", "timeouts", *sorted(META_ONLY))
    ),
    *(Trouble(kind=kind, platform="x") for kind in ("503", "HTML", "timeouts")),
    Trouble(kind="invalid_client", platform="tiktok"),
    Trouble(kind="503", platform="reddit"),
    Trouble(kind="503", dialect="postgresql"),
]


@pytest.mark.parametrize(
    ("database", "trouble"),
    [pytest.param(each.dialect, each, id=str(each)) for each in sampled(TROUBLES, len(TROUBLES))],
    indirect=["database"],
)
async def test_six_hours_of_outage_pass_and_nobody_is_asked_for_anything(
    database: Database, trouble: Trouble, record_property: Callable[[str, object], None]
) -> None:
    simulator = SIMULATORS[trouble.platform]()
    async with open_house(database, simulator, platform=trouble.platform) as house:
        await house.connect(trouble.accounts)
        house.simulator.faults.append(trouble.fault)
        house.calls.within_s = PATIENCE_S if trouble.kind == "timeouts" else None
        await house.due()
        await house.parts.refresher.run()
        for _ in range(OUTAGE // STEP):
            await house.pass_time(STEP)
            await house.parts.refresher.run()
        asked = house.refreshes()
        house.simulator.faults.clear()
        house.calls.within_s = None
        limit = well_within(house, trouble.accounts)
        took = await fresh_again(house, limit)

        behind, prompts, pages = await house.behind(2), await house.prompts(), await house.pages()
        busiest, budget = house.busiest(house.budget.per), house.budget
        unwell = sum(grant.status != GrantStatus.HEALTHY for grant in await house.grants())
    record_property(
        "counted",
        f"6 h of {trouble}, {trouble.accounts} accounts: {asked} calls meanwhile (at most {trouble.bearable}),"
        f" {len(prompts)} prompts, {pages} operator page, all fresh {took.total_seconds() / 60:.1f} min after (at most"
        f" {limit.total_seconds() / 60:.0f}), at most {busiest} calls in {budget.per} of {budget.calls}",
    )
    assert (behind, len(prompts), unwell, pages) == (0, 0, 0, 1)
    assert took <= limit
    assert busiest <= budget.calls
    assert SILENCE <= asked <= trouble.bearable


@in_full
async def test_a_platform_that_says_nothing_is_waited_for_as_long_as_the_product_waits(
    sqlite_database: Database, record_property: Callable[[str, object], None]
) -> None:
    loop, accounts = asyncio.get_running_loop(), 100
    async with open_house(sqlite_database, YouTubeSimulator()) as house:
        await house.connect(accounts)
        house.simulator.faults.append(Fault(path=ANY, status=503, delay_s=2 * LONGEST_CALL_S))
        await house.due()
        began = loop.time()
        await house.parts.refresher.run()
        first = loop.time() - began
        await house.pass_time(timedelta(hours=6))
        await house.parts.refresher.run()
        took = loop.time() - began
        leases = sum(grant.lease_until is not None for grant in await house.grants())
        house.simulator.faults.clear()
        well = await fresh_again(house, WELL_AGAIN)

        behind, prompts, most = await house.behind(2), await house.prompts(), house.calls.most
    record_property(
        "counted",
        f"{accounts} accounts, a platform that says nothing: {most} calls at once waited {first:.1f} s, one more to"
        f" {took:.1f} s, {leases} leases left, {len(prompts)} prompts, all fresh {well.total_seconds() / 60:.1f} min"
        " after",
    )
    assert LONGEST_CALL_S <= first < LONGEST_CALL_S + 5
    assert 2 * LONGEST_CALL_S <= took < 2 * LONGEST_CALL_S + 10
    assert (most, leases) == (AT_ONCE, 0)
    assert (behind, prompts) == (0, [])


async def fresh_again(house: House, limit: timedelta) -> timedelta:
    """Let time pass until everybody is fresh, or this much; return how much it was, real time and all."""
    clock, took = house.simulator.clock, timedelta(0)
    began = clock.now()
    while await house.behind(2) and took <= limit:
        await house.parts.refresher.run()
        await house.pass_time(LOOK)
        took = timedelta(seconds=clock.now() - began)
    return took


def well_within(house: House, accounts: int) -> timedelta:
    """Return by when all have to be well: in 15 minutes, or in what the platform's budget needs and a tenth."""
    return max(
        WELL_AGAIN, accounts * RateLimit(calls=house.budget.calls, per=house.budget.per).interval * 1.1
    )


@in_full
@pytest.mark.parametrize(
    ("platform", "really"),
    sampled([("youtube", 0), ("x", 0), ("x", REALLY_DEAD), ("youtube", REALLY_DEAD)], 2),
)
async def test_a_platform_that_calls_everybody_dead_is_not_believed_and_the_few_who_are_get_asked(
    sqlite_database: Database, platform: str, really: int, record_property: Callable[[str, object], None]
) -> None:
    async with open_house(sqlite_database, SIMULATORS[platform]()) as house:
        await house.connect(ACCOUNTS)
        if really:
            in_turn = sorted(await house.grants(), key=lambda grant: grant.id)
            for grant in in_turn[-really:]:  # the last to be asked
                house.simulator.end(house.simulator.grants[str(grant.external_id)], "revoked by the person")
        else:
            lie = Death(platform=PLATFORMS[platform], code=codes(PLATFORMS[platform])[-1])
            house.simulator.faults.extend(lie.faults)
        await house.due()
        # A run ends when the platform's budget is used up, after a minute of it at the most. So the faster the machine,
        # the more runs it takes until all were asked once.
        passed = await house.work() if really else timedelta(0)
        while passed < timedelta(minutes=30 if really else 60):
            await house.parts.refresher.run()
            await house.pass_time(MINUTE)
            passed += MINUTE

        prompts, asked, tokens = await house.prompts(), house.refreshes(), house.tokens_asked()
        if not really:
            house.simulator.faults.clear()
            await house.pass_time(A_CALM_WHILE)
            await house.work(within=timedelta(hours=1))
        over = sum(grant.status == GrantStatus.NEEDS_RECONNECT for grant in await house.grants())
        behind, pages = await house.behind(2), await house.pages()
        busiest, budget = house.busiest(house.budget.per), house.budget
    record_property(
        "counted",
        f"{platform}, {really} real deaths among {ACCOUNTS}: {len(prompts)} prompts within 30 min, {pages} operator"
        " pages"
        if really
        else f"{platform}, {ACCOUNTS} falsely called dead: {asked} calls and {len(prompts)} prompts in the first hour,"
        f" {pages} operator page, {behind} not fresh once it was over",
    )
    assert tokens == ACCOUNTS
    assert len(prompts) == over == behind == really
    assert pages == (0 if really else 1)
    assert busiest <= budget.calls


@in_full
async def test_a_platform_that_really_ended_everybody_is_believed_after_the_hour(
    sqlite_database: Database, record_property: Callable[[str, object], None]
) -> None:
    accounts, step = min(ACCOUNTS, 1000), timedelta(minutes=tries(5, 20))
    async with open_house(sqlite_database, YouTubeSimulator()) as house:
        await house.connect(accounts)
        for theirs in house.simulator.grants.values():
            house.simulator.end(theirs, "the app was deleted there")
        await house.due()
        told: list[int] = []
        for _ in range(timedelta(hours=3) // step):
            await house.parts.refresher.run()
            told.append(len(await house.prompts()))
            await house.pass_time(step)
        pages = await house.pages()
    within_the_hour = told[timedelta(hours=1) // step - 1]
    record_property(
        "counted",
        f"{accounts} real deaths at once: {within_the_hour} prompts in the first hour, {told[-1]} within three,"
        f" {pages} operator page",
    )
    assert (within_the_hour, told[-1], pages) == (0, accounts, 1)


async def test_ten_thousand_that_end_in_one_second_are_renewed_in_time_and_never_in_a_crowd(
    sqlite_database: Database, record_property: Callable[[str, object], None]
) -> None:
    accounts, life = tries(10_000, 100), timedelta(hours=1)
    tokens = Tokens(access_token="access", refresh_token="refresh", expires_in=life)
    latest = next_refresh_in(YOUTUBE, tokens, jitter=1.0)
    assert latest is not None
    left = life - latest
    async with open_house(sqlite_database, YouTubeSimulator()) as house:
        await house.connect(accounts)
        await house.end_in(left)
        ends = house.simulator.clock.now() + left.total_seconds()
        await house.due()
        await house.work()

        behind, most, last = await house.behind(2), house.calls.most, max(house.asked_at())
        expired = sum(at >= ends for at in house.asked_at())
    record_property(
        "counted",
        f"{accounts} accounts whose tokens end in one second: at most {most} calls in flight, {expired} too late, the"
        f" last {ends - last:.0f} s before the end",
    )
    assert (behind, expired) == (0, 0)
    assert 1 < most <= AT_ONCE
