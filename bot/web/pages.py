"""The few HTML pages: what happened, and what to do next. No script.

Nothing is loaded from elsewhere but the picture of the account to sign in as, from its platform.
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

if TYPE_CHECKING:
    from bot.settings import Settings

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
    """Return scheme, host and port of a URL, as a Content-Security-Policy names them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def form_action_sources(url: str) -> tuple[str, ...]:
    """Return the sources a form may end up at when it is redirected to `url`, a constant of ours.

    Chrome applies `form-action` to every redirect that follows a form, and login pages move people
    between hosts of their own domain (www.facebook.com to m.facebook.com).
    """
    host = urlsplit(url).hostname or ""
    labels = host.split(".")
    if len(labels) < 2 or labels[-1].isdigit():
        return (origin_of(url),)
    return (origin_of(url), f"https://*.{'.'.join(labels[-2:])}")


def headers_of(
    settings: Settings, form_action: Iterable[str] = ("'none'",), picture: str = ""
) -> dict[str, str]:
    """Return what every answer carries.

    `form_action` are the sources that a form on it may lead to, `picture` the address of the one it shows.
    """
    policy = {
        "default-src": "'none'",
        "style-src": f"'sha256-{STYLE_HASH}'",
        "img-src": f"'self' {origin_of(picture)}" if picture else "'self'",
        "form-action": " ".join(dict.fromkeys(form_action)),
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
    """Renders the templates, each with the headers that keep it ours."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.headers: Mapping[str, str] = MappingProxyType(headers_of(settings))
        """What every answer carries; a page that has a form names its targets besides."""

    def routes(self) -> list[web.RouteDef]:
        """Serve the icon."""
        return [web.get("/favicon.ico", self._icon)]

    def render(
        self,
        template: str,
        *,
        status: int = 200,
        form_to: Iterable[str] = (),
        picture: str = "",
        link: tuple[str, str] | None = None,
        **facts: Any,
    ) -> web.Response:
        """Return a page.

        `form_to` are the sources its form may lead to, ours included; `picture` is the address of the one picture
        it shows, from elsewhere; `link` is (words, address).
        """
        html = PAGES.get_template(template).render(link=link, picture=picture, **facts)
        headers = headers_of(self._settings, ("'self'", *form_to), picture) if form_to else self.headers
        return web.Response(
            text=html, status=status, content_type="text/html", charset="utf-8", headers=headers
        )

    def message_page(
        self,
        title: str,
        *sentences: str,
        status: int = 200,
        good: bool = False,
        link: tuple[str, str] | None = None,
    ) -> web.Response:
        """Return a page of a few sentences: what happened, then what to do. `link` is (words, address)."""
        return self.render(
            "message.html", status=status, title=title, sentences=sentences, good=good, link=link
        )

    def too_many(self, retry_after_s: int) -> web.Response:
        """Return the page for a client that asks too often."""
        page = self.message_page(
            "One moment, please",
            "Your network asked for more pages than we hand out in a minute.",
            f"Wait {retry_after_s} seconds, then load this page again.",
            status=429,
        )
        page.headers["Retry-After"] = str(retry_after_s)
        return page

    def redirect(self, location: str) -> web.Response:
        """Return a redirect to `location`, which the caller built from constants and our own secrets."""
        return web.Response(status=303, headers={**self.headers, "Location": location})

    def back_to_slack(self, app_id: str | None, team_id: str | None) -> tuple[str, str]:
        """Return the link into Slack, to our app where it is known: words and address.

        https://docs.slack.dev/interactivity/deep-linking: `app_redirect` opens the app's messages.
        """
        query = {"app": app_id, "team": team_id}
        known = urlencode({name: value for name, value in query.items() if value})
        path = f"/app_redirect?{known}" if app_id else "/"
        return ("Back to Slack", f"{self._settings.slack_web_url}{path}")

    async def _icon(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=ICON, content_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"}
        )
