"""A browser without a window: it follows redirects, keeps cookies, fills in forms and sends them.

For the tour, and for tests of what the pages do. How pages look is tested in a real browser.
"""

from __future__ import annotations

import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx

MOST_REDIRECTS = 10
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts no certificate: on localhost everything is plain HTTP, and loading the authorities takes 20 ms per client."""


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


class Browser:
    """One person's browser. Close it, or use it as a context.

    Every page it shows is added to `history`.
    """

    def __init__(self, history: list[Page] | None = None) -> None:
        self._http = httpx.AsyncClient(verify=PLAIN, follow_redirects=False, timeout=30.0, trust_env=False)
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
        await self._http.aclose()

    @property
    def cookies(self) -> httpx.Cookies:
        """The cookies kept so far."""
        return self._http.cookies

    async def open(self, url: str) -> Page:
        """Go to an address and follow where it leads."""
        return await self._follow(await self._http.get(url), (url,))

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
        return await self._follow(
            await self._http.post(target, data=data, headers=headers), (page.url, target)
        )

    async def _follow(self, response: httpx.Response, trail: tuple[str, ...]) -> Page:
        for _ in range(MOST_REDIRECTS):
            if not response.has_redirect_location:
                break
            target = urljoin(str(response.url), response.headers["location"])
            trail += (target,)
            response = await self._http.get(target)
        reader = _Reader()
        reader.feed(response.text)
        page = Page(
            url=str(response.url),
            status=response.status_code,
            html=response.text,
            title=reader.title.strip(),
            text="\n".join(reader.words),
            forms=tuple(reader.forms),
            headers={k.lower(): v for k, v in response.headers.items()},
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
        if page.status != httpx.codes.OK or not any(f.method == "post" for f in page.forms):
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
