"""Consent phishing (SECURITY.md C2): a connect link in anybody else's browser leads to no consent screen.

Nine kinds of browser on seven platforms. The last wall is the ID token, so whoever opens the link may do
anything a browser can: sign in as somebody, edit the address, or bring a token from another time.
ASVS 8.3.1, 10.5.1, 10.5.2, 10.5.4.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from itertools import product
from urllib.parse import urlsplit

import httpx

from sandbox.browser import PLAIN
from sandbox.core import Fault
from sandbox.slack.world import ACME, ADA, BEA, BLUE, GUS, OTTO
from storage.models import Browser, ConnectionAttempt, Ticket
from tests.application import Office
from tests.counts import in_full, sampled, tries
from tests.hostile.wire import asked
from tests.pages import press, query_of
from tests.platforms import PLATFORMS

Count = Callable[[str, object], None]
TEAM, USER = "https://slack.com/team_id", "https://slack.com/user_id"
EVERY = list(PLATFORMS)


class Victimless:
    """One link of Ada's, in one browser that is not hers; what it saw is in `trail`."""

    def __init__(self, office: Office, http: httpx.AsyncClient, link: str) -> None:
        self.office, self.http, self.link = office, http, link
        self.trail: list[httpx.Response] = []

    async def press(self) -> str:
        """Press Continue and return Slack's sign-in address; empty where none was given."""
        answer = await press(self.http, self.link)
        self.trail.append(answer)
        return str(answer.headers.get("location", ""))

    async def come_back(self, location: str, user: str, team: str) -> None:
        """Sign in at Slack as somebody and follow Slack's redirect."""
        self.trail.append(await self.http.get(self.office.slack.consent(location, user, team)))

    async def told(self, **claims: object) -> None:
        """Sign in as Ada, with an ID token that says something else in places."""
        location = await self.press()
        self.office.slack.settings["id_token_claims"] = claims
        await self.come_back(location, ADA, ACME)
        self.office.slack.settings["id_token_claims"] = {}


async def signed_out(one: Victimless) -> None:
    """Nobody signs in: back with Slack's error, then with nothing, then with a made-up code."""
    back = query_of(await one.press())
    for query in (f"state={back['state']}&error=access_denied", f"state={back['state']}", "code=c"):
        one.trail.append(await one.http.get(f"/slack/identity?{query}"))
    back = query_of(await one.press())
    one.trail.append(await one.http.get(f"/slack/identity?state={back['state']}&code=made-up"))


async def other_user(one: Victimless) -> None:
    await one.come_back(await one.press(), OTTO, ACME)


async def other_workspace(one: Victimless) -> None:
    """Bea takes the workspace out of the address and signs in to her own."""
    await one.come_back((await one.press()).replace(f"&team={ACME}", ""), BEA, BLUE)


async def same_id_elsewhere(one: Victimless) -> None:
    await one.told(**{TEAM: BLUE})


async def guest(one: Victimless) -> None:
    await one.come_back(await one.press(), GUS, ACME)


async def stale_nonce(one: Victimless) -> None:
    """An ID token made for an earlier trip of the same browser."""
    earlier = query_of(await one.press())["nonce"]
    await one.told(nonce=earlier)


async def replayed_token(one: Victimless) -> None:
    """Ada's own token from another trip, and a code of hers that was used before."""
    slack = one.office.slack
    async with httpx.AsyncClient(verify=PLAIN, trust_env=False) as http:
        theirs = await press(one.http, one.link)
        back = query_of(slack.consent(theirs.headers["location"], ADA, ACME))
        form = {
            "code": back["code"],
            "client_id": one.office.world.slack_client_id,
            "client_secret": one.office.world.slack_client_secret,
            "redirect_uri": f"{one.office.url}/slack/identity",
        }
        answer = (await http.post(f"{slack.url}/api/openid.connect.token", data=form)).json()
    assert answer["ok"], answer
    slack.faults.append(Fault(path="openid.connect.token", status=200, body=json.dumps(answer), times=1))
    await one.come_back(await one.press(), ADA, ACME)
    used = query_of(await one.press())["state"]
    one.trail.append(await one.http.get(f"/slack/identity?state={used}&code={back['code']}"))


async def wrong_audience(one: Victimless) -> None:
    for audience in ("1.2", ["1.2", one.office.world.slack_client_id], None):
        await one.told(aud=audience)


async def deactivated(one: Victimless) -> None:
    """Ada's own browser, known to us for hours, after Ada has left Slack."""
    await one.press()


BROWSERS: tuple[Callable[[Victimless], Awaitable[None]], ...] = (
    signed_out,
    other_user,
    other_workspace,
    same_id_elsewhere,
    guest,
    stale_nonce,
    replayed_token,
    wrong_audience,
)


def consents(office: Office, trail: list[httpx.Response]) -> list[str]:
    """Return every address in what a browser got, header or page, that a platform's consent page has."""
    origins = {simulator.url for simulator in office.world.simulators[1:]}
    seen = [answer.headers.get("location", "") for answer in trail] + [answer.text for answer in trail]
    paths = {urlsplit(facts.authorize_url).path for facts in PLATFORMS.values()}
    return [text[:80] for text in seen if any(o in text for o in origins) and any(p in text for p in paths)]


async def test_a_forwarded_link_never_shows_a_consent_url(office: Office, record_property: Count) -> None:
    await office.installed(ADA)
    tried, reached, polite = [], [], []

    for platform, kind in sampled(list(product(EVERY, BROWSERS)), 11):
        async with office.browser() as http:
            one = Victimless(office, http, await office.ticket(await office.member(), platform))
            await kind(one)
        tried.append((platform, kind.__name__))
        reached += [(platform, kind.__name__, url) for url in consents(office, one.trail)]
        polite += [answer.status_code for answer in one.trail]
    known = []
    for platform in EVERY:
        http = office.browser()
        await office.sign_in(http, await office.ticket(await office.member()))
        known.append(Victimless(office, http, await office.ticket(await office.member(), platform)))
    begun = await office.count(ConnectionAttempt)
    await office.slack.deactivate(ADA)
    for platform, one in zip(EVERY, known, strict=True):
        await deactivated(one)
        await one.http.aclose()
        tried.append((platform, "deactivated"))
        reached += [(platform, "deactivated", url) for url in consents(office, one.trail)]
        polite += [answer.status_code for answer in one.trail]

    assert reached == []
    assert len(set(tried)) == tries(63, 13)
    assert begun == len(EVERY)
    assert await office.count(ConnectionAttempt) == begun
    assert asked(office) == []
    assert set(polite) <= {303, 400, 403}
    record_property(
        "counted", f"{len(tried)} browsers with somebody else's link: {len(reached)} saw a consent URL"
    )


@in_full
async def test_the_one_it_was_made_for_sees_all_seven(office: Office) -> None:
    answers = []

    for platform in EVERY:
        async with office.browser() as http:
            link = await office.ticket(await office.member(), platform)
            answers.append(await office.sign_in(http, link))

    assert len(consents(office, answers)) == len(EVERY)
    assert await office.count(ConnectionAttempt) == len(EVERY)
    assert [ticket.used_at is not None for ticket in await office.rows(Ticket)] == [True] * len(EVERY)


async def test_a_refused_browser_learns_nothing_and_is_taken_for_nobody(office: Office) -> None:

    async with office.browser() as http:
        answer = await office.sign_in(
            http, await office.ticket(await office.member(name="Project Nightingale")), OTTO
        )

    assert answer.status_code == 403
    assert "belongs to someone else in Slack" in answer.text
    assert "Nightingale" not in answer.text
    assert "/octapost connect" in answer.text
    assert await office.count(Browser) == 0
