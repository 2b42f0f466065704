"""Installing the app and signing in with Slack.

Sources: https://docs.slack.dev/authentication/installing-with-oauth,
https://docs.slack.dev/reference/methods/oauth.v2.access,
https://docs.slack.dev/authentication/using-token-rotation,
https://docs.slack.dev/authentication/sign-in-with-slack, and Slack's discovery document
https://slack.com/.well-known/openid-configuration.
"""

from __future__ import annotations

import functools
import hmac
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

from sandbox.slack.pages import consent_page, refusal_page
from sandbox.slack.requests import arguments, basic, bearer
from sandbox.slack.state import AppConfig, Code, Installation, Json, Refused, Token, User, new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.slack.hands import Hands

INSTALL_PATH = "/oauth/v2/authorize"
SIGN_IN_PATH = "/openid/connect/authorize"
SIGNED_IN = "slack_as"
"""The cookie `<user id>.<workspace id>`: who the browser is signed in as. Consent pages preselect that person."""
ISSUER = "https://slack.com"
CODE_LIFE_S = 600
ROTATED_LIFE_S = 43_200
ID_TOKEN_LIFE_S = 300


@functools.cache
def _signing_key() -> RSAKey:
    return RSAKey.generate_key(2048, parameters={"kid": secrets.token_hex(8)}, private=True)


class OAuth:
    """Consent pages, codes, tokens, rotation, and OpenID Connect."""

    def __init__(self, slack: Hands) -> None:
        self._slack = slack
        self._state = slack.state

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of both consent pages, the token methods, the keys and the discovery document."""
        return [
            web.get(INSTALL_PATH, self._show),
            web.post(INSTALL_PATH, self._decide),
            web.get(SIGN_IN_PATH, self._show),
            web.post(SIGN_IN_PATH, self._decide),
            web.route("*", "/api/oauth.v2.access", self._access),
            web.route("*", "/api/openid.connect.token", self._openid_token),
            web.route("*", "/api/openid.connect.userInfo", self._user_info),
            web.get("/openid/connect/keys", self._keys),
            web.get("/.well-known/openid-configuration", self._discovery),
        ]

    # The consent pages

    async def _show(self, request: web.Request) -> web.StreamResponse:
        try:
            app = self._check(request.path, request.query)
        except Refused as refused:
            page = refusal_page(refused.error, refused.faults)
            return web.Response(text=page, content_type="text/html", status=400)
        installing = request.path == INSTALL_PATH
        page = consent_page(
            app=app,
            state=self._state,
            installing=installing,
            people=self._eligible(request.query.get("team", ""), installing=installing),
            chosen=request.query.get("as") or request.cookies.get(SIGNED_IN, ""),
            scopes=_scopes(request.query, installing=installing),
        )
        return web.Response(text=page, content_type="text/html")

    async def _decide(self, request: web.Request) -> web.StreamResponse:
        form = {k: str(v) for k, v in (await request.post()).items()}
        user_id, _, team_id = form.get("person", "").partition(".")
        target = f"{request.path}?{request.query_string}"
        try:
            location = self.consent(
                target,
                user_id,
                team_id,
                decision=form.get("decision", ""),
                org_wide=form.get("org_wide") == "yes",
            )
        except Refused as refused:
            page = refusal_page(refused.error, refused.faults)
            return web.Response(text=page, content_type="text/html", status=400)
        raise web.HTTPFound(location)

    def consent(
        self, url: str, user_id: str, team_id: str, *, decision: str = "approve", org_wide: bool = False
    ) -> str:
        """Return the address of the redirect after `decision` (`approve` or `cancel`) on a consent page.

        `url` is the app's authorize URL.

        Raises:
            Refused: The page itself would show an error.

        """
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        installing = parts.path == INSTALL_PATH
        app = self._check(parts.path, query)
        redirect_uri = query.get("redirect_uri") or app.redirect_urls[0]
        answer = {"state": query["state"]} if "state" in query else {}
        if decision != "approve":
            return _with(redirect_uri, {"error": "access_denied"} | answer)
        people = self._eligible(query.get("team", ""), installing=installing)
        user = next((u for u, t in people if (u.id, t) == (user_id, team_id)), None)
        if user is None:
            raise Refused("access_denied", ["This person cannot do that in this workspace."])
        enterprise_id = self._state.workspaces[team_id].enterprise_id
        if org_wide and (enterprise_id is None or not user.is_admin):
            raise Refused("access_denied", ["Only an organization's admin installs for all of it."])
        code = Code(
            value=secrets.token_urlsafe(32),
            kind="install" if installing else "openid",
            redirect_uri=query.get("redirect_uri", ""),
            user_id=user_id,
            team_id=None if org_wide else team_id,
            enterprise_id=enterprise_id,
            scopes=tuple(_scopes(query, installing=installing)),
            expires_at=self._state.now() + float(self._slack.settings["code_life_s"]),
            nonce=query.get("nonce", ""),
        )
        self._state.codes[code.value] = code
        return _with(redirect_uri, {"code": code.value} | answer)

    def _check(self, path: str, query: Mapping[str, str]) -> AppConfig:
        app = self._state.app
        if app is None or query.get("client_id") != app.client_id:
            raise Refused("invalid_client_id", ["No app has this client_id."])
        redirect_uri = query.get("redirect_uri", "")
        if not app.redirect_urls or (redirect_uri and not _allowed(redirect_uri, app.redirect_urls)):
            raise Refused("bad_redirect_uri", ["redirect_uri did not match any configured URIs."])
        if path == SIGN_IN_PATH:
            if query.get("response_type") != "code":
                raise Refused("invalid_response_type", ["response_type must be code."])
            if "openid" not in _scopes(query, installing=False):
                raise Refused("invalid_scope", ["The scope openid is missing."])
            if unknown := set(_scopes(query, installing=False)) - {"openid", "email", "profile"}:
                raise Refused("invalid_scope", [f"Invalid permissions requested: {', '.join(unknown)}"])
        else:
            asked = _scopes(query, installing=True)
            if not asked:
                raise Refused("invalid_scope", ["No scopes requested."])
            if app.bot_scopes and (unknown := set(asked) - set(app.bot_scopes)):
                raise Refused("invalid_scope", [f"Invalid permissions requested: {', '.join(unknown)}"])
        return app

    def _eligible(self, team_id: str, *, installing: bool) -> list[tuple[User, str]]:
        """Return the (person, workspace) pairs who may continue: guests can sign in but not install."""
        return [
            (user, workspace.id)
            for workspace in self._state.workspaces.values()
            if team_id in {"", workspace.id, workspace.enterprise_id}
            for user in self._state.people(workspace.id)
            if not user.deleted and not (installing and user.is_restricted)
        ]

    # oauth.v2.access

    async def _access(self, request: web.Request) -> web.StreamResponse:
        try:
            args = await arguments(request)
            app = self._client(request, args)
            if args.get("grant_type", "authorization_code") == "refresh_token":
                return web.json_response(self._refresh(str(args.get("refresh_token") or "")))
            code = self._redeem(args, "install")
            return web.json_response(self._installed(app, code))
        except Refused as refused:
            return web.json_response({"ok": False, "error": refused.error})

    def _client(self, request: web.Request, args: Json) -> AppConfig:
        app = self._slack.app()
        name, secret = basic(request)
        if not name:
            name, secret = str(args.get("client_id") or ""), str(args.get("client_secret") or "")
        if name != app.client_id:
            raise Refused("invalid_client_id")
        if not hmac.compare_digest(secret, app.client_secret):
            raise Refused("bad_client_secret")
        return app

    def _redeem(self, args: Json, kind: str) -> Code:
        code = self._state.codes.get(str(args.get("code") or ""))
        if code is None or code.kind != kind or self._state.now() > code.expires_at:
            raise Refused("invalid_code")
        if code.used:
            raise Refused("code_already_used")
        if code.redirect_uri != str(args.get("redirect_uri") or ""):
            raise Refused("bad_redirect_uri")
        code.used = True
        return code

    def _installed(self, app: AppConfig, code: Code) -> Json:
        installation = self.install(code)
        token, refresh = self._bot_token(installation)
        answer = self._token_answer(app, installation, token, refresh)
        return answer | {"authed_user": {"id": code.user_id}}

    def install(self, code: Code) -> Installation:
        """Install the app in the workspace or organization of a redeemed code, or renew the installation."""
        at = code.team_id or code.enterprise_id or ""
        installation = next(
            (
                i
                for i in self._state.installations.values()
                if (i.team_id, i.enterprise_id) == (code.team_id, code.enterprise_id)
            ),
            None,
        )
        if installation is None:
            installation = Installation(
                id=new_id("I"),
                team_id=code.team_id,
                enterprise_id=code.enterprise_id,
                bot_user_id=new_id("U0BOT", 6),
                bot_id=new_id("B", 9),
                installer_id=code.user_id,
                scopes=(),
                installed_at=self._state.now(),
            )
            self._state.installations[installation.id] = installation
        kept = installation.scopes if installation.active else ()
        installation.scopes = tuple(dict.fromkeys([*kept, *code.scopes]))
        installation.installer_id, installation.active = code.user_id, True
        teams = self._state.installation_teams(installation)
        self._state.add(
            User(
                id=installation.bot_user_id,
                name=self._slack.app().name.lower(),
                real_name=self._slack.app().name,
                team_id=code.team_id or teams[0],
                team_ids=frozenset(teams),
                enterprise_id=code.enterprise_id,
                is_bot=True,
                bot_id=installation.bot_id,
                about=f"The app's bot in {at}",
            )
        )
        return installation

    def _bot_token(self, installation: Installation) -> tuple[Token, str]:
        """Return the installation's token: the one it has, unless tokens rotate or it has ended."""
        rotating = bool(self._slack.settings["token_rotation"])
        alive = [
            t
            for t in self._state.tokens.values()
            if t.installation_id == installation.id and t.kind == "bot" and not t.dead
        ]
        if alive and not rotating:
            alive[0].scopes = installation.scopes
            return alive[0], ""
        numbers = f"{secrets.randbelow(10**12):012d}-{secrets.randbelow(10**12):012d}"
        token = Token(
            value=f"{'xoxe.' if rotating else ''}xoxb-{numbers}-{secrets.token_urlsafe(18)}",
            installation_id=installation.id,
            user_id=installation.bot_user_id,
            team_id=installation.team_id or "",
            scopes=installation.scopes,
            expires_at=self._state.now() + self._slack.settings["token_life_s"] if rotating else None,
        )
        self._state.tokens[token.value] = token
        refresh = ""
        if rotating:
            refresh = f"xoxe-1-{secrets.token_urlsafe(48)}"
            self._state.refresh_tokens[refresh] = token.value
        return token, refresh

    def _refresh(self, given: str) -> Json:
        """Exchange a refresh token, which works once, for a new pair."""
        old = self._state.refresh_tokens.pop(given, None)
        if old is None:
            raise Refused("invalid_refresh_token")
        installation = self._state.installations[self._state.tokens[old].installation_id]
        if not installation.active or self._state.tokens[old].dead:
            raise Refused("invalid_refresh_token")
        token, refresh = self._bot_token(installation)
        return self._token_answer(self._slack.app(), installation, token, refresh)

    def _token_answer(self, app: AppConfig, where: Installation, token: Token, refresh: str) -> Json:
        team = self._state.workspaces[where.team_id] if where.team_id else None
        enterprise = self._state.enterprises[where.enterprise_id] if where.enterprise_id else None
        answer: Json = {
            "ok": True,
            "access_token": token.value,
            "token_type": "bot",
            "scope": ",".join(token.scopes),
            "bot_user_id": where.bot_user_id,
            "app_id": app.app_id,
            "team": {"id": team.id, "name": team.name} if team else None,
            "enterprise": {"id": enterprise.id, "name": enterprise.name} if enterprise else None,
            "is_enterprise_install": where.is_enterprise_install,
        }
        if refresh:
            answer |= {"refresh_token": refresh, "expires_in": int(self._slack.settings["token_life_s"])}
        return answer

    # OpenID Connect

    async def _openid_token(self, request: web.Request) -> web.StreamResponse:
        try:
            args = await arguments(request)
            app = self._client(request, args)
            code = self._redeem(args, "openid")
        except Refused as refused:
            return web.json_response({"ok": False, "error": refused.error})
        token = Token(
            value=f"xoxp-{secrets.token_urlsafe(32)}",
            installation_id="",
            user_id=code.user_id,
            kind="openid",
            team_id=code.team_id or "",
            scopes=code.scopes,
        )
        self._state.tokens[token.value] = token
        return web.json_response(
            {
                "ok": True,
                "access_token": token.value,
                "token_type": "Bearer",
                "id_token": self._id_token(app, code),
            }
        )

    def _id_token(self, app: AppConfig, code: Code) -> str:
        now = int(self._state.now())
        claims: Json = {
            "iss": ISSUER,
            "sub": code.user_id,
            "aud": app.client_id,
            "exp": now + ID_TOKEN_LIFE_S,
            "iat": now,
            "auth_time": now,
            "https://slack.com/team_id": code.team_id,
            "https://slack.com/user_id": code.user_id,
        }
        if code.nonce:
            claims["nonce"] = code.nonce
        claims |= self._slack.settings["id_token_claims"]
        header = {"alg": "RS256", "typ": "JWT", "kid": _signing_key().kid}
        return jwt.encode(header, claims, _signing_key(), algorithms=["RS256"])

    async def _user_info(self, request: web.Request) -> web.StreamResponse:
        args = await arguments(request)
        token = self._state.tokens.get(bearer(request) or str(args.get("token") or ""))
        if token is None or token.kind != "openid":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        if token.dead or self._state.users[token.user_id].deleted:
            return web.json_response({"ok": False, "error": token.dead or "account_inactive"})
        workspace = self._state.workspaces[token.team_id]
        return web.json_response(
            {
                "ok": True,
                "sub": token.user_id,
                "https://slack.com/user_id": token.user_id,
                "https://slack.com/team_id": workspace.id,
                "https://slack.com/team_name": workspace.name,
                "https://slack.com/team_domain": workspace.domain,
            }
        )

    async def _keys(self, _request: web.Request) -> web.StreamResponse:
        public: Any = _signing_key().as_dict(private=False)
        return web.json_response({"keys": [public | {"use": "sig", "alg": "RS256"}]})

    async def _discovery(self, _request: web.Request) -> web.StreamResponse:
        origin = self._slack.url
        return web.json_response(
            {
                "issuer": ISSUER,
                "authorization_endpoint": f"{origin}{SIGN_IN_PATH}",
                "token_endpoint": f"{origin}/api/openid.connect.token",
                "userinfo_endpoint": f"{origin}/api/openid.connect.userInfo",
                "jwks_uri": f"{origin}/openid/connect/keys",
                "scopes_supported": ["openid", "profile", "email"],
                "response_types_supported": ["code"],
                "response_modes_supported": ["form_post"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "claims_supported": ["sub", "auth_time", "iss"],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            }
        )


def _scopes(query: Mapping[str, str], *, installing: bool) -> list[str]:
    """Return the requested scopes: commas separate bot scopes, spaces those of OpenID."""
    given = query.get("scope", "")
    found = given.replace(" ", ",").split(",") if installing else given.replace(",", " ").split()
    return [scope for scope in found if scope]


def _allowed(redirect_uri: str, configured: tuple[str, ...]) -> bool:
    """Tell whether a redirect URL is a configured one or below one, which Slack accepts."""
    return any(redirect_uri == url or redirect_uri.startswith(url.rstrip("/") + "/") for url in configured)


def _with(url: str, query: Mapping[str, str]) -> str:
    return url + ("&" if "?" in url else "?") + urlencode(query)
