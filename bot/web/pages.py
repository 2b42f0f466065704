"""Renders our few HTML pages, with their headers. Only the pages for drafts have scripts, files of ours.

They load nothing from elsewhere but the picture of the account to sign in as, from its platform.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from bot.views import plain_pages

if TYPE_CHECKING:
    from bot.settings import Settings
    from bot.views.plain_pages import PlainPage

TEMPLATES = Path(__file__).parent / "templates"
STYLE = Markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode("ascii")
ICON = (TEMPLATES / "icon.svg").read_bytes()
HSTS = "max-age=31536000"


def _coded(text: str) -> Markup:
    """Return a sentence of ours as HTML: escaped, with `words in backticks` as code."""
    parts = re.split(r"`([^`]+)`", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if i % 2 else escape(part) for i, part in enumerate(parts)
    )


PAGES = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
PAGES.filters["coded"] = _coded
PAGES.globals["style"] = STYLE


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL, as a Content-Security-Policy writes them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def form_action_sources(url: str) -> tuple[str, ...]:
    """Return the sources that a form may lead to when it is redirected to `url`, a constant of ours.

    Chrome applies `form-action` to every redirect that follows a form, and login pages send people to other hosts
    of their domain (from www.facebook.com to m.facebook.com).
    """
    host = urlsplit(url).hostname or ""
    labels = host.split(".")
    if len(labels) < 2 or labels[-1].isdigit():
        return (origin_of(url),)
    return (origin_of(url), f"https://*.{'.'.join(labels[-2:])}")


def headers_of(
    settings: Settings,
    form_action: Iterable[str] = ("'none'",),
    picture: str = "",
    *,
    script: bool = False,
) -> dict[str, str]:
    """Return the headers of an answer.

    `form_action` are the sources that a form on the page may lead to, `picture` is the address of the one it shows;
    `script`: it has a script, a file of ours, which talks to us alone.
    """
    policy = {
        "default-src": "'none'",
        "style-src": f"'sha256-{STYLE_HASH}'",
        "img-src": f"'self' {origin_of(picture)}" if picture else "'self'",
        "form-action": " ".join(dict.fromkeys(form_action)),
        **({"script-src": "'self'", "connect-src": "'self'", "media-src": "'self'"} if script else {}),
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    found = {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if settings.secure:
        found["Strict-Transport-Security"] = HSTS
    return found


class Pages:
    """Renders the templates, with headers that keep other sites from embedding or changing the pages."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.headers: Mapping[str, str] = MappingProxyType(headers_of(settings))
        """The headers of every answer without a form. A page with a form also names where the form may lead."""

    def routes(self) -> list[web.RouteDef]:
        """Return the route of the icon."""
        return [web.get("/favicon.ico", self._icon)]

    def render(
        self,
        template: str,
        *,
        status: int = 200,
        form_to: Iterable[str] = (),
        picture: str = "",
        link: tuple[str, str] | None = None,
        script: bool = False,
        **facts: Any,
    ) -> web.Response:
        """Return a page.

        `form_to` are the sources, besides ours, that its form may lead to; `picture` is the address of the one
        picture it shows from elsewhere; `link` is (words, address); `script`: its template names a script.
        """
        html = PAGES.get_template(template).render(link=link, picture=picture, **facts)
        headers = self.headers
        if script or form_to:
            leads_to = ("'self'", *form_to) if form_to else ("'none'",)
            headers = headers_of(self._settings, leads_to, picture, script=script)
        return web.Response(
            text=html, status=status, content_type="text/html", charset="utf-8", headers=headers
        )

    def plain(self, page: PlainPage, link: tuple[str, str] | None = None) -> web.Response:
        """Return a page of a few sentences; `link` is (words, address)."""
        return self.render(
            "message.html",
            status=page.status,
            title=page.title,
            sentences=page.sentences,
            good=page.good,
            link=link,
        )

    def too_many(self, retry_after_s: int) -> web.Response:
        """Return the page for a client that sends too many requests."""
        page = self.plain(plain_pages.too_many(retry_after_s))
        page.headers["Retry-After"] = str(retry_after_s)
        return page

    def redirect(self, location: str, *, status: int = 303) -> web.Response:
        """Return a redirect to `location`, which must consist of constants and our own secrets."""
        return web.Response(status=status, headers={**self.headers, "Location": location})

    def back_to_slack(self, app_id: str | None, team_id: str | None) -> tuple[str, str]:
        """Return the link into Slack, to our app's messages if its id is known: words and address.

        Source: https://docs.slack.dev/interactivity/deep-linking, read 2026-11-30.
        """
        query = {"app": app_id, "team": team_id}
        known = urlencode({name: value for name, value in query.items() if value})
        path = f"/app_redirect?{known}" if app_id else "/"
        return (plain_pages.BACK_TO_SLACK, f"{self._settings.slack_web_url}{path}")

    async def _icon(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=ICON, content_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"}
        )
