"""Clickjacking, referrers, caches, sniffing (SECURITY.md C13): whatever the route, method or failure.

ASVS 3.4.1 to 3.4.7, 14.2.2, 14.3.2.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.application import Office, open_office
from tests.hostile.wire import Answer, Wire
from tests.pages import press

Count = Callable[[str, object], None]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
SAMPLES = {"slug": "x"}
"""What stands in an address for a name in the route; for every other one, something like a secret."""
EVENTS = "/slack/events"
EXACT = {
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
POLICY = {
    "default-src": "'none'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "img-src": "'self'",
}
CACHED = {"/favicon.ico": "max-age=86400"}
"""What may be kept: our icon, which is the same for everybody."""


REDIRECTS = {"/slack/install": 302}
"""Redirects to a GET after a GET, as Slack asks of this address; all others may follow a form."""
HTTPS = "https://bot.example.com"


@pytest.fixture(params=["http", "https"])
async def served(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Office]:
    """Give the product as it is served on this machine, and behind a proxy that ends TLS."""
    extra = {"OCTAPOST_PUBLIC_URL": HTTPS} if request.param == "https" else {}
    async with AsyncExitStack() as stack:
        yield await open_office(tmp_path, stack, extra)


def faults(path: str, answer: Answer, *, https: bool) -> list[str]:
    """Return what is missing from an answer or too much in it."""
    found = [f"{name} is {answer.all(name)}" for name, value in EXACT.items() if answer.all(name) != [value]]
    policies = [
        dict(part.split(" ", 1) for part in one.split("; ")) for one in answer.all("content-security-policy")
    ]
    if len(policies) != 1 or any(policies[0].get(name) != value for name, value in POLICY.items()):
        found.append(f"policy is {policies}")
    elif "unsafe" in str(policies) or "*" in policies[0]["style-src"] or "script-src" in policies[0]:
        found.append("the policy lets something run")
    kept = CACHED.get(path, "no-store") if answer.status == 200 else "no-store"
    if answer.all("cache-control") != [kept]:
        found.append(f"cache-control is {answer.all('cache-control')}")
    if answer.all("strict-transport-security") != (["max-age=31536000"] if https else []):
        found.append(f"strict-transport-security is {answer.all('strict-transport-security')}")
    if answer.all("access-control-allow-origin") or answer.all("refresh"):
        found.append("others may read it")
    if 300 <= answer.status < 400 and answer.status != REDIRECTS.get(path, 303):
        found.append(f"redirects with {answer.status}")
    return [f"{path} {answer.status}: {fault}" for fault in found]


def sample(route: str) -> str:
    """Return an address that a route answers."""
    return re.sub(r"\{(\w+)\}", lambda name: SAMPLES.get(name[1], "a" * 43), route)


def paths(office: Office) -> list[str]:
    """Return an address for every route, and some for none."""
    known = {sample(resource.canonical) for resource in office.parts.web.router.resources()}
    more = {
        "/nothing",
        "/connect/",
        "/connect/short",
        "/oauth/myspace/callback",
        "/oauth//callback",
        "/%00",
        "/.env",
    }
    return sorted(known | more)


async def test_every_route_answers_every_method_with_every_header(
    served: Office, record_property: Count
) -> None:
    https = served.parts.settings.secure
    wrong, count = [], 0

    async with Wire(served.playground.app.url) as wire:
        for path in paths(served):
            for method in METHODS:
                if (method, path) == ("POST", EVENTS):
                    continue
                answer = await wire.send(method, path)
                wrong += [f"{method} {fault}" for fault in faults(path, answer, https=https)]
                count += 1

    assert wrong == []
    assert count > 150
    record_property("counted", f"{count} answers ({'https' if https else 'http'}): every header on every one")


async def test_redirects_failures_and_refusals_carry_them_too(office: Office, wire: Wire) -> None:
    ticket = await office.ticket(await office.member())
    async with office.browser() as browser:
        started = await press(browser, ticket)
    state = started.headers["location"].partition("state=")[2].partition("&")[0]
    cookie = started.cookies["octapost-attempt"]
    form = {"Sec-Fetch-Site": "same-origin", "Content-Length": "0"}

    answers = {
        "a ticket's page": await wire.get(ticket),
        "to Slack's sign-in": await wire.send("POST", ticket, form),
        "a form from elsewhere": await wire.send("POST", ticket, {"Content-Length": "0"}),
        "/slack/install": await wire.get("/slack/install"),
        "a damaged query": await wire.get("/oauth/x/callback?state=a&state=b"),
        "a cancelled sign-in": await wire.get(
            f"/slack/identity?state={state}&error=access_denied", cookie=cookie
        ),
        "a long address": await wire.get("/connect/" + "a" * 6000),
    }
    async with office.database.system() as session:
        await session.exec(text("DROP TABLE ticket"))  # type: ignore[call-overload]
    answers["our own failure"] = await wire.get(ticket)

    statuses = {what: answer.status for what, answer in answers.items()}
    assert list(statuses.values()) == [200, 303, 403, 302, 400, 403, 410, 500]
    assert [fault for what, answer in answers.items() for fault in faults(what, answer, https=False)] == []
    assert "DROP" not in answers["our own failure"].body
    assert "ticket" not in answers["our own failure"].body


async def test_too_many_requests_carry_them_too(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        office = await open_office(tmp_path, stack, {"OCTAPOST_WEB_REQUESTS_PER_MINUTE": "1"})
        async with Wire(office.world.app_url) as wire:
            await wire.get("/")
            refused = await wire.get("/")

    assert refused.status == 429
    assert int(refused.all("retry-after")[0]) >= 1
    assert faults("/", refused, https=False) == []


async def test_over_https_the_cookie_is_one_no_other_host_can_plant(tmp_path: Path) -> None:
    planted = {"Cookie": "octapost-attempt=" + "a" * 43}
    async with AsyncExitStack() as stack:
        office = await open_office(tmp_path, stack, {"OCTAPOST_PUBLIC_URL": HTTPS})
        async with Wire(office.playground.app.url) as wire:
            answer = await wire.send("GET", "/slack/install", planted)

    [cookie] = answer.all("set-cookie")
    name, _, rest = cookie.partition("=")
    assert name == "__Host-octapost-attempt"
    assert "a" * 43 not in rest
    assert {part.strip() for part in rest.split(";")[1:]} == {
        "HttpOnly",
        "Max-Age=43200",
        "Path=/",
        "SameSite=Lax",
        "Secure",
    }
