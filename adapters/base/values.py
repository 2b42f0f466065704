"""What goes into an adapter and what comes out of it: credentials, tokens, accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit, urlunsplit

from adapters.base.facts import App, Capability


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Our credentials for one `App`, as configured by the operator. Built once, in `bot.app`."""

    app: App
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    scopes: tuple[str, ...]
    """The names asked for: the app's own, or the operator's override."""
    origin: str | None = None
    """Send every request and consent link of this platform to this origin, paths unchanged."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Operator settings of this platform: API version, PKCE mode, User-Agent."""

    def at(self, url: str) -> str:
        """Return `url`, on the operator's origin if one is configured."""
        if self.origin is None:
            return url
        ours, theirs = urlsplit(self.origin), urlsplit(url)
        return urlunsplit((ours.scheme, ours.netloc, theirs.path, theirs.query, ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a token endpoint gave us. Neither token ever shows in a repr."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    """None in a refresh means: keep the one you have."""
    expires_in: timedelta | None = None
    """None: the platform named no lifetime, the token does not expire by the clock."""
    refresh_expires_in: timedelta | None = None
    scopes: frozenset[str] | None = None
    """What was granted. None: the platform does not say so here; ask `discover`."""
    subject: str | None = None
    """The external user's id where the token answer names it (TikTok's open_id)."""
    data_access_expires_in: timedelta | None = None
    """When the platform stops showing us the person's data although the token lives on (Meta)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose consent this is, by the platform's stable id."""

    id: str
    name: str


class Blocker(StrEnum):
    """Why an account we can see cannot be used. `bot` holds the words and the fix."""

    NO_CREATE_CONTENT = "no_create_content"
    """Facebook: the person's role on the Page may not create content."""
    NO_PAGE_TOKEN = "no_page_token"  # noqa: S105 - a reason, not a secret
    """Facebook: the person may see the Page but was not given a token to act as it."""
    NOT_TICKED = "not_ticked"
    """Facebook: known to the business, but not ticked in the consent dialog."""
    NO_INSTAGRAM = "no_instagram"
    """Instagram: the Page has no Instagram account linked."""
    INSTAGRAM_PERSONAL = "instagram_personal"
    """Instagram: the linked account is personal, not professional."""
    NOT_PAGE_ADMIN = "not_page_admin"
    """LinkedIn: the member's role on the company page may not post."""
    SUSPENDED = "suspended"
    """The platform suspended or restricted the account."""


class Hint(StrEnum):
    """Why discovery found less than the person may expect. `bot` holds the words and the fix."""

    NO_PAGES_TICKED = "no_pages_ticked"
    NO_PROFESSIONAL_ACCOUNT = "no_professional_account"
    BUSINESS_MANAGEMENT_MISSING = "business_management_missing"
    NO_CHANNEL = "no_channel"
    NO_COMPANY_PAGE = "no_company_page"
    PAGES_NEED_PAGE_APP = "pages_need_page_app"
    """LinkedIn: this app may post as the person only; company pages need the second app."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteAccount:
    """One page, profile or channel that a grant lets us see."""

    id: str
    """The platform's stable id, never the handle."""
    kind: str
    """What the platform calls it, in one or two words: "Page", "Company page", "Channel"."""
    name: str
    handle: str = ""
    """As people write it there: "@octademo", "u/octa_demo"; empty where there is none."""
    url: str = ""
    avatar_url: str = ""
    detail: str = ""
    """One short line that helps to choose: "678 subscribers, videos up to 15 minutes"."""
    blocker: Blocker | None = None
    """None: usable."""
    token: str | None = field(default=None, repr=False)
    """The account's own token where the platform gives one (Facebook Pages), else None."""
    missing: frozenset[Capability] = frozenset()
    """What this account cannot do although the scopes allow it (a Page role without ANALYZE)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """Everything a fresh grant can see."""

    identity: Identity
    scopes: frozenset[str]
    """The scopes in force, from the platform's own mouth where it tells."""
    accounts: tuple[RemoteAccount, ...]
    hints: frozenset[Hint] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A sub-destination of an account: a subreddit."""

    id: str
    name: str
    """As people write it there: "r/octamugs"."""
    detail: str = ""
    """One short line that helps to choose: "21 members, links only"."""
