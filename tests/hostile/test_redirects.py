"""Open redirects (SECURITY.md C9, RFC 9700 section 4.11): no parameter ever decides where a browser goes.

1,000 payloads in every parameter of every route; `Location` is one of our constants or absent, and no page
carries a link, a form or a header that a payload wrote. ASVS 1.2.2, 3.7.2, 3.7.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import product
from urllib.parse import quote, urlsplit

from tests.application import Office
from tests.counts import in_full, sampled, tries
from tests.hostile.wire import Answer, Wire, asked
from tests.pages import press, query_of

Count = Callable[[str, object], None]
EVIL = "evil.example"
FORM = {"Sec-Fetch-Site": "same-origin", "Origin": "null", "Content-Length": "0"}
KNOWN = ("code", "state", "error", "error_description", "iss")
USUAL = (
    "next",
    "url",
    "redirect",
    "redirect_uri",
    "redirectUrl",
    "return_to",
    "returnTo",
    "continue",
    "RelayState",
)
"""Names under which others have had open redirects."""
HEADERS = (
    "Host",
    "Referer",
    "Origin",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Original-URL",
    "Forwarded",
)
NAME = re.compile(r"\{\w+\}")
SOMETIMES = ("/slack/install",)
"""Asks the database with each visit: it gets every eighth payload or so."""
DEEP = tries(20, 4)
"""Payloads that also travel with a valid state and the right cookie, which are good only once."""


def payloads() -> Iterator[str]:
    """Yield addresses as attackers write them: schemes, slashes, credentials, line breaks, encodings."""
    starts: tuple[str, ...] = (
        "https://",
        "http://",
        "//",
        "///",
        "/\\",
        "\\\\",
        "https:/",
        "https:",
        "HtTpS://",
        "javascript:alert(1)//",
    )
    starts += (
        "data:text/html,<script>//",
        "%2F%2F",
        "https%3A%2F%2F",
        "/%09/",
        "/.//",
        "\thttps://",
        "ftp://",
        "blob:",
    )
    hosts: tuple[str, ...] = (
        EVIL,
        f"localhost@{EVIL}",
        f"{EVIL}#localhost",
        f"{EVIL}?localhost",
        f"localhost.{EVIL}",
        f"{EVIL}:443",
    )
    hosts += (f"x:y@{EVIL}", f"[::ffff:1.2.3.4]@{EVIL}", f"{EVIL}%00localhost", f"{EVIL}\u3002localhost")
    ends = (
        "",
        "/",
        "/?state=a",
        "\r\nLocation: https://evil.example/",
        '"><a href="https://evil.example">',
        "%0d%0aX-Evil: 1",
    )
    for start, host, end in product(starts, hosts, ends):
        yield f"{start}{host}{end}"


def faults(what: str, answer: Answer, constants: frozenset[str]) -> list[str]:
    """Return what a payload achieved."""
    found = []
    for location in answer.all("location"):
        parts = urlsplit(location)
        if f"{parts.scheme}://{parts.netloc}{parts.path}" not in constants:
            found.append(f"Location {location[:100]}")
    if any("evil" in name for name, _ in answer.headers) or answer.all("refresh"):
        found.append("a header was written")
    if re.search(r"<(?:script|meta[^>]+refresh|base)", answer.body, re.IGNORECASE):
        found.append("a tag was written")
    targets = re.findall(r"""(?:href|src|action)\s*=\s*["']?([^"'\s>]+)""", answer.body)
    if wrong := [target for target in targets if EVIL in target or ":" in target.split("/")[0] != "http:"]:
        found.append(f"a link was written: {wrong}")
    return [f"{what}: {fault}" for fault in found]


def constants(office: Office) -> frozenset[str]:
    """Return every address we may send a browser to: Slack's two pages and the platforms' consent pages."""
    found = {f"{office.slack.url}/openid/connect/authorize", f"{office.slack.url}/oauth/v2/authorize"}
    for configured in office.parts.settings.platforms().values():
        found |= {client.at(configured.platform.authorize_url) for client in configured.clients.values()}
    return frozenset(found)


async def test_no_payload_in_any_parameter_decides_where_a_browser_goes(
    office: Office, wire: Wire, record_property: Count
) -> None:
    allowed = constants(office)
    given = sampled(list(dict.fromkeys(payloads()))[:1000], 22)
    ticket = await office.ticket(await office.member())
    routes = sorted({resource.canonical for resource in office.parts.web.router.resources()})
    pages = [route for route in routes if "{" not in route and route not in SOMETIMES]
    pages += [ticket, "/oauth/x/callback"]
    inside = [NAME.sub(lambda _: "{}", route) for route in routes if "{" in route]
    found: list[str] = []
    count = 0

    for number, payload in enumerate(given):
        quoted = quote(payload, safe="")
        query = "&".join(f"{name}={quoted}" for name in KNOWN + USUAL)
        header = HEADERS[number % len(HEADERS)]
        raw = payload.replace("\r", "").replace("\n", "").replace("\t", "")
        requests: list[tuple[str, str, dict[str, str]]] = [("GET", f"{page}?{query}", {}) for page in pages]
        for route in [*inside, "/{}"]:
            target = route.format(*[quoted] * route.count("{}"))
            requests += [("GET", f"{target}?state=a&code=b", {}), ("POST", target, FORM)]
        some = [*pages, *SOMETIMES]
        requests += [("GET", f"{some[number % len(some)]}?{query}", {header: raw})]
        for method, target, headers in requests:
            answer = await wire.send(method, target, headers)
            found += faults(f"{method} {target[:60]}", answer, allowed)
            assert answer.status != 500, target
            count += 1

    assert found == []
    assert len(given) == tries(1000, 46)
    assert asked(office) == []
    record_property(
        "counted", f"{len(given):,} payloads, {count:,} requests, every parameter at once: 0 redirects"
    )


@in_full
async def test_nor_does_one_that_comes_with_a_valid_state(
    office: Office, wire: Wire, record_property: Count
) -> None:
    allowed = constants(office)
    every = list(payloads())
    locations: list[str] = []
    found: list[str] = []
    count = 0

    async with office.browser() as browser:
        for payload in every[:: len(every) // DEEP + 1]:
            quoted = quote(payload, safe="")
            for name in ("code", "error"):
                ticket = await office.ticket(await office.member())
                # A browser that is known already is not sent to Slack: forget who it is each time.
                browser.cookies.clear()
                started = await press(browser, f"{ticket}?next={quoted}", Referer=f"https://{EVIL}/")
                locations.append(started.headers["location"])
                state, cookie = query_of(locations[-1])["state"], browser.cookies["octapost-attempt"]
                answer = await wire.get(
                    f"/slack/identity?state={state}&{name}={quoted}&next={quoted}", cookie=cookie
                )
                found += faults(f"identity {name}={payload}", answer, allowed)
                count += 1
            for name in ("code", "error"):
                browser.cookies.clear()
                state = await office.attempt(browser)
                cookie = browser.cookies["octapost-attempt"]
                target = f"/oauth/x/callback?state={state}&{name}={quoted}&redirect_uri={quoted}"
                found += faults(f"callback {name}={payload}", await wire.get(target, cookie=cookie), allowed)
                count += 1

    assert found == []
    assert all(location.partition("?")[0] in allowed for location in locations)
    assert EVIL not in str(locations)
    record_property("counted", f"{count} payloads with a valid state: 0 redirects")
