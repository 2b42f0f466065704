"""A browser without a window: it follows redirects, keeps cookies, fills in forms and sends them.

For the tour, and for tests of what the pages do. How pages look is tested in a real browser.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts no certificate: on localhost everything is plain HTTP, and loading the authorities takes httpx 20 ms."""
MOST_REDIRECTS = 10
REDIRECTS = frozenset({301, 302, 303, 307, 308})
TIMEOUT = aiohttp.ClientTimeout(total=30)
IDLE_S = 5.0
"""How long an idle connection is used again: shorter than our server keeps it."""


@dataclass(slots=True)
class Form:
    """A form on a page: where it is sent, and its fields with their values."""

    action: str = ""
    method: str = "get"
    fields: list[tuple[str, str, str, bool]] = field(default_factory=list)
    """Name, value, type, and whether it would be sent."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.words: list[str] = []
        self._silent = 0
        self.title = ""
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {k: v or "" for k, v in attrs}
        if tag in {"style", "script"}:
            self._silent += 1
        self._in_title = tag == "title"
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get").lower()))
        elif tag in {"input", "button"} and self.forms and given.get("name"):
            kind = given.get("type", "text" if tag == "input" else "submit")
            sent = kind in {"hidden", "text"} or (kind in {"checkbox", "radio"} and "checked" in given)
            value = given.get("value", "on" if kind == "checkbox" else "")
            self.forms[-1].fields.append((given["name"], value, kind, sent))

    def handle_endtag(self, tag: str) -> None:
        if tag in {"style", "script"}:
            self._silent -= 1
        if tag == "title":
            self._in_title = False

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        elif not self._silent and data.strip():
            self.words.append(" ".join(data.split()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page that the browser shows."""

    url: str
    status: int
    html: str
    title: str
    text: str
    """The text that a person reads, in order."""
    forms: tuple[Form, ...]
    headers: Mapping[str, str]
    trail: tuple[str, ...] = ()
    """Every address that led here."""

    @property
    def origin(self) -> str:
        """The scheme and host of the address."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    url: str
    status: int
    headers: Mapping[str, str]
    text: str


class Browser:
    """One person's browser. Close it, or use it as a context.

    Every page it shows is added to `history`.
    """

    def __init__(self, history: list[Page] | None = None) -> None:
        self.history: list[Page] = [] if history is None else history

    async def __aenter__(self) -> Self:
        """Return the browser."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self.close()

    async def close(self) -> None:
        """Close every connection and forget the cookies."""
        if "_http" in vars(self):
            await self._http.close()

    @cached_property
    def _http(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(family=socket.AF_INET, keepalive_timeout=IDLE_S)
        return aiohttp.ClientSession(connector=connector, timeout=TIMEOUT)

    def only_cookie(self, name: str, value: str) -> None:
        """Forget all cookies and keep this one, which is sent to every server on localhost."""
        self._http.cookie_jar.clear()
        self._http.cookie_jar.update_cookies({name: value}, URL("http://localhost"))

    async def open(self, url: str) -> Page:
        """Go to an address and follow where it leads."""
        return await self._follow(await self._ask("GET", url), (url,))

    async def submit(
        self,
        page: Page,
        *,
        choose: Mapping[str, str | Collection[str]] | None = None,
        press: tuple[str, str] | None = None,
    ) -> Page:
        """Send the page's form by pressing one button; `choose` replaces the values of the fields that it names."""
        form = next(f for f in page.forms if f.method == "post")
        chosen = dict(choose or {})
        data: dict[str, list[str]] = {}
        for name, value, _kind, sent in form.fields:
            if sent and name not in chosen:
                data.setdefault(name, []).append(value)
        for name, wanted in chosen.items():
            data[name] = [wanted] if isinstance(wanted, str) else list(wanted)
        if press is not None:
            data[press[0]] = [press[1]]
        target = urljoin(page.url, form.action) if form.action else page.url
        headers = {"Origin": page.origin, "Sec-Fetch-Site": "same-origin"}
        given = [(name, value) for name, values in data.items() for value in values]
        return await self._follow(await self._ask("POST", target, given, headers), (page.url, target))

    async def _ask(
        self,
        method: str,
        url: str,
        data: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> _Answer:
        async with self._http.request(
            method, URL(url, encoded=True), data=data or None, headers=headers, allow_redirects=False
        ) as answer:
            return _Answer(
                url=url,
                status=answer.status,
                headers={name.lower(): ", ".join(answer.headers.getall(name)) for name in answer.headers},
                text=await answer.text(errors="replace"),
            )

    async def _follow(self, answer: _Answer, trail: tuple[str, ...]) -> Page:
        for _ in range(MOST_REDIRECTS):
            if answer.status not in REDIRECTS or "location" not in answer.headers:
                break
            target = urljoin(answer.url, answer.headers["location"])
            trail += (target,)
            answer = await self._ask("GET", target)
        reader = _Reader()
        reader.feed(answer.text)
        page = Page(
            url=answer.url,
            status=answer.status,
            html=answer.text,
            title=reader.title.strip(),
            text="\n".join(reader.words),
            forms=tuple(reader.forms),
            headers=answer.headers,
            trail=trail,
        )
        self.history.append(page)
        return page


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """How a person behaves at a platform's consent page."""

    person: str = ""
    """Which of the platform's people; the first one if empty."""
    untick: Collection[str] = ()
    assets: Collection[str] | None = None
    """The Pages or the channel to tick; None leaves the page as it is."""
    approve: bool = True


async def travel(
    browser: Browser,
    link: str,
    *,
    slack_url: str,
    app_url: str,
    slack_person: str,
    consent: Consent | None = None,
) -> Page:
    """Follow a connect link through Slack's sign-in and the platform's consent, and return the last page.

    `slack_person` is `user.team`, as on Slack's page. If something stops the sign-in, that page is returned.
    """
    wish = consent or Consent()
    page = await browser.open(link)
    for _ in range(4):
        if page.status != HTTPStatus.OK or not any(f.method == "post" for f in page.forms):
            return page
        if page.origin == app_url:
            page = await browser.submit(page)
        elif page.origin == slack_url:
            page = await browser.submit(page, choose={"person": slack_person}, press=("decision", "approve"))
        else:
            page = await _consent(browser, page, wish)
    return page


async def _consent(browser: Browser, page: Page, wish: Consent) -> Page:
    if wish.person:
        page = await browser.open(f"{page.url}&person={wish.person}")
    form = next(f for f in page.forms if f.method == "post")
    scopes = [value for name, value, _, _ in form.fields if name == "scope" and value not in wish.untick]
    chosen: dict[str, str | Collection[str]] = {"scope": scopes}
    if wish.assets is not None:
        chosen["asset"] = wish.assets
    return await browser.submit(
        page, choose=chosen, press=("decision", "approve" if wish.approve else "cancel")
    )
