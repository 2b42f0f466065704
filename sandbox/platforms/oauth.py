"""The OAuth server that all simulated platforms share: consent page, codes, tokens, rotation, revocation.

The differences are data (`Rules`) and a few hooks. Each platform's module names the sources of its values.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import unquote_plus, urlencode

from aiohttp import web

from sandbox.platforms.page import consent_page
from sandbox.platforms.showing import TimelineSimulator
from sandbox.platforms.values import (
    Asset,
    Code,
    Grant,
    OAuthRefusal,
    Person,
    RegisteredApp,
    Registration,
    Rules,
)

RENAME = "Rename"
"""The World page's label for another name."""


class OAuthSimulator(TimelineSimulator):
    """A platform's login. Subclasses set `rules` and `title`, fill `people`, and add their API."""

    rules: ClassVar[Rules]
    products: ClassVar[str] = ""
    """Its heading on the World page if it simulates several platforms; empty: `title`."""
    registrations: ClassVar[tuple[Registration, ...]]
    """Octapost's apps there. They name the platforms that this simulator simulates."""
    told_at: ClassVar[Mapping[str, str]] = {}
    """Setting -> the path of Octapost to which the platform reports that a person has removed the app."""
    warning_day: ClassVar[int | None] = None
    """The day on which a sign-in that only a person can renew has a week left. None: tokens are refreshed."""
    asset_question: ClassVar[str] = ""
    """The question about assets, such as "Which Pages may this app use?". Empty: there are no assets."""
    one_asset: ClassVar[bool] = False
    """Radio buttons instead of check boxes."""
    known_scopes: ClassVar[frozenset[str]] = frozenset()
    """Every scope that this simulator knows."""
    measures: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """What the platform can do to an account: the World page's label, and the facts that change."""
    renames: ClassVar[bool] = True
    """Accounts can get another name there."""

    def __init__(self) -> None:
        super().__init__()
        self.people: dict[str, Person] = {}
        self.apps: dict[str, RegisteredApp] = {}
        self.grants: dict[str, Grant] = {}
        self.issued_to: dict[str, str] = {}
        """Token -> the id of its grant, so that a look-up among ten thousand is as fast as among ten."""
        self.codes: dict[str, Code] = {}
        self.settings |= {
            "code_life_s": self.rules.code_life_s,
            "access_life_s": self.rules.access_life_s,
            "refresh_life_s": self.rules.refresh_life_s,
            "issues_refresh": self.rules.issues_refresh,
            "pkce": self.rules.pkce,
        }

    def register(
        self,
        client_id: str,
        client_secret: str,
        redirect_uris: Sequence[str],
        scopes: Iterable[str] | None = None,
    ) -> None:
        """Add a developer's app. `scopes`: the ones of its products; None: all."""
        self.apps[client_id] = RegisteredApp(
            client_id=client_id,
            client_secret=client_secret,
            redirect_uris=tuple(redirect_uris),
            scopes=self.known_scopes if scopes is None else frozenset(scopes),
        )

    def connect_app(self, app_url: str) -> None:
        """Register Octapost, whose address is `app_url`."""
        for name, path in self.told_at.items():
            self.settings[name] = f"{app_url}{path}"
        for one in self.registrations:
            callbacks = [f"{app_url}/oauth/{slug}/callback" for slug in one.callbacks or (one.platform,)]
            self.register(one.client_id, one.client_secret, callbacks, one.scopes)

    # What a platform's module overrides

    def assets(self, person: Person, app: RegisteredApp) -> list[Asset]:  # noqa: ARG002 - a hook
        """Return what `person` can tick on the consent page besides scopes."""
        return []

    def new_token(self, kind: str) -> str:
        """Return a new token in the platform's shape; `kind` is "access", "refresh" or "code"."""
        return f"{kind}-{secrets.token_urlsafe(24)}"

    def token_answer(self, grant: Grant, body: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - a hook
        """Return the token endpoint's answer; `body` is RFC 6749's."""
        return body

    def refusal_answer(self, refusal: OAuthRefusal) -> web.Response:
        """Return the token endpoint's error in the platform's shape."""
        return web.json_response(
            {"error": refusal.error, "error_description": refusal.description}, status=refusal.status
        )

    def deny_parameters(self) -> dict[str, str]:
        """Return the parameters of the redirect when the person cancels."""
        return {"error": "access_denied", "error_description": "The user denied the request"}

    def stop_parameters(self) -> dict[str, str]:
        """Return the parameters of the redirect where the platform stops the sign-in itself; empty: it doesn't."""
        return {}

    def authorize_fault(self, app: RegisteredApp | None, query: Mapping[str, str]) -> str:  # noqa: ARG002
        """Return the error for which the consent page does not open, or an empty string."""
        return ""

    def asked(self, query: Mapping[str, str]) -> list[str]:
        """Return the permissions that an authorization request asks for."""
        return query.get("scope", "").replace(",", " ").split()

    def untickable(self, query: Mapping[str, str]) -> bool:  # noqa: ARG002 - a hook
        """Tell whether a person can leave out single permissions of a request."""
        return self.rules.untickable

    def consented(self, grant: Grant, query: Mapping[str, str]) -> None:
        """Adjust a new grant; `query` has the parameters of the authorization request."""

    def redirect_extra(self, grant: Grant) -> dict[str, str]:  # noqa: ARG002 - a hook
        """Return the parameters of the redirect besides `code` and `state`."""
        return {}

    def granted(self, app: RegisteredApp, form: Mapping[str, str]) -> Grant:
        """Return the grant for which the token endpoint issues new tokens.

        Raises:
            OAuthRefusal: The request is refused.

        """
        match form.get("grant_type"):
            case "authorization_code":
                return self._redeem(app, form)
            case "refresh_token":
                return self._refresh(app, form)
            case _:
                raise OAuthRefusal("unsupported_grant_type")

    # The server

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the consent page, the token endpoint and revocation, besides those of the timeline."""
        found = [
            *super().routes(),
            web.get(self.rules.authorize_path, self.show_consent),
            web.post(self.rules.authorize_path, self.take_consent),
            web.post(self.rules.token_path, self.token),
        ]
        if self.rules.revoke_path is not None:
            found.append(web.post(self.rules.revoke_path, self.revoke))
        return found

    def controls(self) -> Mapping[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Add the actions `revoke` {"person": id, "reason": text}, `expire` {"person": id} and `change`.

        `change` {"person": id, "name": text, "facts": {...}}: the person's name and facts are different from now on.
        """
        return {
            **super().controls(),
            "revoke": self._control_revoke,
            "expire": self._control_expire,
            "change": self._control_change,
        }

    def account_name(self, account_id: str) -> str:
        """Return the name of the person whose account it is. Platforms with other accounts add theirs."""
        return self.people[account_id].name if account_id in self.people else account_id

    def nothing_renews(self, person: str) -> bool:
        """Tell whether a sign-in of this person has no refresh token."""
        return any(g.person.id == person and not g.dead and not g.refresh for g in self.grants.values())

    async def show_consent(self, request: web.Request) -> web.Response:
        """Answer with the consent page; `?person=` chooses who is signed in."""
        query = request.query
        app = self.apps.get(query.get(self.rules.client_id_param, ""))
        if (wrong := self._authorize_fault(app, query)) or app is None:
            raise web.HTTPBadRequest(text=wrong or "unknown client")
        if stopped := self.stop_parameters():
            state = {"state": query["state"]} if "state" in query else {}
            raise web.HTTPFound(f"{query['redirect_uri']}?{urlencode(stopped | state)}")
        person = self.people.get(query.get("person", "")) or next(iter(self.people.values()))
        return web.Response(
            content_type="text/html",
            text=consent_page(
                title=self.title,
                colour=self.colour,
                query=dict(query),
                people=list(self.people.values()),
                person=person,
                scopes=self.asked(query),
                untickable=self.untickable(query),
                assets=self.assets(person, app),
                asset_question=self.asset_question,
                one_asset=self.one_asset,
            ),
        )

    async def take_consent(self, request: web.Request) -> web.Response:
        """Answer the consent form: `decision` approve or cancel, `person`, repeated `scope` and `asset`."""
        query, form = request.query, await request.post()
        app = self.apps.get(query.get(self.rules.client_id_param, ""))
        if (wrong := self._authorize_fault(app, query)) or app is None:
            raise web.HTTPBadRequest(text=wrong or "unknown client")
        state = {"state": query["state"]} if "state" in query else {}
        target = query["redirect_uri"]
        if form.get("decision") != "approve":
            raise web.HTTPSeeOther(f"{target}?{urlencode(self.deny_parameters() | state)}")
        person = self.people[str(form["person"])]
        asked = frozenset(self.asked(query))
        ticked = frozenset(str(s) for s in form.getall("scope", ()))
        granted = (asked & ticked) if self.untickable(query) else asked
        grant = self._new_grant(
            person, app, granted & app.scopes, frozenset(str(a) for a in form.getall("asset", ()))
        )
        self.consented(grant, query)
        code = self.new_token("code")
        self.codes[code] = Code(
            grant=grant,
            redirect_uri=target,
            expires_at=self.clock.now() + float(self.settings["code_life_s"]),
            challenge=query.get("code_challenge", ""),
        )
        answer = {"code": code} | state | self.redirect_extra(grant)
        raise web.HTTPSeeOther(f"{target}?{urlencode(answer)}")

    async def token(self, request: web.Request) -> web.Response:
        """Answer the token endpoint."""
        form = {k: str(v) for k, v in (await request.post()).items()}
        try:
            grant = self.granted(self._authenticate(request, form), form)
        except OAuthRefusal as refusal:
            return self.refusal_answer(refusal)
        return web.json_response(self.token_answer(grant, self.issue(grant)))

    async def revoke(self, request: web.Request) -> web.Response:
        """End the grant of a token. Unknown tokens get the same answer (RFC 7009)."""
        form = {k: str(v) for k, v in (await request.post()).items()}
        try:
            self._authenticate(request, form)
        except OAuthRefusal as refusal:
            return self.refusal_answer(refusal)
        if grant := self.grant_of(form.get("token", "")):
            self.end(grant, "revoked by the app")
        return web.json_response({})

    def issue(self, grant: Grant) -> dict[str, Any]:
        """Add new tokens to `grant` and return the answer of RFC 6749."""
        now = self.clock.now()
        access = self.new_token("access")
        life = float(self.settings["access_life_s"])
        grant.access[access] = now + life
        self.issued_to[access] = grant.id
        body: dict[str, Any] = {
            "access_token": access,
            "token_type": "bearer",
            "expires_in": int(life),
            "scope": self.rules.answer_scope_separator.join(sorted(grant.scopes)),
        }
        if self.settings["issues_refresh"] and (not grant.refresh or self.rules.single_use_refresh):
            token = self.new_token("refresh")
            refresh_life = self.settings["refresh_life_s"]
            grant.refresh[token] = None if refresh_life is None else now + float(refresh_life)
            self.issued_to[token] = grant.id
            body["refresh_token"] = token
        return body

    def grant_of(self, token: str) -> Grant | None:
        """Return the grant of an access or refresh token, even if it has ended."""
        hinted = self.grants.get(self.issued_to.get(token, ""))
        if hinted is not None and hinted.has(token):
            return hinted
        return next((grant for grant in self.grants.values() if grant.has(token)), None)

    def live_grant(self, request: web.Request) -> Grant | None:
        """Return the grant of the token in `Authorization: Bearer` if it is valid now."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        grant = self.grant_of(token) if kind.lower() in {"bearer", "oauth"} else None
        if grant is None or grant.dead or grant.access.get(token, 0) <= self.clock.now():
            return None
        return grant

    def end(self, grant: Grant, why: str) -> None:
        """End `grant` with all of its tokens."""
        grant.dead = why

    def _new_grant(
        self, person: Person, app: RegisteredApp, scopes: frozenset[str], assets: frozenset[str]
    ) -> Grant:
        if self.rules.single_grant:
            for older in self.grants.values():
                if older.person.id == person.id and older.client_id == app.client_id and not older.dead:
                    self.end(older, "a newer sign-in of the same person")
        grant = Grant(
            id=secrets.token_hex(8),
            person=person,
            client_id=app.client_id,
            scopes=scopes,
            assets=assets,
            issued_at=self.clock.now(),
        )
        self.grants[grant.id] = grant
        return grant

    def _authorize_fault(self, app: RegisteredApp | None, query: Mapping[str, str]) -> str:
        if app is None:
            return f"{self.rules.client_id_param}: unknown app"
        if query.get("redirect_uri") not in app.redirect_uris:
            return "redirect_uri: does not match a registered one"
        if query.get("response_type", "code") != "code":
            return "response_type: must be code"
        if self.settings["pkce"] in {"required", "hex"} and not query.get("code_challenge"):
            return "code_challenge: missing"
        return self.authorize_fault(app, query)

    def _authenticate(self, request: web.Request, form: Mapping[str, str]) -> RegisteredApp:
        if self.rules.basic_auth:
            kind, _, pair = request.headers.get("Authorization", "").partition(" ")
            try:
                given = base64.b64decode(pair).decode() if kind.lower() == "basic" else ":"
            except ValueError:
                given = ":"
            client_id, _, secret = (unquote_plus(part) for part in given.partition(":"))
        else:
            client_id, secret = form.get(self.rules.client_id_param, ""), form.get("client_secret", "")
        app = self.apps.get(client_id)
        if app is None or not secrets.compare_digest(app.client_secret, secret):
            raise OAuthRefusal("invalid_client", "Unknown client or wrong secret", 401)
        return app

    def _redeem(self, app: RegisteredApp, form: Mapping[str, str]) -> Grant:
        code = self.codes.get(form.get("code", ""))
        if code is None or code.grant.client_id != app.client_id:
            raise OAuthRefusal("invalid_grant", "Unknown authorization code")
        if code.used:
            self.end(code.grant, "its code was used twice")
            raise OAuthRefusal("invalid_grant", "Authorization code was used before")
        code.used = True
        if code.expires_at < self.clock.now():
            raise OAuthRefusal("invalid_grant", "Authorization code expired")
        if form.get("redirect_uri") != code.redirect_uri:
            raise OAuthRefusal("invalid_grant", "redirect_uri does not match")
        if self.settings["pkce"] != "none" and code.challenge:
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            expected = (
                digest.hex()
                if self.settings["pkce"] == "hex"
                else base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            )
            if not secrets.compare_digest(expected, code.challenge):
                raise OAuthRefusal("invalid_grant", "Code verifier does not match the code challenge")
        return code.grant

    def _refresh(self, app: RegisteredApp, form: Mapping[str, str]) -> Grant:
        token = form.get("refresh_token", "")
        grant = self.grant_of(token)
        if grant is None or grant.client_id != app.client_id or token in grant.access:
            raise OAuthRefusal("invalid_grant", "Unknown refresh token")
        if token in grant.spent:
            self.end(grant, "a used refresh token came back")
        if grant.dead:
            raise OAuthRefusal("invalid_grant", "Token has been expired or revoked.")
        expires = grant.refresh[token]
        if expires is not None and expires < self.clock.now():
            raise OAuthRefusal("invalid_grant", "Refresh token expired")
        if self.rules.single_use_refresh:
            del grant.refresh[token]
            grant.spent.add(token)
            grant.access.clear()
        return grant

    def buttons(self) -> list[str]:
        """Return the labels of what the World page can do to a person's accounts there, in order."""
        return [*self.measures, *([RENAME] if self.renames else [])]

    def act(self, label: str, person: Person) -> str:
        """Do to a person's accounts what the label says, and return what happened: a sentence without its full stop.

        Raises:
            ValueError: That cannot be done there.

        """
        if label == RENAME and self.renames:
            return self.rename(person)
        if label not in self.measures:
            raise ValueError("that cannot be done there")
        self.change(person, facts=self.measures[label])
        return f"{person.name}: {label}"

    def rename(self, person: Person) -> str:
        """Give a person's account another name and handle, or the old ones again, and return what happened."""
        facts = {"username": renamed(handle, "_new")} if (handle := person.facts.get("username")) else {}
        after = self.change(person, name=renamed(person.name), facts=facts)
        return f"{person.name} is called {after.name} now" + (f", @{facts['username']}" if facts else "")

    def change(self, person: Person, *, name: str = "", facts: Mapping[str, Any] | None = None) -> Person:
        """Give a person another name and other facts, in all grants, and return the person."""
        after = replace(person, name=name or person.name, facts={**person.facts, **(facts or {})})
        self.people[person.id] = after
        for grant in self.grants.values():
            if grant.person.id == person.id:
                grant.person = after
        return after

    async def _control_revoke(self, given: dict[str, Any]) -> Any:
        ended = [g for g in self.grants.values() if given.get("person") in {None, g.person.id} and not g.dead]
        for grant in ended:
            self.end(grant, str(given.get("reason", "revoked by the person")))
        return {"ended": len(ended)}

    async def _control_expire(self, given: dict[str, Any]) -> Any:
        touched = [g for g in self.grants.values() if given.get("person") in {None, g.person.id}]
        for grant in touched:
            grant.access = dict.fromkeys(grant.access, 0.0)
        return {"expired": len(touched)}

    async def _control_change(self, given: dict[str, Any]) -> Any:
        before = self.people[str(given["person"])]
        after = self.change(before, name=str(given.get("name", "")), facts=given.get("facts", {}))
        return {"name": after.name, "facts": sorted(after.facts)}


def renamed(name: str, ending: str = " New") -> str:
    """Return the name with the ending, or without it if it has it already."""
    return name.removesuffix(ending) if name.endswith(ending) else f"{name}{ending}"
