"""Facts about a platform, as data: how its login works, what we ask for and how much it takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from adapters.base.blockers import Blocker
from adapters.base.webhooks import Webhook


class Refresh(StrEnum):
    """How a new access token is obtained without a person."""

    NONE = "none"
    """It is not: the person must reconnect."""
    EXCHANGE = "exchange"
    """A live access token is exchanged for a new one; there is no refresh token."""
    STATIC = "static"
    """With a refresh token that keeps working, until its own end if it has one."""
    SINGLE_USE = "single_use"
    """With a refresh token that works once; each refresh returns the next one, which lives its full time again."""

    @property
    def restarts(self) -> bool:
        """Tell whether each refresh moves the end of the sign-in, so that it lasts as long as refreshing works."""
        return self in {Refresh.EXCHANGE, Refresh.SINGLE_USE}


class ClientAuth(StrEnum):
    """How our app authenticates at the token endpoint (RFC 6749 section 2.3.1)."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"


class Pkce(StrEnum):
    """Whether and how the authorization request carries a code challenge."""

    OFF = "off"
    S256 = "S256"
    HEX = "hex"
    """S256 with the digest in lower-case hex: TikTok's desktop flow."""


class Capability(StrEnum):
    """Something an organization can do with an account."""

    PUBLISH = "publish"
    MEDIA = "media"
    INSIGHTS = "insights"
    PLACES = "places"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One permission we ask for, and why. The person who consents is shown the reason."""

    name: str
    reason: str
    """A clause that completes "so that Octapost can ...", without a full stop."""
    unlocks: frozenset[Capability]
    """What does not work without it. Empty: it only improves discovery."""
    product: str = ""
    """The product that the operator's app needs at the platform before it may ask for this. Empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One app that we register at a platform, with the scopes it asks for.

    A platform's first app has the platform's key. Each app always asks for the same scopes, because at some
    platforms (LinkedIn) a consent to other scopes ends the person's earlier tokens of that app.
    """

    key: str
    connects: str
    """What a person connects by consenting: "Facebook Pages", "your LinkedIn profile"."""
    scopes: tuple[Scope, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How many calls one app of ours may make at a platform within any span of length `per`."""

    calls: int
    per: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a value looks, to warn an operator who entered another one."""

    pattern: str
    """The whole value matches it."""
    words: str
    """Completes "should be ..."."""


UNDOCUMENTED = Budget(calls=6000)
"""For platforms that document no limit per app. A hundred calls a second is twice what a million grants need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Everything about a platform that is data rather than behaviour."""

    key: str
    name: str
    docs: str
    """The documentation that these facts were read from."""
    connects: str
    """The kind of account a person needs there, for the message that none was found."""
    authorize_url: str
    token_url: str
    revoke_url: str | None
    apps: tuple[App, ...]
    refresh: Refresh
    client_auth: ClientAuth
    access_lifetime: timedelta | None
    """How long an access token lives where an answer has no `expires_in`. None: it does not expire."""
    account_tokens: bool = False
    """Each account has a token of its own, which may work after the person's token has ended. The adapter is an
    `AccountTokens`."""
    data_access_window: timedelta | None = None
    """How long after a consent the platform shows us the person's data. Later the person must consent again,
    although the token works on. None: as long as the token works."""
    signs_in_at: str = ""
    """The name of the site where people sign in for it. Empty: the platform itself."""
    revokes_refresh_tokens: bool = False
    """Its revocation takes the refresh token, so it needs no access token that is still valid."""
    apps_page: str = ""
    """Where people remove an app from their account: an address without its scheme. Empty: only in its settings."""
    grant_family: str = ""
    """The name of a group of platforms where ending one consent ends the others. Empty: no group."""
    scope_separator: str = " "
    client_id_param: str = "client_id"
    client_id_shape: Shape | None = None
    """How the ids of its apps look. None: not documented, and shorter than their secrets."""
    authorize_extra: Mapping[str, str] = field(default_factory=dict)
    pkce: Pkce = Pkce.OFF
    single_grant: bool = False
    """A new sign-in of the same person to the same app ends their earlier tokens."""
    login_spans_grants: bool = False
    """Ending one grant may end others of the same login, and the platform does not say which (Google)."""
    issuer: str | None = None
    """The `iss` that the callback must carry (RFC 9207). None: the platform sends none."""
    denied_codes: frozenset[str] = frozenset({"access_denied"})
    """`error` values on the callback that mean that the person declined."""
    dead_grant_codes: frozenset[str] = frozenset({"invalid_grant"})
    """Codes of the token endpoint that are documented to mean that the grant has ended."""
    dead_grant_words: Mapping[str, str] = field(default_factory=dict)
    """Ambiguous codes, each with the words in `error_description` that make it mean that the grant has ended."""
    dead_token_codes: frozenset[str] = frozenset()
    """Codes with which the API says that an access token has ended. Used where a token cannot be refreshed."""
    refusal_parameters: tuple[str, ...] = ("error",)
    """The callback's parameters that may say why there is no code; the first one that is there does."""
    our_fault_codes: frozenset[str] = frozenset()
    """Refusals on the callback that mean that nobody can sign in with the operator's app, besides RFC 6749's."""
    missing_product_codes: frozenset[str] = frozenset()
    """`error` values on the callback that mean that the operator's app lacks a product."""
    testing_lifetime: timedelta | None = None
    """How long a grant lives while the operator's app is in the platform's test mode. None: there is no such limit."""
    place: str = "place"
    """What a place inside an account is called there, such as "subreddit"."""
    sign_in_first: Mapping[str, str] = field(default_factory=dict)
    """Code with which a grant ends -> the site where the person has to sign in before they can reconnect."""
    unlock_pages: Mapping[Blocker, str] = field(default_factory=dict)
    """Where the owner of an account that the platform has blocked gets it back: an address without its scheme."""
    nicknames: tuple[str, ...] = ()
    """What people type for it besides its key, in lower case."""
    options: tuple[str, ...] = ()
    """Names of operator settings `OCTAPOST_<PLATFORM>_<OPTION>`; `Client.options` has what was set."""
    option_shapes: Mapping[str, Shape] = field(default_factory=dict)
    """Option -> how its value looks, to warn about another one."""
    webhooks: tuple[Webhook, ...] = ()
    """Where the platform reports that a person has withdrawn their consent. Platforms of one app share theirs."""
    user_agent: str = ""
    """The User-Agent where the operator set none. Empty: the HTTP library's."""
    budget: Budget = UNDOCUMENTED
    """The limit that all processes together keep."""

    @property
    def sign_in_site(self) -> str:
        """The name of the site where people sign in for it."""
        return self.signs_in_at or self.name

    @property
    def family(self) -> str:
        """The group of platforms whose consents end together, or the platform itself."""
        return self.grant_family or self.key


def capabilities(app: App, granted: Iterable[str]) -> frozenset[Capability]:
    """Return what the scopes in `granted` allow. A capability needs every scope of `app` that unlocks it."""
    have = frozenset(granted)
    offered = frozenset(c for scope in app.scopes for c in scope.unlocks)
    lost = frozenset(c for scope in app.scopes if scope.name not in have for c in scope.unlocks)
    return offered - lost


def missing_scopes(app: App, granted: Iterable[str]) -> tuple[Scope, ...]:
    """Return the scopes of `app` that were not granted, in the order they are declared."""
    have = frozenset(granted)
    return tuple(scope for scope in app.scopes if scope.name not in have)
