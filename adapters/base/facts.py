"""Facts about a platform, as data: how its login works, what we ask for and how much it takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Refresh(StrEnum):
    """How a new access token is obtained without a person."""

    NONE = "none"
    """It is not: the person must reconnect."""
    EXCHANGE = "exchange"
    """A live access token is exchanged for a new one; there is no refresh token."""
    STATIC = "static"
    """With a refresh token that keeps working."""
    SINGLE_USE = "single_use"
    """With a refresh token that works once; each refresh returns the next one."""


class ClientAuth(StrEnum):
    """How our app proves itself at the token endpoint."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"


class Pkce(StrEnum):
    """Whether and how the authorization request carries a code challenge."""

    OFF = "off"
    S256 = "S256"
    HEX = "hex"
    """S256 with the digest in lower-case hex: TikTok's desktop flow."""


class Capability(StrEnum):
    """Something an account can do for its organization."""

    PUBLISH = "publish"
    MEDIA = "media"
    INSIGHTS = "insights"
    PLACES = "places"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One permission we ask for, and why. The reason is shown to the person who consents."""

    name: str
    reason: str
    """A clause that completes "so that Octapost can ...", without a full stop."""
    unlocks: frozenset[Capability]
    """What stops working without it. Empty: it only makes discovery better."""
    product: str = ""
    """What the operator must be granted at the platform to ask for it (LinkedIn); empty: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One registration of ours at a platform, with the fixed set of scopes it asks for.

    LinkedIn needs two (a member app and a page app); everyone else has one, whose key is the
    platform's. The scope set is fixed per app because LinkedIn ends a member's older token
    when the same app asks for a different set.
    """

    key: str
    connects: str
    """What a person gets by consenting, as words: "Facebook Pages", "your LinkedIn profile"."""
    scopes: tuple[Scope, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How many calls a platform takes from one app of ours, in any span of this length."""

    calls: int
    per: timedelta = timedelta(minutes=1)


UNDOCUMENTED = Budget(calls=6000)
"""For platforms that name no limit per app: a hundred calls a second is twice what a million grants need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Everything about a platform that is a fact rather than a behaviour."""

    key: str
    name: str
    docs: str
    """The page these facts were read from."""
    connects: str
    """The kind of account a person needs there, for "I found none" messages."""
    authorize_url: str
    token_url: str
    revoke_url: str | None
    apps: tuple[App, ...]
    refresh: Refresh
    client_auth: ClientAuth
    access_lifetime: timedelta | None
    """Shown before the first answer only; real lifetimes come from `expires_in`. None: no expiry."""
    account_tokens: bool = False
    """Each account has a token of its own, which may work after the person's token has ended. The adapter is an
    `AccountTokens`."""
    data_access_window: timedelta | None = None
    """How long after a consent the platform shows us the person's data. Later the person must consent again,
    although the token works on. None: as long as the token works."""
    grant_family: str = ""
    """Platforms whose consents end together (Meta); empty means the platform stands alone."""
    scope_separator: str = " "
    client_id_param: str = "client_id"
    authorize_extra: Mapping[str, str] = field(default_factory=dict)
    pkce: Pkce = Pkce.OFF
    single_grant: bool = False
    """A new sign-in of the same person ends the tokens of the one before (X, LinkedIn)."""
    login_spans_grants: bool = False
    """Ending one grant may end others of the same login, and we cannot see which those are (Google)."""
    issuer: str | None = None
    """Set only where the platform declares RFC 9207 `iss`."""
    denied_codes: frozenset[str] = frozenset({"access_denied"})
    """`error` values on the callback that mean "the person said no"."""
    dead_grant_codes: frozenset[str] = frozenset({"invalid_grant"})
    """Token-endpoint codes that the platform documents as "this grant is over"."""
    dead_grant_words: Mapping[str, str] = field(default_factory=dict)
    """Ambiguous codes that say so only together with these words in `error_description` (X, LinkedIn)."""
    dead_token_codes: frozenset[str] = frozenset()
    """Codes with which the API says that an access token is over: all there is where nothing refreshes it."""
    missing_product_codes: frozenset[str] = frozenset()
    """`error` values on the callback that mean "the operator's app lacks a product" (LinkedIn)."""
    testing_lifetime: timedelta | None = None
    """How long a sign-in lives while the operator's app is in the platform's test mode (Google)."""
    nicknames: tuple[str, ...] = ()
    """What people type for it besides its key, in lower case."""
    options: tuple[str, ...] = ()
    """Names of operator settings `OCTAPOST_<PLATFORM>_<OPTION>`; `Client.options` has what was set."""
    user_agent: str = ""
    """Sent where the operator set no `user_agent`; empty: the HTTP library's own will do."""
    identity_scopes: frozenset[str] = frozenset()
    """Given no more than these, `discover` is one call that asks only whose token it is; empty: it is one anyway."""
    budget: Budget = UNDOCUMENTED
    """What all processes together keep below."""

    @property
    def family(self) -> str:
        """The key under which consents of one person end together."""
        return self.grant_family or self.key


def capabilities(app: App, granted: Iterable[str]) -> frozenset[Capability]:
    """Return what `granted` allows: a capability needs every scope of `app` that unlocks it."""
    have = frozenset(granted)
    offered = frozenset(c for scope in app.scopes for c in scope.unlocks)
    lost = frozenset(c for scope in app.scopes if scope.name not in have for c in scope.unlocks)
    return offered - lost


def missing_scopes(app: App, granted: Iterable[str]) -> tuple[Scope, ...]:
    """Return the scopes of `app` that were not granted, in the order they are declared."""
    have = frozenset(granted)
    return tuple(scope for scope in app.scopes if scope.name not in have)
