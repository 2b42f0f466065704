"""What Facebook and Instagram share: one login, one token machine, one Graph API, one list of Pages.

Facts were read from developers.facebook.com: "Manually Build a Login Flow", "Get Long-Lived Tokens",
"Debug Token", "Secure Graph API Calls", "Handle Errors", "Rate Limits", "Platform Versioning",
the User and Page references.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, ClassVar

import httpx

from adapters.base import (
    Blocker,
    Busy,
    Capability,
    Client,
    GrantDead,
    Hint,
    Identity,
    Misconfigured,
    Place,
    Platform,
    PlatformError,
    Rejected,
    RemoteAccount,
    TokenRefused,
    Tokens,
    body_of,
    object_of,
    objects_of,
    send,
    text_of,
)
from adapters.numbers import left_until, lifetime, number, wait_of, whole
from adapters.oauth import TIMEOUT, retry_after, token_in, tokens_of

DEFAULT_GRAPH_VERSION = "v26.0"
"""Released 2026-07-29, the newest. Overridden by the operator's `graph_version`."""
GRAPH = "https://graph.facebook.com"
AUTHORIZE_URL = f"https://www.facebook.com/{DEFAULT_GRAPH_VERSION}/dialog/oauth"
TOKEN_URL = f"{GRAPH}/{DEFAULT_GRAPH_VERSION}/oauth/access_token"
REVOKE_URL = f"{GRAPH}/{DEFAULT_GRAPH_VERSION}/me/permissions"
FAMILY = "meta"
"""Consents to one Meta app end together: deleting the permissions ends Facebook and Instagram."""
ASK_AGAIN = {"auth_type": "rerequest"}
"""Without it the dialog skips permissions that the person declined before."""
ALL = frozenset({Capability.PUBLISH, Capability.MEDIA, Capability.INSIGHTS})
POSTING = frozenset({Capability.PUBLISH, Capability.MEDIA})

ENDED = frozenset({"190_458", "190_459", "190_460", "190_463", "190_464", "190_467", "190_492"})
"""App removed, checkpoint, password changed, expired, unconfirmed, invalid, session or role lost."""
AWAITS_PERSON = frozenset({"190_459", "190_464"})
"""Subcodes that end when the person signs in at facebook.com: the permission itself still stands."""
DEAD_GRANT_CODES = ENDED | {"190"}
"""Plain 190 stands for a refused token that debug_token, too, calls invalid."""

APP_LIMIT = 4
LIMITS = frozenset({APP_LIMIT, 17, 32, 341, 613, *range(80000, 80015)})
"""App, user, Page, posting, custom and business-use-case limits ("Rate Limits")."""
PASSING = frozenset({1, 2})
TOKEN_CODES = frozenset({102, 190})
OUR_FAULT = frozenset({101, 2500})
"""Unknown app id; unknown path or version, or no token where one is needed."""
OUR_FAULT_WORDS = {
    "client secret": "client_secret",
    "appsecret_proof": "appsecret_proof",
    "api access blocked": "api_access_blocked",
}
"""Meta gives these no code of their own (they arrive as 1, 100 and 200), only these words in the message.

The last one is what an app is answered that Meta has restricted, whatever it asks: its dashboard says why.
"""
CODE_USED = (100, 36009)

PAGE_FIELDS = "id,name,username,access_token,category,link,picture.type(large){url}"
INSTAGRAM_FIELDS = (
    "instagram_business_account{id,username,name,profile_picture_url},connected_instagram_account{id}"
)
MAY_POST = frozenset(
    {
        "CREATE_CONTENT",
        "MANAGE",
        "PROFILE_PLUS_CREATE_CONTENT",
        "PROFILE_PLUS_MANAGE",
        "PROFILE_PLUS_FULL_CONTROL",
    }
)
MAY_ANALYZE = frozenset({"ANALYZE", "PROFILE_PLUS_ANALYZE"})
DIGITS = re.compile(r"[0-9]{1,40}")
MOST_ROUNDS = 200
"""20,000 Pages at 100 an answer: a cursor that never ends is not followed for ever."""
AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Professional:
    """The professional Instagram account behind a Page."""

    id: str
    username: str
    name: str
    avatar_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A Facebook Page as one person's grant sees it."""

    id: str
    name: str
    username: str
    category: str
    url: str
    avatar_url: str
    token: str | None = field(repr=False)
    blocker: Blocker | None
    missing: frozenset[Capability]
    instagram: Professional | None
    personal_instagram: bool
    """An Instagram account is connected to the Page, but it is not a professional one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Whose grant it is, what it allows and every Page it can see."""

    identity: Identity
    scopes: frozenset[str]
    pages: tuple[Page, ...]
    hints: frozenset[Hint]


class Graph:
    """The Graph API for one app of ours: each call signed, its token in a header and not in the URL."""

    def __init__(self, http: httpx.AsyncClient, client: Client) -> None:
        self._http = http
        self._client = client
        version = client.options.get("graph_version", DEFAULT_GRAPH_VERSION)
        self._root = client.at(f"{GRAPH}/{version}")

    async def call(
        self, method: str, path: str, token: str, parameters: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        """Return the JSON object Graph answers. Raises the verdict on anything else."""
        key = self._client.client_secret.encode()
        proof = hmac.new(key, token.encode(), hashlib.sha256).hexdigest()
        request = self._http.build_request(
            method,
            self._root + path,
            params=dict(parameters or {}) | {"appsecret_proof": proof},
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=TIMEOUT,
        )
        response = await send(self._http, request)
        body = body_of(response)
        if not response.is_success or "error" in body:
            raise verdict_on(response)
        if not body:
            raise Busy("odd_answer")
        return body

    async def every(self, path: str, token: str, fields: str) -> list[Mapping[str, Any]]:
        """Return all entries of a list, page after page.

        `paging.next` is a URL with the token in it, so only its presence counts; the cursor is sent back.
        """
        found: list[Mapping[str, Any]] = []
        parameters = {"fields": fields, "limit": "100"}
        for _ in range(MOST_ROUNDS):
            body = await self.call("GET", path, token, parameters)
            found += _entries(body)
            paging = object_of(body.get("paging"))
            after = text_of(object_of(paging.get("cursors")).get("after"))
            if not paging.get("next") or not after or after == parameters.get("after"):
                break
            parameters["after"] = after
        return found

    async def debug(self, token: str) -> Mapping[str, Any]:
        """Return what Meta says of `token`: `is_valid`, `expires_at` (0: never), `granular_scopes`.

        The one call whose URL must not be logged: Meta takes the token in question only there.
        """
        ours = f"{self._client.client_id}|{self._client.client_secret}"
        try:
            body = await self.call("GET", "/debug_token", ours, {"input_token": token})
        except TokenRefused as refusal:
            raise Misconfigured(f"app_token_{refusal.code}") from None
        if not (facts := object_of(body.get("data"))):
            raise Busy("odd_answer")
        return facts

    async def tokens(self, platform: Platform, form: Mapping[str, str], *, unsure: bool = False) -> Tokens:
        """Return what the token endpoint gives for `form`, our credentials added."""
        ours = {"client_id": self._client.client_id, "client_secret": self._client.client_secret}
        request = self._http.build_request(
            "POST",
            f"{self._root}/oauth/access_token",
            data=ours | dict(form),
            headers={"Accept": "application/json"},
            timeout=TIMEOUT,
        )
        response = await send(self._http, request, unsure=unsure)
        if not response.is_success or "error" in body_of(response):
            raise verdict_on(response)
        return tokens_of(platform, response)

    async def long_lived(self, platform: Platform, token: str) -> Tokens:
        """Trade a live user token for one of about 60 days. The old one keeps working."""
        return await self.tokens(platform, {"grant_type": "fb_exchange_token", "fb_exchange_token": token})


class MetaAdapter:
    """The login that Facebook and Instagram share; the two add what they discover."""

    platform: ClassVar[Platform]

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def exchange(self, client: Client, *, code: str, verifier: str | None) -> Tokens:  # noqa: ARG002 - Meta has no PKCE
        """Trade `code` for a user token of about 60 days.

        Two steps: the code buys a token of an hour or two, which buys the long one. If the second
        step fails the short token is returned: a refresh makes it long later.
        """
        graph = Graph(self._http, client)
        form = {"redirect_uri": client.redirect_uri, "code": code}
        try:
            short = await graph.tokens(self.platform, form, unsure=True)
        except TokenRefused as refusal:
            # There is no grant yet: a refused token here is a trip to take again.
            raise Rejected(refusal.code) from None
        try:
            long = await graph.long_lived(self.platform, short.access_token)
        except PlatformError:
            return short
        if long.expires_in is None:
            with suppress(PlatformError):
                return _dated(long, await graph.debug(long.access_token))
        return long

    async def refresh(self, client: Client, tokens: Tokens) -> Tokens:
        """Trade the user token for a later one that debug_token calls valid.

        Meta promises no later expiry; the lifetime returned is the new token's own. Page tokens made
        from a long user token do not expire and need none of this; they may live on when it is over.
        """
        graph = Graph(self._http, client)
        try:
            fresh = await graph.long_lived(self.platform, tokens.access_token)
        except TokenRefused as refusal:
            code = refusal.code
            if code not in ENDED:
                facts = await graph.debug(tokens.access_token)
                if facts.get("is_valid") is not False:
                    raise Busy(code) from None
                code = "190"
            raise GrantDead(code) from None
        facts = await graph.debug(fresh.access_token)
        if facts.get("is_valid") is not True:
            raise Busy("new_token_invalid")
        return _dated(fresh, facts)

    async def ended(self, client: Client, token: str) -> str:
        """Return why Meta calls a Page's token invalid, empty while it is valid; an unclear answer is Busy."""
        facts = await Graph(self._http, client).debug(token)
        if facts.get("is_valid") is True:
            return ""
        error = object_of(facts.get("error"))
        code, subcode = whole(error.get("code")), whole(error.get("subcode"))
        if facts.get("is_valid") is not False or (error and code not in TOKEN_CODES):
            raise Busy("not_clearly_over")
        return found if (found := f"{code}_{subcode}") in ENDED else "190"

    async def revoke(self, client: Client, tokens: Tokens) -> None:
        """Take all permissions back from the app: every Page and Instagram token of this person dies.

        Raises TokenRefused when Meta wants the person to sign in first, because nothing ended then.
        """
        try:
            body = await Graph(self._http, client).call("DELETE", "/me/permissions", tokens.access_token)
        except TokenRefused as refusal:
            if refusal.code in AWAITS_PERSON:
                raise
            return
        if body.get("success") is not True:
            raise Busy("not_revoked")

    async def places(self, client: Client, tokens: Tokens, account_id: str) -> tuple[Place, ...]:  # noqa: ARG002 - the contract
        """Return nothing: a Page or profile has no places."""
        return ()


def verdict_on(response: httpx.Response) -> PlatformError:
    """Return the verdict on an answer of Graph that is not what we asked for.

    Decided by code, subcode and `is_transient`, never by `type` alone: permission, parameter and token
    errors are all called OAuthException. The code reads `190_460`: Meta's code, then its subcode.
    """
    error = body_of(response).get("error")
    status = response.status_code
    if not isinstance(error, dict):
        return Busy(f"http_{status}", retry_after=retry_after(response))
    code, subcode = whole(error.get("code")), whole(error.get("error_subcode"))
    word = "_".join(str(n) for n in (code, subcode) if n) or "no_code"
    if code in LIMITS or status == httpx.codes.TOO_MANY_REQUESTS:
        return Busy(word, retry_after=_regain(response), whole_app=code == APP_LIMIT)
    message = text_of(error.get("message")).lower()
    if fault := next((name for words, name in OUR_FAULT_WORDS.items() if words in message), None):
        return Misconfigured(fault)
    if error.get("is_transient") is True or code in PASSING or status in {408, 425} or status >= 500:
        return Busy(word, retry_after=retry_after(response))
    verdict: type[PlatformError] = Rejected
    if code in TOKEN_CODES or (code is None and error.get("type") == "OAuthException"):
        verdict = TokenRefused
    elif code in OUR_FAULT:
        verdict = Misconfigured
    elif code is None:
        verdict = Busy
    return verdict("code_used" if (code, subcode) == CODE_USED else word)


async def pages_of(graph: Graph, token: str, *, instagram: bool) -> Pages:
    """Return the person, the permissions in force and every Page, with its Instagram account if asked for.

    `/me/accounts` may be short or empty although Pages were granted: it leaves out Pages of a business
    portfolio, and sometimes those of a hand-picked selection. So the portfolios' own lists and the ids
    that debug_token names are asked too. An entry without `access_token` is a Page the person sees
    but cannot act as.
    """
    person = await graph.call("GET", "/me", token, {"fields": "id,name"})
    if not (person_id := text_of(person.get("id"))):
        raise Busy("odd_answer")
    answers = await graph.every("/me/permissions", token, "permission,status")
    scopes = frozenset(text_of(a.get("permission")) for a in answers if a.get("status") == "granted")
    found: dict[str, Mapping[str, Any]] = {}
    targets: frozenset[str] | None = None
    if "pages_show_list" in scopes:
        linked = instagram and "instagram_basic" in scopes
        fields = f"{PAGE_FIELDS},{INSTAGRAM_FIELDS}" if linked else PAGE_FIELDS
        _merge(found, await graph.every("/me/accounts", token, f"{fields},tasks"))
        if "business_management" in scopes:
            _merge(found, await _business_pages(graph, token, fields))
        with suppress(Rejected):
            targets = _targets(await graph.debug(token))
        tokenless = (targets or frozenset()) - {k for k, v in found.items() if token_in(v, "access_token")}
        _merge(found, await _by_id(graph, token, fields, tokenless))
    pages = tuple(_page(entry, targets) for entry in found.values())
    hints = set()
    if all(page.blocker is Blocker.NOT_TICKED for page in pages):
        hints.add(Hint.NO_PAGES_TICKED)
    if "business_management" not in scopes:
        hints.add(Hint.BUSINESS_MANAGEMENT_MISSING)
    identity = Identity(id=person_id, name=text_of(person.get("name")))
    return Pages(identity=identity, scopes=scopes, pages=pages, hints=frozenset(hints))


def in_order(accounts: Iterable[RemoteAccount]) -> tuple[RemoteAccount, ...]:
    """Return usable accounts first, then by name."""
    return tuple(sorted(accounts, key=lambda a: (a.blocker is not None, a.name.casefold(), a.id)))


async def _business_pages(graph: Graph, token: str, fields: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    with suppress(Rejected):
        businesses = await graph.every("/me/businesses", token, "id,name")
        for business_id in filter(None, map(_digits, businesses)):
            for edge in ("owned_pages", "client_pages"):
                # A portfolio may show its name and refuse its Pages; the next one may not.
                with suppress(Rejected):
                    found += await graph.every(f"/{business_id}/{edge}", token, fields)
    return found


async def _by_id(graph: Graph, token: str, fields: str, ids: Iterable[str]) -> list[Mapping[str, Any]]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(page_id: str) -> Mapping[str, Any]:
        async with gate:
            try:
                return await graph.call("GET", f"/{page_id}", token, {"fields": fields})
            except Rejected:
                return {}

    return await asyncio.gather(*(one(page_id) for page_id in sorted(ids)))


def _merge(found: dict[str, Mapping[str, Any]], entries: Iterable[Mapping[str, Any]]) -> None:
    """Add `entries` by id. What was seen first stays, unless only the later one has a token."""
    for entry in entries:
        known = found.get(page_id := _digits(entry), {})
        later_acts = bool(entry.get("access_token")) and not known.get("access_token")
        if page_id:
            found[page_id] = {**known, **entry} if later_acts else {**entry, **known}


def _page(entry: Mapping[str, Any], targets: frozenset[str] | None) -> Page:
    page_id, token = _digits(entry), token_in(entry, "access_token")
    tasks = entry.get("tasks")
    # Only /me/accounts names the tasks. Where they are not named, trying is the only way to know.
    held = {t for t in tasks if isinstance(t, str)} if isinstance(tasks, list) else None
    blocker = None
    if token is None:
        unticked = targets is not None and page_id not in targets
        blocker = Blocker.NOT_TICKED if unticked else Blocker.NO_PAGE_TOKEN
    elif held is not None and not held & MAY_POST:
        blocker = Blocker.NO_CREATE_CONTENT
    profile = object_of(entry.get("instagram_business_account"))
    return Page(
        id=page_id,
        name=text_of(entry.get("name")) or page_id,
        username=text_of(entry.get("username")),
        category=text_of(entry.get("category")),
        url=_url(entry, "link") or f"https://www.facebook.com/{page_id}",
        avatar_url=_url(object_of(object_of(entry.get("picture")).get("data")), "url"),
        token=token,
        blocker=blocker,
        missing=frozenset(() if held is None or held & MAY_ANALYZE else {Capability.INSIGHTS}),
        instagram=Professional(
            id=_digits(profile),
            username=text_of(profile.get("username")),
            name=text_of(profile.get("name")),
            avatar_url=_url(profile, "profile_picture_url"),
        )
        if _digits(profile)
        else None,
        personal_instagram=bool(_digits(object_of(entry.get("connected_instagram_account")))),
    )


def _targets(facts: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the Pages ticked in the dialog; None means all of them, or that Meta does not say."""
    if "granular_scopes" not in facts:
        return None
    for entry in objects_of(facts["granular_scopes"]):
        if entry.get("scope") == "pages_show_list":
            ids = entry.get("target_ids")
            ticked = {i for i in map(str, ids) if DIGITS.fullmatch(i)} if isinstance(ids, list) else set()
            return frozenset(ticked) or None
    return frozenset()


def _dated(tokens: Tokens, facts: Mapping[str, Any]) -> Tokens:
    """Return `tokens` with the lifetimes and scopes that debug_token names, where the answer had none.

    Of the permissions we ask for, only Instagram's are subject to the data-access window of 90 days:
    https://developers.facebook.com/docs/facebook-login/auth-vs-data.
    """
    ends, shown = left_until(facts.get("expires_at")), left_until(facts.get("data_access_expires_at"))
    left = lifetime(ends.total_seconds()) if ends else None
    scopes = _granted(facts)
    limited = any(scope.startswith("instagram_") for scope in scopes)
    return replace(
        tokens,
        expires_in=tokens.expires_in or left,
        scopes=scopes or None,
        data_access_expires_in=shown if limited else None,
    )


def _granted(facts: Mapping[str, Any]) -> frozenset[str]:
    """Return the permissions in force; one that was given for some Pages only may stand in the second list alone."""
    whole = facts.get("scopes")
    partly = [entry.get("scope") for entry in objects_of(facts.get("granular_scopes"))]
    return frozenset(s for s in [*(whole if isinstance(whole, list) else []), *partly] if isinstance(s, str))


def _regain(response: httpx.Response) -> timedelta | None:
    """Return the longest wait any limit names; the header counts it in minutes."""
    try:
        usage = json.loads(response.headers.get("x-business-use-case-usage", ""))
        entries = [entry for limits in usage.values() for entry in limits]
        minutes = [number(entry.get("estimated_time_to_regain_access")) or 0 for entry in entries]
    except (ValueError, AttributeError, TypeError, RecursionError):
        return retry_after(response)
    return wait_of(60 * max(minutes, default=0)) or retry_after(response)


def _entries(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if not isinstance(data := body.get("data"), list):
        raise Busy("odd_answer")
    return objects_of(data)


def _digits(body: Mapping[str, Any]) -> str:
    """Return the entry's id if it is one of Graph's: only digits, so it is safe in a path."""
    return found if DIGITS.fullmatch(found := str(body.get("id"))) else ""


def _url(body: Mapping[str, Any], key: str) -> str:
    return found if (found := text_of(body.get(key))).startswith(("https://", "http://")) else ""
