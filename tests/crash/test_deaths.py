"""Sign-ins that are really over: one card each, however often and in whichever way the platform says so."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlmodel import select

from adapters.base import Platform
from adapters.linkedin.account import LinkedIn
from adapters.linkedin.refusals import SERVICE_CODES
from bot.services.accounts.catalog import PlatformCatalog
from bot.services.incidents.operator_alerts import OperatorPager
from bot.services.tokens.outcomes import Reports
from bot.services.tokens.refreshing import Refresher
from sandbox.core import Fault
from sandbox.platforms.callbacks import signed_request
from storage.engine.db import Database
from storage.models import GrantStatus, Incident
from tests.counts import sampled, tries
from tests.crash.house import SECOND_LOOK, SIMULATORS, House, open_house
from tests.platforms import PLATFORMS

ANY = ""
REPEATS = tries(100, 4)
WITH_200 = ("tiktok", "reddit")
"""Who has been seen to say it under HTTP 200: `sandbox/platforms/tiktok/simulator.py` and `reddit.py` tell where."""
ON_POSTGRESQL = {("facebook", "190_460"), ("tiktok", "invalid_grant"), ("linkedin", "REVOKED_ACCESS_TOKEN")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """How a platform says, in the words it documents, that a grant is over."""

    platform: Platform
    code: str
    status: int = 400
    looked: bool = False
    """Said of the access token, where no refresh token could tell."""
    dialect: str = "sqlite"

    def __str__(self) -> str:
        return f"{self.platform.key} {self.code}, HTTP {self.status}, {self.dialect}"

    @property
    def faults(self) -> list[Fault]:
        """What the platform answers."""
        if self.looked:
            number = next(number for number, code in SERVICE_CODES.items() if code == self.code)
            body = {"status": self.status, "serviceErrorCode": number, "message": "The token is over"}
            return [Fault(path=ANY, status=self.status, body=json.dumps(body))]
        if self.platform.family == "meta":
            code, _, subcode = self.code.partition("_")
            error = {"code": int(code), "type": "OAuthException", "message": "Error validating access token"}
            body = {"error": error | ({"error_subcode": int(subcode)} if subcode else {})}
            return [
                Fault(path="/debug_token", status=200, body='{"data": {"is_valid": false}}'),
                Fault(path=ANY, status=self.status, body=json.dumps(body)),
            ]
        words = {"error": self.code, "error_description": self.platform.dead_grant_words.get(self.code, "")}
        return [Fault(path=ANY, status=self.status, body=json.dumps(words))]


def codes(platform: Platform) -> list[str]:
    """Return every code with which the platform says at its token endpoint that a grant is over."""
    return sorted(platform.dead_grant_codes | set(platform.dead_grant_words))


DEATHS = [
    *(Death(platform=platform, code=code) for platform in PLATFORMS.values() for code in codes(platform)),
    *(
        Death(platform=PLATFORMS[key], code=code, status=200)
        for key in WITH_200
        for code in codes(PLATFORMS[key])
    ),
    *(
        Death(platform=platform, code=code, status=401, looked=True)
        for platform in PLATFORMS.values()
        for code in sorted(platform.dead_token_codes)
    ),
]
DEATHS += [
    replace(each, dialect="postgresql")
    for each in DEATHS
    if (each.platform.key, each.code) in ON_POSTGRESQL and each.status != 200
]


async def unhurried(_seconds: float) -> None:
    """Wait for nothing: LinkedIn's adapter gives a token that was made a moment ago eight seconds."""


def watched(house: House) -> None:
    """Let LinkedIn be asked again without the seconds in between."""
    refresher = Refresher(
        PlatformCatalog(house.parts.settings.platforms()),
        {"linkedin": LinkedIn(house.http, pause=unhurried)},
        house.database,
        house.vault,
        Reports(incidents=house.parts.incidents, operator=OperatorPager(house.database)),
    )
    house.parts = replace(house.parts, refresher=refresher)


@pytest.mark.parametrize(
    ("database", "death"),
    [pytest.param(each.dialect, each, id=str(each)) for each in sampled(DEATHS, len(DEATHS), 5)],
    indirect=["database"],
)
async def test_every_documented_death_asks_once_however_often_it_is_heard(
    database: Database, death: Death, record_property: Callable[[str, object], None]
) -> None:
    platform = death.platform
    async with open_house(database, SIMULATORS[platform.key](), platform=platform.key) as house:
        if death.looked:
            watched(house)
        [grant_id] = await house.connect(1, refresh=not death.looked)
        house.simulator.faults.extend(death.faults)
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
    record_property("counted", f"{death}: heard {heard} times, {len(cards)} card, reason {after.reason}")
    assert heard == REPEATS
    assert first == GrantStatus.HEALTHY
    assert (len(cards), after.status, after.reason) == (1, GrantStatus.NEEDS_RECONNECT, death.code)
    assert [(incident.grant_id, incident.code) for incident in incidents] == [(grant_id, death.code)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A platform's signed word that a person has left, which needs no second opinion."""

    platform: str
    path: str
    code: str

    def __str__(self) -> str:
        return f"{self.platform} {self.code}"

    def request(self, secret: str, person: str, nth: int) -> tuple[bytes, dict[str, str]]:
        """Return a body and its headers; each second one is the same word again, signed again."""
        at = int(time.time())
        said_at = at - nth // 2
        if self.platform != "tiktok":
            signed = signed_request(secret, {"user_id": person, "issued_at": said_at})
            return f"signed_request={signed}".encode(), {"Content-Type": "application/x-www-form-urlencoded"}
        event = {"event": "authorization.removed", "user_openid": person, "create_time": said_at}
        body = json.dumps(event).encode()
        mac = hmac.new(secret.encode(), b"%d.%b" % (at, body), hashlib.sha256).hexdigest()
        return body, {"TikTok-Signature": f"t={at},s={mac}", "Content-Type": "application/json"}


WORDS = [
    Signed(platform="facebook", path="/meta/deauthorize", code="deauthorized"),
    Signed(platform="instagram", path="/meta/data-deletion", code="deletion_requested"),
    Signed(platform="tiktok", path="/tiktok/webhook", code="authorization_removed"),
]


@pytest.mark.parametrize("word", sampled(WORDS, len(WORDS)), ids=str)
async def test_a_signed_word_that_somebody_left_asks_once_however_often_it_comes(
    sqlite_database: Database, word: Signed, record_property: Callable[[str, object], None]
) -> None:
    simulator = SIMULATORS[word.platform]()
    async with open_house(sqlite_database, simulator, platform=word.platform) as house:
        [grant_id, other] = await house.connect(2)
        person = str((await house.grant(grant_id)).external_id)
        [secret] = {app.client_secret for app in house.simulator.apps.values()}
        answers, told = [], 0
        async with TestClient(TestServer(house.parts.web)) as client:
            for nth in range(REPEATS):
                body, headers = word.request(secret, person, nth)
                async with client.post(word.path, data=body, headers=headers) as answer:
                    answers.append(answer.status)
                told = told or len(await house.prompts())
                await house.work()

        cards, after, kept = await house.prompts(), await house.grant(grant_id), await house.grant(other)
        async with house.database.system(write=False) as session:
            incidents = list(await session.exec(select(Incident)))
    record_property("counted", f"{word}: signed {len(answers)} times, {len(cards)} card")
    assert answers == [200] * REPEATS
    assert told == 1
    assert (len(cards), after.status, after.reason) == (1, GrantStatus.NEEDS_RECONNECT, word.code)
    assert [(incident.grant_id, incident.code) for incident in incidents] == [(grant_id, word.code)]
    assert kept.status == GrantStatus.HEALTHY
