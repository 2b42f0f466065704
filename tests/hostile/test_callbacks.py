"""Account linking (RFC 9700 section 4.7), mix-up (4.4) and every other callback that was not earned.

Nobody may finish a trip that another browser began: SECURITY.md promises 0 of 10,080, and no request to any
token endpoint. ASVS 10.1.2, 10.2.1, 10.2.2.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from random import Random
from urllib.parse import quote

from adapters import oauth
from adapters.registry import REGISTRY
from bot.settings import PlatformSettings, Settings
from sandbox.browser import Browser, travel
from storage.attempts import Attempts
from storage.models import ConnectionAttempt, Grant, Ticket, new_secret
from tests.application import Office, open_office
from tests.counts import in_full, tries
from tests.hostile.wire import Wire, asked, rows
from tests.pages import COOKIE
from tests.platforms import PLATFORMS
from tests.storage.world import expire

Count = Callable[[str, object], None]
SEEDS = tries(120, 1)
EVERY = list(PLATFORMS)


@dataclass(frozen=True, kw_only=True)
class Trip:
    """A browser at a platform's consent screen, and the code that the platform gives it."""

    state: str
    browser: str
    code: str
    location: str


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a mutation may mix: the victim's trip, the attacker's own, and an older one that ran out."""

    platform: str
    victim: Trip
    attacker: Trip
    expired: Trip

    def right(self) -> str:
        """The callback that the victim's browser would rightly make."""
        return f"/oauth/{self.platform}/callback?state={self.victim.state}&code={self.victim.code}"


Hostile = tuple[str, str | None]
"""The target, and the browser's cookie."""


def no_cookie(scene: Scene, _: Random) -> Hostile:
    return scene.right(), None


def others_cookie(scene: Scene, random: Random) -> Hostile:
    own = scene.victim.browser
    others = [new_secret(), scene.attacker.browser, own.swapcase(), own[:-1], f"{own[1:]}{own[0]}", ""]
    return scene.right(), random.choice(others)


def swapped_state(scene: Scene, _: Random) -> Hostile:
    """Login CSRF: the victim's browser is sent to the attacker's callback."""
    other = scene.attacker
    return f"/oauth/{scene.platform}/callback?state={other.state}&code={other.code}", scene.victim.browser


def swapped_code(scene: Scene, _: Random) -> Hostile:
    """The attacker's browser, with a code of its own, in the victim's attempt."""
    target = f"/oauth/{scene.platform}/callback?state={scene.victim.state}&code={scene.attacker.code}"
    return target, scene.attacker.browser


def duplicated(scene: Scene, random: Random) -> Hostile:
    more = [
        f"&state={scene.attacker.state}",
        f"&state={scene.victim.state}",
        f"&code={scene.attacker.code}",
        f"&code={scene.victim.code}",
        "&state=",
        "&code=",
        "&error=access_denied&error=access_denied",
    ]
    return scene.right() + random.choice(more), scene.victim.browser


def case_changed(scene: Scene, random: Random) -> Hostile:
    state, target = scene.victim.state, scene.right()
    changed = [
        target.replace(state, state.swapcase()),
        target.replace(state, state.lower()),
        target.replace(state, state.upper()),
        target.replace("state=", "State="),
        target.replace("code=", "CODE="),
        target.replace("callback", "Callback"),
    ]
    return random.choice(changed), scene.victim.browser


def padded(scene: Scene, random: Random) -> Hostile:
    state = scene.victim.state
    pad = random.choice(["%20", "+", "=", "%3D", "%00", "%0A", "%0D%0A", "%09", "%E2%80%8B", "%EF%BB%BF"])
    made = random.choice([f"{state}{pad}", f"{pad}{state}", f"{state[:20]}{pad}{state[20:]}"])
    return scene.right().replace(state, made), scene.victim.browser


def truncated(scene: Scene, random: Random) -> Hostile:
    state, cut = scene.victim.state, random.randint(1, 42)
    return scene.right().replace(state, random.choice([state[:-cut], state[cut:]])), scene.victim.browser


def other_platform(scene: Scene, random: Random) -> Hostile:
    other = random.choice([key for key in EVERY if key != scene.platform])
    return scene.right().replace(f"/{scene.platform}/", f"/{other}/"), scene.victim.browser


def empty(scene: Scene, random: Random) -> Hostile:
    path, query = scene.right().split("?")
    state, code = query.split("&")
    made = random.choice(
        ["", "?", f"?{state}", f"?{code}", f"?{state}&code=", f"?state=&{code}", "?state=&code="]
    )
    return path + made, scene.victim.browser


def over_long(scene: Scene, random: Random) -> Hostile:
    state = scene.victim.state
    if random.random() < 0.5:
        return scene.right().replace(state, state * random.randint(2, 100)), scene.victim.browser
    return scene.right() + "a" * 4097, scene.victim.browser


def expired(scene: Scene, _: Random) -> Hostile:
    late = scene.expired
    return f"/oauth/{scene.platform}/callback?state={late.state}&code={late.code}", late.browser


MISSED = ("You started in another browser", "This took longer than 10 minutes")
"""The pages for a trip that came back in another browser, or late."""
MUTATIONS = (
    no_cookie,
    others_cookie,
    swapped_state,
    swapped_code,
    duplicated,
    case_changed,
    padded,
    truncated,
    other_platform,
    empty,
    over_long,
    expired,
)


async def trips(office: Office, count: int, platforms: Sequence[str] = EVERY) -> dict[str, list[Trip]]:
    """Return `count` trips on each of the platforms, begun by an admin."""
    member = await office.member()
    found: dict[str, list[Trip]] = {platform: [] for platform in platforms}
    async with office.parts.database.system() as session:
        attempts = Attempts(session, office.parts.vault)
        for platform in platforms:
            client = office.parts.settings.platforms()[platform].clients[PLATFORMS[platform].apps[0].key]
            ticket = Ticket(
                ticket_hash=b"",
                organization_id=member.organization_id,
                membership_id=member.id,
                team_id=member.team_id,
                channel_id="C0ACMESOC",
                platform=platform,
                app=client.app.key,
                expires_at=member.created_at,
            )
            for _ in range(count):
                browser, verifier = new_secret(), new_secret()
                state = await attempts.open(ticket=ticket, browser=browser, verifier=verifier)
                location = oauth.authorize_url(PLATFORMS[platform], client, state=state, verifier=verifier)
                found[platform].append(
                    Trip(state=state, browser=browser, code=new_secret(), location=location)
                )
    return found


async def finish(office: Office, trip: Trip) -> tuple[int, str]:
    """Consent as the right browser and return the last page's status and title."""
    async with Browser() as browser:
        browser.only_cookie(COOKIE, trip.browser)
        page = await travel(
            browser, trip.location, slack_url=office.slack.url, app_url=office.url, slack_person=""
        )
        return page.status, page.title


async def test_no_hostile_callback_is_accepted_and_none_reaches_a_token_endpoint(
    office: Office, wire: Wire, record_property: Count
) -> None:
    late = await trips(office, SEEDS)
    await expire(office.database, ConnectionAttempt)
    both = await trips(office, 2 * SEEDS)
    before = await rows(office.database)
    accepted: list[str] = []
    tried = 0

    for platform in EVERY:
        for seed in range(SEEDS):
            victim, attacker = both[platform][2 * seed : 2 * seed + 2]
            scene = Scene(platform=platform, victim=victim, attacker=attacker, expired=late[platform][seed])
            for mutation in MUTATIONS:
                random = Random(f"{platform}.{seed}.{mutation.__name__}")  # noqa: S311 - to be repeated
                target, cookie = mutation(scene, random)
                answer = await wire.get(target, cookie=cookie)
                tried += 1
                told = any(
                    words in answer.body
                    for words in ("be finished here", "is damaged", "nothing at this address", *MISSED)
                )
                if answer.status not in {400, 404} or not told or answer.all("set-cookie"):
                    accepted.append(f"{platform} {mutation.__name__} {seed}: {answer.status}")

    assert accepted == []
    assert asked(office) == []
    after = await rows(office.database)
    assert after == before | {
        "notice": after["notice"]
    }  # the member is told how to go on, once for each trip
    assert after["notice"] <= len(EVERY) * SEEDS * 3
    for platform in EVERY:
        status, title = await finish(office, both[platform][0])
        assert (status, "finished here" in title) == (200, False), platform
        assert asked(office), platform
    assert await office.count(Grant) == len(EVERY)
    record_property(
        "counted", f"{tried:,} hostile callbacks on {len(EVERY)} platforms: 0 accepted, 0 token calls"
    )
    assert tried >= tries(10_080, 84)


async def test_a_code_of_one_platform_never_reaches_another(
    office: Office, wire: Wire, record_property: Count
) -> None:
    begun = await trips(office, len(EVERY) - 1)
    before = await rows(office.database)
    pairs = list(permutations(EVERY, 2))

    refused = []
    for here, there in pairs:
        trip = begun[here][[key for key in EVERY if key != here].index(there)]
        target = f"/oauth/{there}/callback?state={trip.state}&code={trip.code}"
        refused.append((await wire.get(target, cookie=trip.browser)).status)

    assert refused == [400] * 42
    assert asked(office) == []
    assert await rows(office.database) == before
    record_property("counted", f"{len(pairs)} ordered pairs of platforms: 0 codes crossed over")


class Declaring(Settings):
    """Settings under which every platform declares an issuer (RFC 9207); none of the seven does today."""

    def platforms(self) -> dict[str, PlatformSettings]:
        return {
            key: dataclasses.replace(found, platform=dataclasses.replace(found.platform, issuer=issuer(key)))
            for key, found in super().platforms().items()
        }


def declaring(env: Mapping[str, str]) -> Settings:
    return Declaring.from_env(env, REGISTRY)


def issuer(platform: str) -> str:
    return f"https://{platform}.example"


@in_full
async def test_where_an_issuer_is_declared_only_its_own_name_finishes(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        office = await open_office(tmp_path, stack, work=False, settings_from=declaring)
        world = office.world
        async with Wire(office.url) as wire:
            begun = await trips(office, 1)
            right, wrong, calls = [], [], 0

            for platform in EVERY:
                [trip] = begun[platform]
                target = f"/oauth/{platform}/callback?state={trip.state}&code={trip.code}"
                good, before = issuer(platform), len(world.platforms[platform].requests)
                for other in ("", issuer("evil"), f"{good}/", good.upper(), f"{good} ", f"{good}&iss={good}"):
                    made = f"{target}&iss={quote(other, safe='&=:/')}"
                    wrong.append((await wire.get(made, cookie=trip.browser)).status)
                wrong.append((await wire.get(target, cookie=trip.browser)).status)
                calls += len(world.platforms[platform].requests) - before
                right.append((await wire.get(f"{target}&iss={quote(good)}", cookie=trip.browser)).status)

            assert set(wrong) == {400}
            assert calls == 0
            assert right == [200] * len(EVERY)
