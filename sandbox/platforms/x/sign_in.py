"""X: sign-in, tokens and `users/me`, as docs.x.com and the API's OpenAPI document describe them.

From "OAuth 2.0 Authorization Code Flow with PKCE": codes live 30 seconds, PKCE is required, a confidential client must
authenticate with HTTP Basic, a refresh token comes only with `offline.access` and works once, a second sign-in of a
user to the same app ends the first. From "Rate limits": 75 reads of `users/me` per user in 15 minutes, shown in headers
of every answer. From "Pricing": a user read costs 0.010 dollars. Stricter than X on purpose:
`code_challenge_method=plain` is refused.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from sandbox.platforms.oauth import OAuthSimulator
from sandbox.platforms.values import Grant, OAuthRefusal, Person, RegisteredApp, Registration, Rules

ME_LIMIT = 75
WINDOW_S = 15 * 60
USER_READ_USD = 0.010
DEFAULT_FIELDS = ("id", "name", "username")
LOCKED = (
    "To protect our users from spam and other malicious activity, this account is temporarily locked."
    " Please log in to https://x.com to unlock your account."
)
RENAMED = {"pinned_tweet_id": "pinned_post_id", "most_recent_tweet_id": "most_recent_post_id"}
"""User fields that OpenAPI 2.167 (August 2026) renamed; the old names are still understood."""


class XSignIn(OAuthSimulator):
    """Sign-in, tokens and `users/me`.

    Settings besides the common ones: `credits` (dollars left), `me_limit` (reads per window), `field_names`
    ("old" or "new": which generation of names and problem types the answers use).
    """

    name = "x"
    title = "X"
    registrations = (
        Registration(app="x", platform="x", client_id="eHNhbmRib3g", client_secret="x-secret-of-the-sandbox"),
    )
    colour = "#0f1419"
    rules = Rules(
        authorize_path="/i/oauth2/authorize",
        token_path="/2/oauth2/token",
        revoke_path="/2/oauth2/revoke",
        basic_auth=True,
        pkce="required",
        code_life_s=30,
        access_life_s=7200,
        single_use_refresh=True,
        single_grant=True,
        untickable=False,
    )
    known_scopes: ClassVar[frozenset[str]] = frozenset(
        {"tweet.read", "tweet.write", "users.read", "media.write", "offline.access"}
    )

    measures: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "Suspend": {"suspended": True},
        "Lock": {"locked": True},
        "Give back": {"suspended": False, "locked": False},
    }

    def __init__(self) -> None:
        super().__init__()
        self.settings |= {"credits": 100.0, "me_limit": ME_LIMIT, "field_names": "old"}
        self.people = {person.id: person for person in PEOPLE}
        self._windows: dict[tuple[str, str], tuple[float, int]] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of sign-in, tokens and `users/me`."""
        return [*super().routes(), web.get("/2/users/me", self.me)]

    def new_token(self, kind: str) -> str:
        """Return a token as long as X's."""
        return f"{kind[0].upper()}{secrets.token_urlsafe(68)}"

    def deny_parameters(self) -> dict[str, str]:
        """Return X's parameters after Cancel: only the code."""
        return {"error": "access_denied"}

    def authorize_fault(self, app: RegisteredApp | None, query: Mapping[str, str]) -> str:  # noqa: ARG002
        """Refuse a request without `state` or with a challenge method other than S256."""
        if not 0 < len(query.get("state", "")) <= 500:
            return "state: required, at most 500 characters"
        if query.get("code_challenge_method") != "S256":
            return "code_challenge_method: must be S256"
        return ""

    def issue(self, grant: Grant) -> dict[str, Any]:
        """Add a refresh token only if `offline.access` was granted."""
        body = super().issue(grant)
        if "offline.access" not in grant.scopes:
            grant.refresh.clear()
            body.pop("refresh_token", None)
        return body

    async def revoke(self, request: web.Request) -> web.Response:
        """Answer `{"revoked": true}`."""
        answer = await super().revoke(request)
        return answer if answer.status != web.HTTPOk.status_code else web.json_response({"revoked": True})

    def _authenticate(self, request: web.Request, form: Mapping[str, str]) -> RegisteredApp:
        if not request.headers.get("Authorization", "").lower().startswith("basic "):
            raise OAuthRefusal("unauthorized_client", "Missing valid authorization header", 401)
        return super()._authenticate(request, form)

    def _redeem(self, app: RegisteredApp, form: Mapping[str, str]) -> Grant:
        _demand(form, "code", "redirect_uri", "code_verifier")
        try:
            return super()._redeem(app, form)
        except OAuthRefusal as refusal:
            words = "authorization code was invalid."
            if "redirect_uri" in refusal.description:
                words = "redirect uri did not match the uri of the authorization code."
            elif "verifier" in refusal.description:
                words = "code verifier did not match the code challenge."
            raise OAuthRefusal("invalid_request", f"Value passed for the {words}") from None

    def _refresh(self, app: RegisteredApp, form: Mapping[str, str]) -> Grant:
        _demand(form, "refresh_token")
        try:
            return super()._refresh(app, form)
        except OAuthRefusal:
            raise OAuthRefusal("invalid_request", "Value passed for the token was invalid.") from None

    async def me(self, request: web.Request) -> web.Response:
        """Answer `GET /2/users/me` with the requested fields of the signed-in user."""
        grant = self.live_grant(request)
        if grant is None:
            return self._problem(401, "Unauthorized")
        headers = self._count(grant.person, "me", int(self.settings["me_limit"]))
        if int(headers["x-rate-limit-remaining"]) < 0:
            return self._problem(429, "Too Many Requests", headers=headers | {"x-rate-limit-remaining": "0"})
        if refusal := self._barred(grant, {"tweet.read", "users.read"}, USER_READ_USD, headers):
            return refusal
        profile = self._profile(grant.person)
        asked = [f for f in request.query.get("user.fields", "").split(",") if f]
        wanted = [RENAMED.get(f, f) if self._new_names else f for f in asked]
        if unknown := [f for f in wanted if f not in profile]:
            return self._unknown_fields(unknown, sorted(profile), headers)
        self.settings["credits"] = float(self.settings["credits"]) - USER_READ_USD
        data = {f: profile[f] for f in (*DEFAULT_FIELDS, *wanted) if profile[f] is not None}
        return web.json_response({"data": data}, headers=headers)

    def _barred(
        self, grant: Grant, scopes: set[str], costs: float, headers: Mapping[str, str] | None = None
    ) -> web.Response | None:
        """Return the refusal of a call with a valid token that needs these scopes and costs this, or None."""
        if not scopes <= grant.scopes:
            return self._problem(403, "Forbidden", headers=headers)
        if grant.person.facts.get("suspended"):
            words = "The user used for authentication is suspended"
            return self._problem(403, "Forbidden", detail=words, kind="user-suspended", headers=headers)
        if grant.person.facts.get("locked"):
            body = {
                "errors": [{"code": 326, "message": LOCKED}],
                "title": "Forbidden",
                "detail": LOCKED,
                "type": "about:blank",
                "status": 403,
            }
            return web.json_response(body, status=403, headers=headers)
        return self._no_credits(headers) if float(self.settings["credits"]) < costs else None

    @property
    def _new_names(self) -> bool:
        return bool(self.settings["field_names"] == "new")

    def _profile(self, person: Person) -> dict[str, Any]:
        metrics = {"followers_count": 120, "following_count": 80, "listed_count": 2, "like_count": 15}
        metrics["post_count" if self._new_names else "tweet_count"] = 340
        profile: dict[str, Any] = {
            "id": person.id,
            "name": person.name,
            "username": person.facts["username"],
            "profile_image_url": f"https://pbs.twimg.com/profile_images/{person.id}/face_normal.jpg",
            "verified": person.facts.get("verified_type", "none") != "none",
            "verified_type": person.facts.get("verified_type", "none"),
            "subscription_type": person.facts.get("subscription_type", "None"),
            "protected": bool(person.facts.get("protected")),
            "public_metrics": metrics,
        }
        renamed = RENAMED.values() if self._new_names else RENAMED.keys()
        return profile | dict.fromkeys(renamed)

    def _count(self, person: Person, call: str, limit: int) -> dict[str, str]:
        """Count a call in the person's window and return the headers; beyond the limit, -1 are remaining."""
        now = self.clock.now()
        started, used = self._windows.get((person.id, call), (now, 0))
        if now >= started + WINDOW_S:
            started, used = now, 0
        self._windows[person.id, call] = (started, min(used + 1, limit + 1))
        return {
            "x-rate-limit-limit": str(limit),
            "x-rate-limit-remaining": str(max(limit - used - 1, -1)),
            "x-rate-limit-reset": str(int(started + WINDOW_S)),
        }

    def _type(self, kind: str) -> str:
        host = "api.x.com" if self._new_names else "api.twitter.com"
        return f"https://{host}/2/problems/{kind}"

    def _problem(
        self,
        status: int,
        title: str,
        *,
        detail: str = "",
        kind: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> web.Response:
        body = {
            "title": title,
            "type": self._type(kind) if kind else "about:blank",
            "status": status,
            "detail": detail or title,
        }
        return web.json_response(
            body, status=status, headers=headers, content_type="application/problem+json"
        )

    def _no_credits(self, headers: Mapping[str, str] | None) -> web.Response:
        if self._new_names:
            return self._problem(
                402, "Payment Required", detail="credits depleted", kind="credits-depleted", headers=headers
            )
        words = "Your enrolled account does not have any credits to fulfill this request."
        return self._problem(402, "CreditsDepleted", detail=words, kind="credits", headers=headers)

    def _unknown_fields(
        self, unknown: list[str], known: list[str], headers: Mapping[str, str]
    ) -> web.Response:
        body = {
            "errors": [
                {
                    "parameters": {"user.fields": unknown},
                    "message": f"The `user.fields` query parameter value {unknown} is not one of {known}",
                }
            ],
            "title": "Invalid Request",
            "detail": "One or more parameters to your request was invalid.",
            "type": self._type("invalid-request"),
        }
        return web.json_response(body, status=400, headers=headers)


def _demand(form: Mapping[str, str], *names: str) -> None:
    for name in names:
        if not form.get(name):
            raise OAuthRefusal("invalid_request", f"Missing required parameter [{name}].")


PEOPLE = (
    Person(
        id="4711",
        name="Octa Demo",
        about="@octademo: an ordinary account",
        facts={"username": "octademo"},
    ),
    Person(
        id="4712",
        name="Blue Door Bakery",
        about="@bluedoor: verified, with Premium",
        facts={"username": "bluedoor", "verified_type": "business", "subscription_type": "Premium"},
    ),
    Person(
        id="4713",
        name="Loud Crow",
        about="@loudcrow: suspended by X",
        facts={"username": "loudcrow", "suspended": True},
    ),
    Person(
        id="4714",
        name="Busy Bee",
        about="@busybee: locked by X until its owner confirms who they are",
        facts={"username": "busybee", "locked": True},
    ),
)
