"""Platforms that fail for hours, or lie: who is told, how soon all is well again, and how hard they are asked."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

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
from storage.db import Database
from storage.models import GrantStatus
from tests.counts import sampled, tries
from tests.crash.house import A_CALM_WHILE, SECOND_LOOK, House, open_house

ACCOUNTS = tries(10_000, 60)
REALLY_DEAD = 10
OUTAGE, STEP = timedelta(hours=6), timedelta(minutes=30)
WELL_AGAIN = timedelta(minutes=15)
PATIENCE_S = 0.05
"""How long a call waits for its answer here; the product waits 20 s."""
ANY = ""
HTML = "<html><body>We'll be back soon</body></html>"
OUTAGES = {
    "503": Fault(path=ANY, status=503, body="{}"),
    "429": Fault(path=ANY, status=429, body="{}"),
    "429 with Retry-After": Fault(path=ANY, status=429, body="{}", headers={"Retry-After": "300"}),
    "timeouts": Fault(path=ANY, status=503, delay_s=2 * PATIENCE_S),
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


def pages(platform: str) -> float:
    """Return how often this process has called for the operator because of a platform."""
    [counter] = [m for m in REGISTRY.collect() if m.name == "octapost_operator_pages"]
    return sum(
        sample.value
        for sample in counter.samples
        if sample.name.endswith("_total") and sample.labels["platform"] == platform
    )


def busiest_minute(house: House) -> int:
    """Return the most refreshes the platform saw in any minute, by the clock that was moved."""
    times = sorted(call.at for call in house.simulator.requests)
    return max((place - bisect_left(times, at - 60) + 1 for place, at in enumerate(times)), default=0)


@pytest.mark.parametrize("kind", sampled(list(OUTAGES), 3))
async def test_six_hours_of_outage_pass_and_nobody_is_asked_for_anything(
    sqlite_database: Database, kind: str, record_property: Callable[[str, object], None]
) -> None:
    paged = pages("youtube")
    async with open_house(sqlite_database, YouTubeSimulator(), call_within_s=PATIENCE_S * 1.5) as house:
        ids = await house.connect(ACCOUNTS)
        house.simulator.faults.append(replace(OUTAGES[kind]))
        await house.due(*ids)
        await house.parts.refresher.run()
        for _ in range(OUTAGE // STEP):
            await house.pass_time(STEP)
            await house.parts.refresher.run()
        asked = house.refreshes()
        house.simulator.faults.clear()
        took = timedelta(0)
        while await house.behind(2) and took <= WELL_AGAIN:
            await house.parts.refresher.run()
            await house.pass_time(timedelta(seconds=10))
            took += timedelta(seconds=10)

        behind, prompts, busiest = await house.behind(2), await house.prompts(), busiest_minute(house)
        unwell = sum(grant.status != GrantStatus.HEALTHY for grant in await house.grants())
    record_property(
        "counted",
        f"6 h of {kind}, {ACCOUNTS} accounts: {asked} calls meanwhile, {len(prompts)} prompts,"
        f" {pages('youtube') - paged:.0f} operator pages, all fresh {took.total_seconds() / 60:.1f} min after,"
        f" {busiest} calls in the busiest minute",
    )
    assert (behind, len(prompts), unwell) == (0, 0, 0)
    assert took <= WELL_AGAIN
    assert pages("youtube") - paged == 1


@pytest.mark.parametrize("really", [0, REALLY_DEAD])
async def test_a_platform_that_calls_everybody_dead_is_not_believed_and_the_few_who_are_get_asked(
    sqlite_database: Database, really: int, record_property: Callable[[str, object], None]
) -> None:
    paged = pages("youtube")
    async with open_house(sqlite_database, YouTubeSimulator()) as house:
        ids = await house.connect(ACCOUNTS)
        lie = Fault(path=house.simulator.rules.token_path, status=400, body='{"error": "invalid_grant"}')
        if really:
            for theirs in list(house.simulator.grants.values())[:really]:
                house.simulator.end(theirs, "revoked by the person")
        else:
            house.simulator.faults.append(lie)
        await house.due(*ids)
        passed, minute = timedelta(0), timedelta(minutes=1)
        within = timedelta(minutes=30) if really else timedelta(hours=1)
        while passed < within:
            await house.parts.refresher.run()
            await house.pass_time(minute)
            passed += minute

        prompts = await house.prompts()
        if not really:
            house.simulator.faults.clear()
            await house.pass_time(A_CALM_WHILE)
            await house.work(within=timedelta(hours=1))
        asked = sum(grant.status == GrantStatus.NEEDS_RECONNECT for grant in await house.grants())
        behind = await house.behind(2)
    called = pages("youtube") - paged
    record_property(
        "counted",
        f"{really} real deaths among {ACCOUNTS}: {len(prompts)} prompts within 30 min, {called:.0f} operator pages"
        if really
        else f"{ACCOUNTS} false `invalid_grant`: {len(prompts)} prompts in the first hour, {called:.0f} operator"
        f" page, {behind} not fresh once it was over",
    )
    assert len(prompts) == asked == really
    assert behind == really
    assert called == (0 if really else 1)


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


@pytest.mark.parametrize(("platform", "code"), DEATHS)
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

        after, prompts = await house.grant(grant_id), await house.prompts()
    record_property(
        "counted", f"{platform} {code}: heard {heard} times, {len(prompts)} prompts, reason {after.reason}"
    )
    assert heard >= 2
    assert first == GrantStatus.HEALTHY
    assert (len(prompts), after.status, after.reason) == (1, GrantStatus.NEEDS_RECONNECT, code)
