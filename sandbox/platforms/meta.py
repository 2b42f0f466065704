"""A simulated Meta: Facebook's dialog, Graph's tokens, and the Pages and Instagram accounts behind them.

Written from developers.facebook.com: "Manually Build a Login Flow", "Get Long-Lived Tokens", "Debug Token",
"Secure Graph API Calls", "Permissions Reference", "Handle Errors", "Rate Limits", "Platform Versioning",
and the User (`accounts`, `permissions`, `businesses`), Business (`owned_pages`, `client_pages`) and Page
references. Three choices are ours, because no page tells: a Page of a portfolio is only in the portfolio's
list, a hand-picked selection is remembered per permission, and a Page token outside it answers 190/467.

Knobs besides the usual ones: `access_life_s` (short user token), `long_life_s`, `data_access_life_s`,
`omit_expires_in` (the long token comes without a lifetime), `reexchange_extends` (a long token traded
again lives longer), `accounts_empty` (`/me/accounts` hides everything), `require_proof` (the app's
"Require App Secret" switch), `limit_code` (every Graph call answers this limit: 4, 17, 32, 80001 ...),
`limit_minutes`, and `deauthorize_url` (where it is told that a person removed the app: subcode 458).

Control actions: `revoke` {"person", "subcode"}, `expire` {"person"}, `scope` {"person", "scope", "status"},
`role` {"person", "page", "tasks"} (no tasks: the role is lost), `add_pages` {"person", "count", "name"}.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aiohttp import web

from sandbox.platforms.callbacks import signed_request, tell
from sandbox.platforms.graph import GraphRefusal, missing, pick, split_fields, window
from sandbox.platforms.meta_world import (
    BUSINESSES,
    FULL_TASKS,
    INSTAGRAM_SCOPES,
    OTHER_SCOPES,
    PAGE_SCOPES,
    PEOPLE,
    PageNode,
    first_pages,
    square,
)
from sandbox.platforms.oauth import Asset, Grant, OAuthSimulator, Person, RegisteredApp, Rules

OLDEST, NEWEST = 21, 26
"""v20.0 ended 2026-09-24 and v26.0 is the newest; an ended version is served by the oldest that lives."""
VERSION = r"{version:v\d+\.\d+}"
REDIRECT_DIFFERS = (
    "Error validating verification code. Please make sure your redirect_uri is identical "
    "to the one you used in the OAuth dialog request"
)
EVERY_PAGE = "all"
"""The box "all current and future Pages" of the dialog."""
Reply = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Consent:
    """What one person allowed one app, over all trips through the dialog."""

    permissions: dict[str, str] = field(default_factory=dict)
    targets: dict[str, frozenset[str] | None] = field(default_factory=dict)
    """Permission -> the Pages ticked for it; None: all, also future ones."""
    seen_at: float = 0.0

    def allows(self, scope: str) -> bool:
        """Tell whether `scope` is granted now."""
        return self.permissions.get(scope) == "granted"

    def ticked(self, page_id: str, scope: str = "pages_show_list") -> bool:
        """Tell whether the person chose this Page for `scope`."""
        targets = self.targets.get(scope, frozenset())
        return self.allows(scope) and (targets is None or page_id in targets)


@dataclass(slots=True, kw_only=True)
class Token:
    """An access token; `kind` as debug_token calls it."""

    value: str
    kind: str
    client_id: str
    issued_at: float
    person: str = ""
    page: str = ""
    expires_at: float = 0.0
    """0: never."""
    long: bool = False
    dead: int = 0
    """The error subcode it now answers with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A Graph call whose token is good."""

    request: web.Request
    parameters: Mapping[str, str]
    token: Token
    consent: Consent

    def fields(self, default: str) -> dict[str, str]:
        """Return the fields asked for, each with what stands in its braces."""
        return split_fields(self.parameters.get("fields") or default)


GraphHandler = Callable[[Call], Awaitable[Reply]]


class MetaSimulator(OAuthSimulator):
    """The part of Meta that sign-in and discovery need, for Facebook and Instagram alike."""

    name = "meta"
    title = "Facebook"
    colour = "#1877f2"
    asset_question = "Which Pages may this app use?"
    known_scopes: ClassVar[frozenset[str]] = PAGE_SCOPES | INSTAGRAM_SCOPES | OTHER_SCOPES
    rules = Rules(
        authorize_path=f"/{VERSION}/dialog/oauth",
        token_path=f"/{VERSION}/oauth/access_token",
        revoke_path=None,
        scope_separator=",",
        code_life_s=600,
        access_life_s=5183,
        issues_refresh=False,
    )

    def __init__(self) -> None:
        super().__init__()
        self.people = {person.id: person for person in PEOPLE}
        self.pages = {page.id: page for page in first_pages()}
        self.tokens: dict[str, Token] = {}
        self.consents: dict[tuple[str, str], Consent] = {}
        self._minted: dict[tuple[str, str], Token] = {}
        self._next_page = 107000000000001
        self.settings |= {
            "long_life_s": 5_183_944,
            "data_access_life_s": 90 * 86_400,
            "omit_expires_in": False,
            "reexchange_extends": True,
            "accounts_empty": False,
            "require_proof": False,
            "limit_code": None,
            "limit_minutes": 19,
            "deauthorize_url": "",
        }

    def routes(self) -> list[web.RouteDef]:
        """Serve the dialog, the token endpoint, and Graph's nodes and edges."""
        root = f"/{VERSION}"
        return [
            web.get(f"{root}/dialog/oauth", self.show_consent),
            web.post(f"{root}/dialog/oauth", self.take_consent),
            web.get(f"{root}/oauth/access_token", self.token),
            web.post(f"{root}/oauth/access_token", self.token),
            web.get(f"{root}/debug_token", self._graph(self._debug_token)),
            web.get(f"{root}/{{node}}/permissions", self._graph(self._permissions)),
            web.delete(f"{root}/{{node}}/permissions", self._graph(self._delete_permissions)),
            web.get(f"{root}/{{node}}/accounts", self._graph(self._accounts)),
            web.get(f"{root}/{{node}}/businesses", self._graph(self._businesses)),
            web.get(f"{root}/{{node}}/{{edge:owned_pages|client_pages}}", self._graph(self._business_pages)),
            web.get(f"{root}/{{node}}", self._graph(self._node)),
            web.get("/pictures/{seed}.png", self._picture),
        ]

    def controls(self) -> Mapping[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Offer what the module's docstring lists."""
        return {
            **super().controls(),
            "scope": self._control_scope,
            "role": self._control_role,
            "add_pages": self._control_add_pages,
        }

    # The dialog

    def assets(self, person: Person, app: RegisteredApp) -> list[Asset]:  # noqa: ARG002 - the hook's shape
        """Return every Page the person sees, and the box for all of them."""
        seen = [p for p in self.pages.values() if person.id in p.roles or person.id in p.onlookers]
        whole = [Asset(id=EVERY_PAGE, label="All current and future Pages", checked=False)] if seen else []
        return whole + [Asset(id=p.id, label=p.name) for p in seen]

    def new_token(self, kind: str) -> str:
        """Return a token of Meta's shape, or a code of its own."""
        return ("AQ" if kind == "code" else "EAAG") + secrets.token_urlsafe(48).replace("-", "Z")

    def deny_parameters(self) -> dict[str, str]:
        """Return what comes back when the person presses Cancel."""
        return {
            "error": "access_denied",
            "error_code": "200",
            "error_description": "Permissions error",
            "error_reason": "user_denied",
        }

    def authorize_fault(self, app: RegisteredApp | None, query: Mapping[str, str]) -> str:  # noqa: ARG002
        """Refuse permissions that do not exist, as the dialog does."""
        unknown = set(asked_in(query)) - self.known_scopes
        return f"Invalid Scopes: {', '.join(sorted(unknown))}" if unknown else ""

    def consented(self, grant: Grant, query: Mapping[str, str]) -> None:
        """Remember the answer to each permission asked for; those of earlier trips stay."""
        consent = self._consent(grant.person.id, grant.client_id)
        consent.seen_at = self.clock.now()
        consent.permissions["public_profile"] = "granted"
        for scope in asked_in(query):
            granted = scope in grant.scopes
            consent.permissions[scope] = "granted" if granted else "declined"
            consent.targets[scope] = None if EVERY_PAGE in grant.assets else grant.assets

    # The token endpoint

    async def token(self, request: web.Request) -> web.Response:
        """Answer a code, a token to make long, or our own credentials with a token."""
        given = await parameters_of(request)
        try:
            self._check_version(request)
            app = self._app(given)
            match given.get("grant_type"):
                case "fb_exchange_token":
                    answer = self._lengthen(app, given.get("fb_exchange_token", ""))
                case "client_credentials":
                    token = self._issue("APP", app, prefix=f"{app.client_id}|")
                    answer = {"access_token": token.value, "token_type": "bearer"}
                case _:
                    answer = self._buy(app, given)
        except GraphRefusal as refusal:
            return self._envelope(request, refusal)
        return web.json_response(answer, headers=self._headers(request))

    def _app(self, given: Mapping[str, str]) -> RegisteredApp:
        app = self.apps.get(given.get("client_id", ""))
        if app is None:
            raise GraphRefusal(101, "Error validating application. Invalid application ID.")
        if not secrets.compare_digest(app.client_secret, given.get("client_secret", "")):
            raise GraphRefusal(1, "Error validating client secret.")
        return app

    def _buy(self, app: RegisteredApp, given: Mapping[str, str]) -> Reply:
        code = self.codes.get(given.get("code", ""))
        if code is None or code.grant.client_id != app.client_id:
            raise GraphRefusal(100, "Invalid verification code format.")
        if code.used:
            raise GraphRefusal(100, "This authorization code has been used.", subcode=36009)
        if given.get("redirect_uri") != code.redirect_uri:
            raise GraphRefusal(100, REDIRECT_DIFFERS)
        if code.expires_at < self.clock.now():
            raise GraphRefusal(100, "This authorization code has expired.")
        code.used = True
        life = float(self.settings["access_life_s"])
        token = self._issue("USER", app, person=code.grant.person.id, life=life)
        code.grant.access[token.value] = token.expires_at
        return {"access_token": token.value, "token_type": "bearer", "expires_in": int(life)}

    def _lengthen(self, app: RegisteredApp, value: str) -> Reply:
        old = self._live(value)
        if old.kind != "USER" or old.client_id != app.client_id:
            raise GraphRefusal(190, "Invalid OAuth access token.")
        now, life = self.clock.now(), float(self.settings["long_life_s"])
        if old.long and not self.settings["reexchange_extends"]:
            life = old.expires_at - now
        token = self._issue("USER", app, person=old.person, life=life)
        token.long = True
        answer = {"access_token": token.value, "token_type": "bearer", "expires_in": int(life)}
        if self.settings["omit_expires_in"]:
            del answer["expires_in"]
        return answer

    def _issue(
        self,
        kind: str,
        app: RegisteredApp,
        *,
        person: str = "",
        page: str = "",
        life: float = 0.0,
        prefix: str = "",
    ) -> Token:
        now = self.clock.now()
        token = Token(
            value=prefix + self.new_token("access"),
            kind=kind,
            client_id=app.client_id,
            issued_at=now,
            person=person,
            page=page,
            expires_at=now + life if life else 0.0,
        )
        self.tokens[token.value] = token
        return token

    def _live(self, value: str) -> Token:
        """Return the token behind `value`, or refuse it with the subcode that says why."""
        token = self.tokens.get(value)
        client_id, _, secret = value.partition("|")
        if token is None and (app := self.apps.get(client_id)) and app.client_secret == secret:
            return Token(value=value, kind="APP", client_id=client_id, issued_at=self.clock.now())
        if token is None:
            raise GraphRefusal(190, "Invalid OAuth access token - Cannot parse access token")
        if subcode := self._why_dead(token):
            raise GraphRefusal(190, f"Error validating access token: {ENDINGS[subcode]}", subcode=subcode)
        return token

    def _why_dead(self, token: Token) -> int:
        if token.dead:
            return token.dead
        if token.expires_at and token.expires_at <= self.clock.now():
            return 463
        if token.kind == "PAGE":
            if not self.pages[token.page].roles.get(token.person):
                return 492
            consent = self._consent(token.person, token.client_id)
            if not any(consent.ticked(token.page, scope) for scope in PAGE_SCOPES):
                return 467
        return 0

    # Graph

    def _graph(self, handler: GraphHandler) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Wrap a handler in what every Graph call goes through: version, limits, token, proof, headers."""

        async def answer(request: web.Request) -> web.Response:
            try:
                self._check_version(request)
                self._check_limit()
                given = await parameters_of(request)
                token = self._bearer(request, given)
                self._check_proof(token, given)
                consent = self._consent(token.person, token.client_id) if token.person else Consent()
                body = await handler(Call(request=request, parameters=given, token=token, consent=consent))
            except GraphRefusal as refusal:
                return self._envelope(request, refusal)
            return web.json_response(body, headers=self._headers(request))

        return answer

    def _check_version(self, request: web.Request) -> None:
        version = request.match_info["version"]
        if int(version[1:].partition(".")[0]) > NEWEST:
            raise GraphRefusal(2500, f"Unknown path components: /{version}")

    def _check_limit(self) -> None:
        if code := self.settings["limit_code"]:
            raise GraphRefusal(int(code), f"(#{code}) Request limit reached")

    def _bearer(self, request: web.Request, given: Mapping[str, str]) -> Token:
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() not in {"bearer", "oauth"}:
            value = given.get("access_token", "")
        if not value:
            message = "An active access token must be used to query information about the current user."
            raise GraphRefusal(2500, message)
        return self._live(value)

    def _check_proof(self, token: Token, given: Mapping[str, str]) -> None:
        proof = given.get("appsecret_proof")
        if proof is None:
            if self.settings["require_proof"]:
                message = "API calls from the server require an appsecret_proof argument"
                raise GraphRefusal(100, message, kind="GraphMethodException")
            return
        key = self.apps[token.client_id].client_secret.encode()
        if not secrets.compare_digest(hmac.new(key, token.value.encode(), hashlib.sha256).hexdigest(), proof):
            message = "Invalid appsecret_proof provided in the API argument"
            raise GraphRefusal(100, message, kind="GraphMethodException")

    def _envelope(self, request: web.Request, refusal: GraphRefusal) -> web.Response:
        error: dict[str, Any] = {"message": refusal.message, "type": refusal.kind, "code": refusal.code}
        if refusal.subcode:
            error["error_subcode"] = refusal.subcode
        error["fbtrace_id"] = secrets.token_urlsafe(8)
        headers = self._headers(request)
        if refusal.code == 190:
            headers["WWW-Authenticate"] = 'OAuth "Facebook Platform" "invalid_token"'
        return web.json_response({"error": error}, status=refusal.status, headers=headers)

    def _headers(self, request: web.Request) -> dict[str, str]:
        """Return the usage headers of every answer: per cent used, and minutes to wait when it is all."""
        limited = bool(self.settings["limit_code"])
        usage = {"call_count": 100 if limited else 3, "total_time": 2, "total_cputime": 1}
        minutes = int(self.settings["limit_minutes"]) if limited else 0
        case = usage | {"type": "pages", "estimated_time_to_regain_access": minutes}
        number = int(request.match_info["version"][1:].partition(".")[0])
        return {
            "X-App-Usage": json.dumps(usage),
            "X-Business-Use-Case-Usage": json.dumps({"104000000000001": [case]}),
            "facebook-api-version": f"v{min(max(number, OLDEST), NEWEST)}.0",
        }

    def _consent(self, person: str, client_id: str) -> Consent:
        return self.consents.setdefault((person, client_id), Consent())

    def _me(self, call: Call) -> Person:
        """Return the person a user token speaks for, if the path means that person."""
        node = call.request.match_info["node"]
        if call.token.kind != "USER" or node not in {"me", scoped_id(call.token)}:
            raise missing(node)
        return self.people[call.token.person]

    async def _permissions(self, call: Call) -> Reply:
        self._me(call)
        return {"data": [{"permission": p, "status": s} for p, s in call.consent.permissions.items()]}

    async def _delete_permissions(self, call: Call) -> Reply:
        person = self._me(call)
        if (one := call.parameters.get("permission")) is not None:
            call.consent.permissions.pop(one, None)
        else:
            self._end(458, person=person.id, client_id=call.token.client_id)
        return {"success": True}

    async def _accounts(self, call: Call) -> Reply:
        person = self._me(call)
        seen = [
            page
            for page in self.pages.values()
            if (person.id in page.roles or person.id in page.onlookers)
            and not (page.owner or page.agency)
            and call.consent.ticked(page.id)
        ]
        return self._listing(call, [] if self.settings["accounts_empty"] else seen)

    async def _businesses(self, call: Call) -> Reply:
        person = self._me(call)
        self._need(call, "business_management")
        rows = [{"id": b.id, "name": b.name} for b in BUSINESSES if person.id in b.people]
        return self._window(call, rows)

    async def _business_pages(self, call: Call) -> Reply:
        self._need(call, "business_management")
        node, edge = call.request.match_info["node"], call.request.match_info["edge"]
        if not any(b.id == node and call.token.person in b.people for b in BUSINESSES):
            raise missing(node)
        held = [p for p in self.pages.values() if (p.owner if edge == "owned_pages" else p.agency) == node]
        return self._listing(call, held)

    async def _node(self, call: Call) -> Reply:
        node = call.request.match_info["node"]
        if call.token.kind == "USER" and node in {"me", scoped_id(call.token)}:
            person = self.people[call.token.person]
            return pick("User", {"id": scoped_id(call.token), "name": person.name}, call.fields("id,name"))
        page_id = call.token.page if node == "me" else node
        if (page := self.pages.get(page_id)) and self._sees(call, page):
            return self._page_view(call, page, call.fields("id,name"))
        owner = next((p for p in self.pages.values() if p.instagram_id == node), None)
        if owner and self._sees(call, owner) and call.consent.allows("instagram_basic"):
            return pick("IGUser", self._instagram_view(owner), call.fields("id"))
        raise missing(node)

    async def _debug_token(self, call: Call) -> Reply:
        if call.token.kind == "PAGE":
            raise GraphRefusal(100, "You must provide an app access token, or a user access token")
        value = call.parameters.get("input_token", "")
        token = self.tokens.get(value)
        if token is None:
            error = {"code": 190, "message": "Invalid OAuth access token."}
            return {"data": {"error": error, "is_valid": False, "scopes": []}}
        if token.client_id != call.token.client_id:
            raise GraphRefusal(100, "(#100) The App_id in the input_token did not match the Viewing App")
        consent = self._consent(token.person, token.client_id)
        scopes = [s for s in consent.permissions if consent.allows(s)]
        data: dict[str, Any] = {
            "app_id": token.client_id,
            "type": token.kind,
            "application": "Octapost",
            "is_valid": True,
            "issued_at": int(token.issued_at),
            "expires_at": int(token.expires_at),
            "data_access_expires_at": int(consent.seen_at + float(self.settings["data_access_life_s"])),
            "user_id": scoped_id(token),
            "scopes": scopes,
            "granular_scopes": [g for s in scopes if (g := self._granular(consent, s))],
        }
        if token.page:
            data["profile_id"] = token.page
        if subcode := self._why_dead(token):
            error = {"code": 190, "message": ENDINGS[subcode], "subcode": subcode}
            data |= {"is_valid": False, "error": error, "scopes": []}
            del data["granular_scopes"]
        return {"data": data}

    def _granular(self, consent: Consent, scope: str) -> Reply:
        """Return the ids ticked for `scope`; without ids it means all, so nothing ticked is no entry."""
        targets = consent.targets.get(scope)
        if targets is None or scope not in PAGE_SCOPES | INSTAGRAM_SCOPES:
            return {"scope": scope}
        ids = sorted(targets & self.pages.keys())
        if scope in INSTAGRAM_SCOPES:
            ids = [self.pages[i].instagram_id for i in ids if self.pages[i].instagram]
        return {"scope": scope, "target_ids": ids} if ids else {}

    def _need(self, call: Call, scope: str) -> None:
        if not call.consent.allows(scope):
            raise GraphRefusal(200, f"(#200) Requires {scope} permission to manage the object", status=403)

    def _sees(self, call: Call, page: PageNode) -> bool:
        if call.token.kind == "PAGE":
            return call.token.page == page.id
        person = call.token.person
        return call.consent.ticked(page.id) and (person in page.roles or person in page.onlookers)

    def _listing(self, call: Call, pages: Sequence[PageNode]) -> Reply:
        fields = call.fields("access_token,category,name,id,tasks")
        if not call.consent.allows("pages_show_list"):
            pages = []
        window_of = self._window(call, [{"id": p.id} for p in pages])
        rows = [self._page_view(call, self.pages[row["id"]], fields) for row in window_of["data"]]
        return {**window_of, "data": rows}

    def _window(self, call: Call, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        asked = {**call.parameters, "access_token": call.token.value}
        return window(rows, asked, f"{self.url}{call.request.path}")

    def _page_view(self, call: Call, page: PageNode, fields: Mapping[str, str]) -> Reply:
        acts = self._page_token(call, page) if "access_token" in fields else None
        shown: dict[str, Any] = {
            "id": page.id,
            "name": page.name,
            "username": page.username or None,
            "category": page.category,
            "link": f"https://www.facebook.com/{page.username or page.id}",
            "picture": {"data": {"url": f"{self.url}/pictures/{page.id}.png"}},
            "fan_count": int(page.id[-4:]) * 7,
            "followers_count": int(page.id[-4:]) * 7,
            "tasks": list(page.roles[call.token.person]) if call.token.person in page.roles else None,
            "access_token": acts,
            "instagram_business_account": None,
            "connected_instagram_account": None,
        }
        if call.consent.allows("instagram_basic"):
            linked = self._instagram_view(page) if page.instagram else None
            personal = {"id": f"17842{page.id[-10:]}", "username": "someone"}
            shown["instagram_business_account"] = linked
            shown["connected_instagram_account"] = personal if page.personal_instagram else linked
        return pick("Page", shown, fields)

    def _instagram_view(self, page: PageNode) -> Reply:
        return {
            "id": page.instagram_id,
            "username": page.instagram,
            "name": page.name,
            "profile_picture_url": f"{self.url}/pictures/{page.instagram_id}.png",
            "followers_count": int(page.id[-4:]) * 11,
            "media_count": 42,
        }

    def _page_token(self, call: Call, page: PageNode) -> str | None:
        """Return a token to act as `page`: without expiry from a long user token, else with its expiry."""
        user = call.token
        if user.kind == "PAGE":
            return user.value
        if not page.roles.get(user.person) or not call.consent.ticked(page.id):
            return None
        known = self._minted.get((user.value, page.id))
        if known is None or self._why_dead(known):
            known = self._issue("PAGE", self.apps[user.client_id], person=user.person, page=page.id)
            known.expires_at = 0.0 if user.long else user.expires_at
            self._minted[user.value, page.id] = known
        return known.value

    async def _picture(self, request: web.Request) -> web.Response:
        return web.Response(body=square(request.match_info["seed"]), content_type="image/png")

    # Control

    def _end(self, subcode: int, *, person: str | None, client_id: str | None = None) -> int:
        """Make every token of a person answer `subcode`; 458 also forgets the permissions."""
        ended = [
            token
            for token in self.tokens.values()
            if token.person and not token.dead and person in {None, token.person}
            if client_id in {None, token.client_id}
        ]
        for token in ended:
            token.dead = subcode
        for grant in self.grants.values():
            if person in {None, grant.person.id} and client_id in {None, grant.client_id}:
                self.end(grant, f"190/{subcode}")
        if subcode == 458:
            for key in list(self.consents):
                if person in {None, key[0]} and client_id in {None, key[1]}:
                    del self.consents[key]
        return len(ended)

    async def _control_revoke(self, given: dict[str, Any]) -> Any:
        subcode = int(given.get("subcode", 458))
        if subcode not in ENDINGS:
            raise web.HTTPBadRequest(text=f"subcodes: {', '.join(map(str, ENDINGS))}")
        person, url = given.get("person"), self.settings["deauthorize_url"]
        signed_in = {
            (token.person, token.client_id): token
            for token in self.tokens.values()
            if token.kind == "USER" and not token.dead and person in {None, token.person}
        }
        ended = self._end(subcode, person=person)
        tell_it = signed_in.values() if url and subcode == 458 else ()
        return {"ended": ended, "callbacks": [await self._deauthorize(url, token) for token in tell_it]}

    async def _deauthorize(self, url: str, token: Token) -> int:
        """Tell the app that a person has removed it; return the status it answered, 0 for none."""
        facts = {"user_id": scoped_id(token), "issued_at": int(self.clock.now())}
        return await tell(
            url, {"signed_request": signed_request(self.apps[token.client_id].client_secret, facts)}
        )

    async def _control_expire(self, given: dict[str, Any]) -> Any:
        touched = [
            t for t in self.tokens.values() if t.expires_at and given.get("person") in {None, t.person}
        ]
        for token in touched:
            token.expires_at = self.clock.now() - 1
        return {"expired": len(touched)}

    async def _control_scope(self, given: dict[str, Any]) -> Any:
        for (person, _), consent in self.consents.items():
            if given.get("person") in {None, person} and given["scope"] in consent.permissions:
                consent.permissions[given["scope"]] = given.get("status", "declined")
        return {}

    async def _control_role(self, given: dict[str, Any]) -> Any:
        roles = self.pages[given["page"]].roles
        roles.pop(given["person"], None)
        if tasks := given.get("tasks"):
            roles[given["person"]] = tuple(tasks)
        return {"tasks": list(roles.get(given["person"], ()))}

    async def _control_add_pages(self, given: dict[str, Any]) -> Any:
        added = []
        for _ in range(int(given.get("count", 1))):
            page_id = str(self._next_page)
            self._next_page += 1
            name = given.get("name", "New Page")
            self.pages[page_id] = PageNode(id=page_id, name=name, roles={given["person"]: FULL_TASKS})
            added.append(page_id)
        return {"pages": added}


ENDINGS = {
    458: "The user has not authorized application.",
    459: "The user is a checkpointed user and must log in at www.facebook.com.",
    460: "The session has been invalidated because the user changed their password.",
    463: "Session has expired.",
    464: "The user is not a confirmed user.",
    467: "The session is invalid because the user logged out.",
    492: "The user does not have a sufficient role on the Page.",
}
"""Why a token is no good, by error subcode ("Handle Errors")."""


def asked_in(query: Mapping[str, str]) -> list[str]:
    """Return the permissions an authorization request asks for."""
    return query.get("scope", "").replace(",", " ").split()


async def parameters_of(request: web.Request) -> dict[str, str]:
    """Return the parameters of a call: Graph takes them from the query and from a form alike."""
    form = await request.post() if request.method == "POST" else {}
    return dict(request.query) | {key: str(value) for key, value in form.items()}


def scoped_id(token: Token) -> str:
    """Return the person's id as this app sees it: another app sees another one."""
    digest = hashlib.sha256(f"{token.person} {token.client_id}".encode()).digest()
    return str(10**15 + int.from_bytes(digest[:6], "big"))
