"""What an adapter takes and returns: credentials, tokens, accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

from adapters.base.blockers import Blocker, Hint
from adapters.base.facts import App, Capability


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The operator's credentials and options for one `App`."""

    app: App
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    scopes: tuple[str, ...]
    """The scopes to ask for: the app's, or the operator's choice."""
    origin: str | None = None
    """Where to send this platform's requests and consent links instead, with unchanged paths. None: to the platform."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What the operator set of `Platform.options`."""

    def at(self, url: str) -> str:
        """Return `url` at the configured origin, or unchanged if there is none."""
        if self.origin is None:
            return url
        ours, theirs = urlsplit(self.origin), urlsplit(url)
        return urlunsplit((ours.scheme, ours.netloc, theirs.path, theirs.query, ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a token endpoint returned. A repr shows neither token."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    """None: the answer has none; after a refresh the previous one stays valid."""
    expires_in: timedelta | None = None
    """None: the answer names no lifetime."""
    refresh_expires_in: timedelta | None = None
    scopes: frozenset[str] | None = None
    """The granted scopes. None: the answer does not say."""
    subject: str | None = None
    """The person's id at the platform, where the answer names it (TikTok's open_id)."""
    data_access_expires_in: timedelta | None = None
    """How much of `Platform.data_access_window` is left. None: the answer does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The person who consented, by the platform's stable id."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteAccount:
    """One page, profile or channel that a grant shows."""

    id: str
    """The platform's stable id, never the handle."""
    kind: str
    """What the platform calls it, in one or two words: "Page", "Company page", "Channel"."""
    name: str
    handle: str = ""
    """As it is written on the platform: "@octademo", "u/octa_demo". Empty: there is none."""
    url: str = ""
    avatar_url: str = ""
    detail: str = ""
    """A short line that helps people choose: "678 subscribers, videos up to 15 minutes"."""
    blocker: Blocker | None = None
    """None: the account can be used."""
    token: str | None = field(default=None, repr=False)
    """The account's own token, where `Platform.account_tokens`; else None."""
    unnamed: bool = False
    """The platform did not show its name and link this time: `name` only stands for them."""
    missing: frozenset[Capability] = frozenset()
    """What this account cannot do although the scopes allow it, because of the person's role for instance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """Everything that a grant shows."""

    identity: Identity
    scopes: frozenset[str]
    """The granted scopes: as the platform reports them, else as they were asked for."""
    accounts: tuple[RemoteAccount, ...]
    hints: frozenset[Hint] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A sub-destination of an account: a subreddit."""

    id: str
    name: str
    """As it is written on the platform: "r/octamugs"."""
    detail: str = ""
    """A short line that helps people choose: "21 members, links only"."""
