"""The words every adapter speaks. The only modules of ours a platform file imports are this and `oauth`.

Facts about a platform are data (`Platform`, `App`, `Scope`); behaviour is a small class that
implements `Adapter`. What leaves an adapter is a dataclass of this module or one of the six
`PlatformError`s; nobody outside ever sees a platform's JSON.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import httpx

LONGEST_CALL_S = 20.0
"""Below every lease: a call is over before anyone else may make it."""
WITHIN = "octapost.within_s"
"""The extension of an httpx request that says how many seconds all of it may take."""


class Rotation(StrEnum):
    """What a refresh does to the refresh token."""

    NONE = "none"
    """There is no refresh: the member must reconnect."""
    EXCHANGE = "exchange"
    """No refresh token; a live access token is traded for a later one (Meta)."""
    STATIC = "static"
    """The same refresh token keeps working."""
    SINGLE_USE = "single_use"
    """Each refresh burns the refresh token it was made with."""


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
    rotation: Rotation
    client_auth: ClientAuth
    access_lifetime: timedelta | None
    """Shown before the first answer only; real lifetimes come from `expires_in`. None: no expiry."""
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


class PlatformError(Exception):
    """A platform call that did not do what we asked.

    `code` is short, ours or documented, and safe to log. `whole_app`: `retry_after` is meant for every
    call of our app, not for this one.
    """

    def __init__(self, code: str, *, retry_after: timedelta | None = None, whole_app: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after
        self.whole_app = whole_app


class Busy(PlatformError):
    """Nothing happened: a limit, an outage, no connection. Trying later is safe."""


class OutcomeUnknown(PlatformError):
    """A write or a single-use exchange was sent and its answer was lost. It may have happened."""


class Rejected(PlatformError):
    """The platform read what we sent and refused it. The person must change something."""


class TokenRefused(PlatformError):
    """This access token was not accepted. Refresh, retry once; a refresh decides the rest."""


class GrantDead(PlatformError):
    """The platform said, in words it documents, that this grant is over."""


class Misconfigured(PlatformError):
    """Our app is at fault, not the member's account. Page the operator, not them."""


class Adapter(Protocol):
    """One platform's behaviour. Tokens arrive as arguments and are never kept."""

    @property
    def platform(self) -> Platform:
        """The facts."""
        ...

    async def exchange(self, client: Client, *, code: str, verifier: str | None) -> Tokens:
        """Trade an authorization code for tokens, once.

        Raises Rejected for a code the platform does not accept (used, late, another's),
        Misconfigured for our own fault, Busy or OutcomeUnknown for the rest.
        """
        ...

    async def refresh(self, client: Client, tokens: Tokens) -> Tokens:
        """Return newer tokens for the same grant.

        Raises GrantDead only for a code in `platform.dead_grant_codes` (or `dead_grant_words`),
        OutcomeUnknown when the request left and the answer was lost, Misconfigured where the
        platform has no refresh for this grant.
        """
        ...

    async def revoke(self, client: Client, tokens: Tokens) -> None:
        """End the grant at the platform. Returns too when it was already over."""
        ...

    async def discover(self, client: Client, tokens: Tokens) -> Discovery:
        """Return whose grant this is and every account it can see, usable ones first, by name."""
        ...

    async def places(self, client: Client, tokens: Tokens, account_id: str) -> tuple[Place, ...]:
        """Return every place of the account where it may post, by name; empty where there are none."""
        ...


@runtime_checkable
class AccountTokens(Adapter, Protocol):
    """An adapter whose accounts have tokens of their own: Facebook Pages, and Instagram through them."""

    async def ended(self, client: Client, token: str) -> str:
        """Return the code, of `platform.dead_grant_codes`, with which an account's token ended.

        Empty while the platform takes it. Whatever else is answered raises a verdict: it is not a no.
        """
        ...


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


def body_of(response: httpx.Response) -> Mapping[str, Any]:
    """Return a JSON object, or an empty one: an error page is evidence of nothing."""
    try:
        parsed = response.json()
    except (ValueError, RecursionError):
        return {}
    return object_of(parsed)


def text_of(raw: object) -> str:
    """Return `raw` if it is a string, else an empty one: platforms leave fields out and send null.

    Without the NUL and lone surrogates that JSON can carry and no database keeps.
    """
    if not isinstance(raw, str):
        return ""
    return raw.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")


def object_of(raw: object) -> Mapping[str, Any]:
    """Return `raw` if it is a JSON object, else an empty one."""
    return raw if isinstance(raw, dict) else {}


def objects_of(raw: object) -> list[Mapping[str, Any]]:
    """Return the JSON objects in `raw` if it is a list, else none."""
    return [item for item in raw if isinstance(item, dict)] if isinstance(raw, list) else []


async def send(
    http: httpx.AsyncClient, request: httpx.Request, *, unsure: bool = False, within_s: float = LONGEST_CALL_S
) -> httpx.Response:
    """Send one request and return its answer, whatever the status; all of it within `within_s` seconds.

    An answer that comes in drops is as lost as one that never comes: a lease would end before it does.
    One that cannot be decoded or is too long is lost too, and a redirect is never followed. Raises Busy
    when the request cannot have had an effect, and OutcomeUnknown instead when `unsure` (a write, a
    single-use token) and it may have left us. An `unsure` request gets a connection of its own: a used
    one may be closed by the other side while we write, and its answer would be lost.
    """
    request.extensions[WITHIN] = within_s
    if unsure:
        request.headers["Connection"] = "close"
    try:
        async with asyncio.timeout(within_s):
            response = await http.send(request, follow_redirects=False)
    except TimeoutError:
        raise (OutcomeUnknown if unsure else Busy)("no_answer") from None
    except httpx.RequestError as error:
        if never_left(error):
            raise Busy("unreachable") from None
        code = "unusable_answer" if isinstance(error, httpx.DecodingError) else "no_answer"
        raise (OutcomeUnknown if unsure else Busy)(code) from None
    if response.has_redirect_location:
        # 303: "what you asked for is done, look there". The others send the request itself elsewhere.
        done = unsure and response.status_code == httpx.codes.SEE_OTHER
        raise (OutcomeUnknown if done else Busy)("redirected")
    return response


def never_left(error: httpx.RequestError) -> bool:
    """Tell whether a request that failed like this was certainly not sent, not even in part.

    httpx-aiohttp reports a connection that broke after sending as a failure to connect too, so of aiohttp's
    errors, which it leaves as the cause, only those count that are raised before there is a connection.
    """
    if isinstance(error, httpx.PoolTimeout | httpx.UnsupportedProtocol | httpx.ProxyError):
        return True
    if not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return False
    before = aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError
    return isinstance(error.__cause__, before) or not isinstance(error.__cause__, aiohttp.ClientError)
