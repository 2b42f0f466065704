"""What every page has in common: headers, limits, and where it may lead."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from aiohttp.test_utils import make_mocked_request
from sqlalchemy import text

from adapters.registry import REGISTRY
from bot.settings import Settings
from bot.views.plain_pages import PlainPage
from bot.web.browsers import Cookies
from bot.web.pages import Pages, form_action_sources
from sandbox.browser import PLAIN
from storage.models import new_secret
from storage.vault import KeyRing
from tests.application import Office, open_office
from tests.counts import sampled

HEADERS = {
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
PER_MINUTE = 60
LIMITED = {"OCTAPOST_WEB_REQUESTS_PER_MINUTE": str(PER_MINUTE)}
HOSTILE = (
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    "https:evil.example",
    "http://localhost@evil.example",
    "%0d%0aLocation:https://evil.example",
    "data:text/html,x",
)
PARAMETERS = ("next", "redirect_uri", "url", "state", "code", "error")


@pytest.fixture
async def proxied(tmp_path: Path) -> AsyncIterator[Office]:
    """Give an app behind one trusted proxy, so that tests can come from many addresses."""
    extra = {"OCTAPOST_TRUSTED_PROXIES": "1", **LIMITED}
    async with AsyncExitStack() as stack:
        yield await open_office(tmp_path, stack, extra, work=False)


def settings(**extra: str) -> Settings:
    return Settings.from_env(
        {
            "OCTAPOST_PUBLIC_URL": "https://bot.example.com",
            "OCTAPOST_VAULT_KEYS": KeyRing.generate(),
            "OCTAPOST_SLACK_CLIENT_ID": "1.2",
            "OCTAPOST_SLACK_CLIENT_SECRET": "secret",
            "OCTAPOST_SLACK_SIGNING_SECRET": "a-signing-secret-of-some-length",
        }
        | extra,
        REGISTRY,
    )


async def addresses(office: Office) -> list[str]:
    """Every address of ours that a browser can open, with something in its blanks."""
    live = (await office.ticket(await office.member())).removeprefix("/connect/")
    paths = {
        resource.canonical.format(
            ticket=ticket, token=ticket, slug="x", code="c" * 43, upload="upl_0", number="0"
        )
        for resource in office.parts.web.router.resources()
        for ticket in (live, "a" * 43)
    } - {"/slack/events"}
    return sorted(paths | {"/nothing", "/connect/", "/oauth/none/callback", "/slack"})


async def test_every_answer_carries_every_security_header(office: Office) -> None:
    for path in await addresses(office):
        for method in ("GET", "HEAD", "POST", "DELETE"):
            async with office.browser() as browser:
                answer = await browser.request(method, path)
            for name, value in HEADERS.items():
                if (path, name) != ("/favicon.ico", "cache-control") or answer.status_code != 200:
                    assert answer.headers[name] == value, (method, path, name)
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; "), path
            assert "frame-ancestors 'none'" in policy
            assert "script-src" not in policy
            assert "unsafe" not in policy


async def test_no_page_has_a_script_or_loads_anything(office: Office, browser: httpx.AsyncClient) -> None:
    for path in await addresses(office):
        page = await browser.get(path)
        if page.headers.get("content-type", "").startswith("text/html"):
            assert "<script" not in page.text
            assert not re.search(r"<[^>]*\son\w+\s*=", page.text)
            assert not re.search(r"\ssrc=|@import|url\(", page.text)
            assert '<html lang="en">' in page.text
            assert page.text.count("<h1>") == 1
            assert re.search(r"<title>[^<]+ · Octapost</title>", page.text)


async def test_the_style_is_the_one_the_policy_allows(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/")

    style = re.search(r"<style>(.*?)</style>", page.text, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.headers["content-security-policy"]


async def test_the_tickets_form_may_lead_to_slack_and_the_platform_and_nowhere_else(
    office: Office, browser: httpx.AsyncClient
) -> None:
    page = await browser.get(await office.ticket(await office.member()))

    policy = page.headers["content-security-policy"]
    assert f"form-action 'self' {office.slack.url} {office.x.url};" in policy
    assert "form-action 'none';" in (await browser.get("/")).headers["content-security-policy"]


@pytest.mark.parametrize(
    ("url", "hops"),
    [
        ("https://www.tiktok.com/v2/auth/authorize/", ("https://www.tiktok.com", "https://*.tiktok.com")),
        ("https://x.com/i/oauth2/authorize", ("https://x.com", "https://*.x.com")),
        ("http://localhost:3001/x", ("http://localhost:3001",)),
        ("http://127.0.0.1:3001/x", ("http://127.0.0.1:3001",)),
    ],
)
def test_a_forms_hops_stay_in_one_domain(url: str, hops: tuple[str, ...]) -> None:
    assert form_action_sources(url) == hops


async def test_no_parameter_decides_where_a_redirect_goes(proxied: Office) -> None:
    live = await proxied.ticket(await proxied.member())
    tried = redirected = 0
    every = sampled([(value, name) for value in HOSTILE for name in PARAMETERS], 7)
    for number, (value, name) in enumerate(every):
        headers = {"X-Forwarded-For": f"10.0.{number}.1", "Referer": value if value.isascii() else ""}
        async with proxied.browser(**headers) as browser:
            for path in (
                "/",
                "/slack/install",
                "/slack/oauth_redirect",
                "/slack/identity",
                "/oauth/x/callback",
                live,
            ):
                answer = await browser.get(f"{path}?{urlencode({name: value})}")
                tried += 1
                if "location" in answer.headers:
                    redirected += 1
                    assert path == "/slack/install"
                    assert answer.headers["location"].startswith(f"{proxied.slack.url}/oauth/v2/authorize?")
                    assert "evil" not in answer.headers["location"]
                assert "evil.example" not in answer.text
                assert not answer.is_redirect or answer.status_code in {302, 303}
            answer = await browser.post(
                f"{live}?{urlencode({name: value})}",
                headers={"Origin": "null", "Sec-Fetch-Site": "same-origin"},
            )
            assert urlsplit(answer.headers["location"]).netloc == urlsplit(proxied.slack.url).netloc
            assert "evil" not in answer.headers["location"]
    assert tried == len(every) * 6
    assert redirected == len(every)


async def test_too_many_requests_of_one_address_wait_and_others_do_not(proxied: Office) -> None:
    async with proxied.browser(**{"X-Forwarded-For": "6.6.6.6, 10.0.0.1"}) as eager:
        answers = [await eager.get("/") for _ in range(PER_MINUTE + 3)]
        alive = await eager.get("/livez")
    async with proxied.browser(**{"X-Forwarded-For": "10.0.0.1, 10.0.0.2"}) as other:
        allowed = await other.get("/")

    assert [a.status_code for a in answers] == [200] * PER_MINUTE + [429] * 3
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert "One moment, please" in answers[-1].text
    assert alive.status_code == 200
    assert allowed.status_code == 200


async def test_without_a_trusted_proxy_nobody_names_their_own_address(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        office = await open_office(tmp_path, stack, LIMITED, work=False)
        browser = await stack.enter_async_context(office.browser())

        statuses = [
            (await browser.get("/", headers={"X-Forwarded-For": f"10.0.0.{n}"})).status_code
            for n in range(PER_MINUTE + 1)
        ]

    assert statuses[-1] == 429


def test_on_https_the_cookie_is_pinned_to_the_host_and_transport_is_strict() -> None:
    cookies, pages = Cookies(secure=True), Pages(settings())
    browser = new_secret()

    answer = cookies.keep(pages.redirect("https://slack.com/"), browser)

    cookie = answer.cookies["__Host-octapost-attempt"]
    assert cookie.value == browser
    assert (cookie["secure"], cookie["httponly"], cookie["path"], cookie["domain"]) == (True, True, "/", "")
    assert cookie["samesite"] == "Lax"
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize("value", ["", "short", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 42 + "é"])
def test_a_cookie_that_is_not_ours_is_no_cookie(value: str) -> None:
    cookies = Cookies(secure=False)
    request = make_mocked_request("GET", "/", headers={"Cookie": f"{cookies.name}={value}"})

    assert cookies.read(request) is None


def test_sentences_show_commands_as_code_and_everything_else_as_text() -> None:
    page = Pages(settings()).plain(PlainPage(title="T", sentences=("Type `/octapost <b>` & <i>go</i>",)))

    assert "Type <code>/octapost &lt;b&gt;</code> &amp; &lt;i&gt;go&lt;/i&gt;" in (page.text or "")


async def test_a_failure_of_ours_is_a_page_with_a_number(office: Office, browser: httpx.AsyncClient) -> None:
    link = await office.ticket(await office.member())
    async with office.parts.database.system() as session:
        await session.exec(text("ALTER TABLE ticket RENAME TO elsewhere"))  # type: ignore[call-overload]

    page = await browser.get(link)

    assert page.status_code == 500
    assert re.search(r"the number [0-9a-f]{8}", page.text)
    assert "Traceback" not in page.text
    assert page.headers["x-content-type-options"] == "nosniff"


SUPPORT = "mailto:help@example.com"


@pytest.mark.parametrize("office", [{"OCTAPOST_SUPPORT_URL": SUPPORT}], indirect=True)
async def test_the_landing_page_leads_to_privacy_and_support(office: Office) -> None:
    async with httpx.AsyncClient(verify=PLAIN, base_url=office.parts.settings.public_url) as browser:
        landing = await browser.get("/")
        privacy = await browser.get("/privacy")

    assert (landing.status_code, privacy.status_code) == (200, 200)
    assert 'href="/privacy"' in landing.text
    assert f'href="{SUPPORT}"' in landing.text
    assert f'<a href="{SUPPORT}">help@example.com</a>' in privacy.text
    assert "alert cards 400 days" in privacy.text


async def test_without_a_support_address_the_privacy_page_names_who_to_ask(office: Office) -> None:
    async with httpx.AsyncClient(verify=PLAIN, base_url=office.parts.settings.public_url) as browser:
        privacy = await browser.get("/privacy")

    assert "Ask the person who added Octapost to your Slack workspace." in privacy.text
