"""Platforms that fail for hours, or lie: who is told, how soon all is well again, and how hard they are asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlmodel import select

from adapters.base import Platform
from adapters.registry import PLATFORMS
from sandbox.core import Fault
from sandbox.platforms.linkedin import LinkedInSimulator
from sandbox.platforms.meta import MetaSimulator
from sandbox.platforms.oauth import OAuthSimulator
from sandbox.platforms.reddit import RedditSimulator
from sandbox.platforms.tiktok import TikTokSimulator
from sandbox.platforms.x import XSimulator
from sandbox.platforms.youtube import YouTubeSimulator
from storage.budgets import Bucket
from storage.db import Database
from storage.incident_models import Incident
from storage.models import GrantStatus
from tests.counts import sampled, tries
from tests.crash.house import A_CALM_WHILE, SECOND_LOOK, House, open_house

ACCOUNTS = tries(10_000, 60)
REALLY_DEAD = 10
OUTAGE, STEP = timedelta(hours=6), timedelta(minutes=tries(5, 30))
LOOK = timedelta(seconds=tries(15, 30))
WELL_AGAIN = timedelta(minutes=15)
PATIENCE_S = 0.1
"""How long a call waits for its answer here; the product waits 20 s."""
ANY = ""
HTML = "<html><body>We'll be back soon</body></html>"
OUTAGES = {
    "503": Fault(path=ANY, status=503, body="{}"),
    "429": Fault(path=ANY, status=429, body="{}"),
    "429 with Retry-After": Fault(path=ANY, status=429, body="{}", headers={"Retry-After": "300"}),
    "timeouts": Fault(path=ANY, status=503, delay_s=3 * PATIENCE_S),
    "lost answers": Fault(path=ANY, lose_answer=True),
    "HTML": Fault(path=ANY, status=200, body=HTML, content_type="text/html"),
    "invalid_client": Fault(path=ANY, status=401, body='{"error": "invalid_client"}'),
}
SIMULATORS: dict[str, Callable[[], OAuthSimulator]] = {
    "facebook": MetaSimulator,
    "instagram": MetaSimulator,
    "x": XSimulator,
    "linkedin": LinkedInSimulator,
    "tiktok": TikTokSimulator,
    "reddit": RedditSimulator,
    "youtube": YouTubeSimulator,
}
REPEATS = tries(100, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An outage of a platform, as its app meets it."""

    kind: str
    platform: str = "youtube"
    accounts: int = ACCOUNTS

    def __str__(self) -> str:
        return f"{self.kind}, {PLATFORMS[self.platform].name}"


TROUBLES = [
    *(Trouble(kind=kind) for kind in OUTAGES),
    Trouble(kind="503", platform="x"),
    Trouble(kind="invalid_client", platform="tiktok"),
    Trouble(kind="503", platform="reddit"),
]


@pytest.mark.parametrize("trouble", sampled(TROUBLES, 10), ids=str)
async def test_six_hours_of_outage_pass_and_nobody_is_asked_for_anything(
    sqlite_database: Database, trouble: Trouble, record_property: Callable[[str, object], None]
) -> None:
    simulator = SIMULATORS[trouble.platform]()
    async with open_house(sqlite_database, simulator, platform=trouble.platform) as house:
        await house.connect(trouble.accounts)
        house.simulator.faults.append(replace(OUTAGES[trouble.kind]))
        house.calls.within_s = PATIENCE_S if trouble.kind == "timeouts" else None
        await house.due()
        await house.parts.refresher.run()
        for _ in range(OUTAGE // STEP):
            await house.pass_time(STEP)
            await house.parts.refresher.run()
        asked = house.refreshes()
        house.simulator.faults.clear()
        house.calls.within_s = None
        took, limit = timedelta(0), well_within(house, trouble.accounts)
        while await house.behind(2) and took <= limit:
            await house.parts.refresher.run()
            await house.pass_time(LOOK)
            took += LOOK

        behind, prompts, pages = await house.behind(2), await house.prompts(), await house.pages()
        busiest, budget = house.busiest(house.budget.per), house.budget
        unwell = sum(grant.status != GrantStatus.HEALTHY for grant in await house.grants())
    record_property(
        "counted",
        f"6 h of {trouble}, {trouble.accounts} accounts: {asked} calls meanwhile, {len(prompts)} prompts, {pages}"
        f" operator page, all fresh {took.total_seconds() / 60:.1f} min after (at most"
        f" {limit.total_seconds() / 60:.0f}), at most {busiest} calls in {budget.per} of {budget.calls}",
    )
    assert (behind, len(prompts), unwell, pages) == (0, 0, 0, 1)
    assert took <= limit
    assert busiest <= budget.calls


def well_within(house: House, accounts: int) -> timedelta:
    """Return by when all have to be well: in 15 minutes, or in what the platform's budget needs and a tenth."""
    return max(WELL_AGAIN, accounts * Bucket(calls=house.budget.calls, per=house.budget.per).between * 1.1)


@pytest.mark.parametrize("really", [0, REALLY_DEAD])
async def test_a_platform_that_calls_everybody_dead_is_not_believed_and_the_few_who_are_get_asked(
    sqlite_database: Database, really: int, record_property: Callable[[str, object], None]
) -> None:
    async with open_house(sqlite_database, YouTubeSimulator()) as house:
        await house.connect(ACCOUNTS)
        if really:
            for theirs in list(house.simulator.grants.values())[:really]:
                house.simulator.end(theirs, "revoked by the person")
        else:
            lie = Fault(path=house.simulator.rules.token_path, status=400, body='{"error": "invalid_grant"}')
            house.simulator.faults.append(lie)
        await house.due()
        for _ in range(30 if really else 60):
            await house.parts.refresher.run()
            await house.pass_time(timedelta(minutes=1))

        prompts, asked = await house.prompts(), house.refreshes()
        if not really:
            house.simulator.faults.clear()
            await house.pass_time(A_CALM_WHILE)
            await house.work(within=timedelta(hours=1))
        over = sum(grant.status == GrantStatus.NEEDS_RECONNECT for grant in await house.grants())
        behind, pages = await house.behind(2), await house.pages()
        busiest, budget = house.busiest(house.budget.per), house.budget
    record_property(
        "counted",
        f"{really} real deaths among {ACCOUNTS}: {len(prompts)} prompts within 30 min, {pages} operator pages"
        if really
        else f"{ACCOUNTS} false `invalid_grant`: {asked} calls and {len(prompts)} prompts in the first hour,"
        f" {pages} operator page, {behind} not fresh once it was over",
    )
    assert len(prompts) == over == behind == really
    assert pages == (0 if really else 1)
    assert busiest <= budget.calls


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


def death(platform: Platform, code: str) -> list[Fault]:
    """Return how the platform says, in the words it documents, that a grant is over."""
    if platform.family == "meta":
        number, _, subcode = code.partition("_")
        error = {"code": int(number), "type": "OAuthException", "message": "Error validating access token"}
        body = json.dumps({"error": error | ({"error_subcode": int(subcode)} if subcode else {})})
        invalid = '{"data": {"is_valid": false}}'
        return [
            Fault(path="/debug_token", status=200, body=invalid),
            Fault(path=ANY, status=400, body=body),
        ]
    words = platform.dead_grant_words.get(code, "")
    return [Fault(path=ANY, status=400, body=json.dumps({"error": code, "error_description": words}))]


DEATHS = [
    (platform.key, code)
    for platform in PLATFORMS.values()
    for code in sorted(platform.dead_grant_codes | set(platform.dead_grant_words))
]


@pytest.mark.parametrize(("platform", "code"), sampled(DEATHS, 8))
async def test_every_documented_death_asks_once_however_often_it_is_heard(
    sqlite_database: Database, platform: str, code: str, record_property: Callable[[str, object], None]
) -> None:
    async with open_house(sqlite_database, SIMULATORS[platform](), platform=platform) as house:
        [grant_id] = await house.connect(1)
        house.simulator.faults.extend(death(PLATFORMS[platform], code))
        heard, first = 0, ""
        for _ in range(REPEATS):
            await house.due(grant_id)
            before = len(house.simulator.requests)
            await house.parts.refresher.run()
            heard += len(house.simulator.requests) > before
            first = first or (await house.grant(grant_id)).status
            await house.pass_time(SECOND_LOOK)

        after, cards = await house.grant(grant_id), await house.prompts()
        async with house.database.system(write=False) as session:
            incidents = list(await session.exec(select(Incident)))
    record_property(
        "counted", f"{platform} {code}: heard {heard} times, {len(cards)} card, reason {after.reason}"
    )
    assert heard >= REPEATS - 1
    assert first == GrantStatus.HEALTHY
    assert (len(cards), after.status, after.reason) == (1, GrantStatus.NEEDS_RECONNECT, code)
    assert [(incident.grant_id, incident.code) for incident in incidents] == [(grant_id, code)]
