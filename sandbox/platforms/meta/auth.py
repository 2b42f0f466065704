"""The login of the simulated Meta: the dialog, the token endpoint, and the end of permissions."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from aiohttp import web

from sandbox.platforms.callbacks import post_report, signed_request
from sandbox.platforms.meta.graph import GraphRefusal
from sandbox.platforms.meta.state import (
    ENDINGS,
    EVERY_PAGE,
    Consent,
    Reply,
    Token,
    parameters_of,
    scoped_id,
)
from sandbox.platforms.meta.world import (
    INSTAGRAM_SCOPES,
    OTHER_SCOPES,
    PAGE_SCOPES,
    PEOPLE,
    PageNode,
    first_pages,
)
from sandbox.platforms.oauth import OAuthSimulator
from sandbox.platforms.values import Asset, Grant, Person, RegisteredApp, Registration, Rules

OLDEST, NEWEST = 21, 26
"""v20.0 ended 2026-09-24, and v26.0 is the newest. Calls of an ended version get the oldest active one."""
VERSION = r"{version:v\d+\.\d+}"
REDIRECT_DIFFERS = (
    "Error validating verification code. Please make sure your redirect_uri is identical "
    "to the one you used in the OAuth dialog request"
)
META_ID, META_SECRET = "880055510007", "meta-secret-of-the-sandbox-0001"
"""Facebook and Instagram are two products of one Meta app."""


class MetaAuth(OAuthSimulator):
    """The login that Facebook and Instagram share."""

    name = "meta"
    title = "Facebook"
    registrations = (
        Registration(
            app="facebook",
            platform="facebook",
            client_id=META_ID,
            client_secret=META_SECRET,
            callbacks=("facebook", "instagram"),
        ),
        Registration(
            app="instagram",
            platform="instagram",
            client_id=META_ID,
            client_secret=META_SECRET,
            callbacks=("facebook", "instagram"),
        ),
    )
    called = "Meta"
    products = "Facebook and Instagram"
    told_at: ClassVar[Mapping[str, str]] = {"deauthorize_url": "/meta/deauthorize"}
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
        self.tokens: dict[str, Token] = {}
        self.consents: dict[tuple[str, str], Consent] = {}
        self.configurations: dict[str, Sequence[str]] = {}
        """Facebook Login for Business: the id of each configuration -> its permissions."""
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
            "app_active": True,
        }

    # The dialog

    @cached_property
    def pages(self) -> dict[str, PageNode]:
        """Every Page by its id. There are a thousand, and most worlds never look at one."""
        return {page.id: page for page in first_pages()}

    def assets(self, person: Person, app: RegisteredApp) -> list[Asset]:  # noqa: ARG002 - the hook's shape
        """Return every Page that the person sees, and the box for all of them."""
        seen = [p for p in self.pages.values() if person.id in p.roles or person.id in p.onlookers]
        whole = [Asset(id=EVERY_PAGE, label="All current and future Pages", checked=False)] if seen else []
        return whole + [Asset(id=p.id, label=p.name) for p in seen]

    def new_token(self, kind: str) -> str:
        """Return a token or a code in Meta's shape."""
        return ("AQ" if kind == "code" else "EAAG") + secrets.token_urlsafe(48).replace("-", "Z")

    def deny_parameters(self) -> dict[str, str]:
        """Return the parameters of the redirect after Cancel."""
        return {
            "error": "access_denied",
            "error_code": "200",
            "error_description": "Permissions error",
            "error_reason": "user_denied",
        }

    def stop_parameters(self) -> dict[str, str]:
        """Return what an app that is not active gets: no `error`, in Meta's own words."""
        inactive = {"error_code": "1349126", "error_message": "App Not Active"}
        return {} if self.settings["app_active"] else inactive

    def authorize_fault(self, app: RegisteredApp | None, query: Mapping[str, str]) -> str:  # noqa: ARG002
        """Refuse permissions that do not exist, as the dialog does, and configurations that nobody made."""
        if (configuration := query.get("config_id")) and configuration not in self.configurations:
            return "Invalid config_id"
        unknown = set(self.asked(query)) - self.known_scopes
        return f"Invalid Scopes: {', '.join(sorted(unknown))}" if unknown else ""

    def asked(self, query: Mapping[str, str]) -> list[str]:
        """Return the permissions of the request's configuration, or else those it lists."""
        configuration = self.configurations.get(query.get("config_id", ""))
        return super().asked(query) if configuration is None else list(configuration)

    def untickable(self, query: Mapping[str, str]) -> bool:
        """Tell whether single permissions can be left out: a configuration is granted as a whole."""
        return "config_id" not in query

    def consented(self, grant: Grant, query: Mapping[str, str]) -> None:
        """Store the answer to each requested permission; those of earlier consents stay."""
        consent = self._consent(grant.person.id, grant.client_id)
        consent.seen_at = self.clock.now()
        consent.permissions["public_profile"] = "granted"
        for scope in self.asked(query):
            granted = scope in grant.scopes
            consent.permissions[scope] = "granted" if granted else "declined"
            consent.targets[scope] = None if EVERY_PAGE in grant.assets else grant.assets

    # The token endpoint

    async def token(self, request: web.Request) -> web.Response:
        """Answer with a token: for a code, for a short token, or for the app's own credentials."""
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
        """Return the token with this `value`, or raise the error with the subcode of why it is not valid."""
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

    def _check_version(self, request: web.Request) -> None:
        version = request.match_info["version"]
        if int(version[1:].partition(".")[0]) > NEWEST:
            raise GraphRefusal(2500, f"Unknown path components: /{version}")

    def _envelope(self, request: web.Request, refusal: GraphRefusal) -> web.Response:
        error: dict[str, Any] = {"message": refusal.message, "type": refusal.kind, "code": refusal.code}
        if refusal.subcode:
            error["error_subcode"] = refusal.subcode
        if refusal.data:
            error["error_data"] = refusal.data
        error["fbtrace_id"] = secrets.token_urlsafe(8)
        headers = self._headers(request)
        if refusal.code == 190:
            headers["WWW-Authenticate"] = 'OAuth "Facebook Platform" "invalid_token"'
        return web.json_response({"error": error}, status=refusal.status, headers=headers)

    def _headers(self, request: web.Request) -> dict[str, str]:
        """Return the usage headers of every answer: the percentage used, and the minutes to wait at the limit."""
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

    # Control

    def _end(self, subcode: int, *, person: str | None, client_id: str | None = None) -> int:
        """Make every token of a person answer with `subcode`; 458 also ends the permissions."""
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
        """Report to the app that a person has removed it; return the status of its answer, or 0 if there was none."""
        facts = {"user_id": scoped_id(token), "issued_at": int(self.clock.now())}
        return await post_report(
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
