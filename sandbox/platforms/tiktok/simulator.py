"""TikTok: sign-in, tokens, user info, creator info and webhooks, as developers.tiktok.com describes them.

From "Login Kit for Web" and "Manage User Access Tokens with OAuth v2": `client_key`, comma-separated scopes
that a person may untick, codes that need URL-decoding, flat token answers with `open_id`. From "Refresh a
User Access Token" (November 2026): two hours, 180 days, single use; earlier a day and 365 days, for which there
are the settings `access_life_s` and `refresh_life_s`. From "Login Kit for Desktop": PKCE with the digest
in hex. From "Get User Info", "Query Creator Info" and "Error Handling": the envelope and its codes. From
"Webhooks": the signature and its retries (of which there are none here).
"""

from __future__ import annotations

import hashlib
import hmac
import html
import json
import secrets
import time
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from sandbox.platforms.callbacks import post_report
from sandbox.platforms.tiktok.envelopes import answer, log_id, refuse
from sandbox.platforms.tiktok.publishing import Publishing
from sandbox.platforms.values import Grant, OAuthRefusal, Person, RegisteredApp, Registration, Rules

DAY_S = 24 * 60 * 60
CREATOR_INFO_PER_MINUTE = 20
USER_REMOVED_ACCESS = 1
"""The `reason` of `authorization.removed` when a person disconnects the app in TikTok's settings."""
OPEN_IDS = uuid.UUID("0c7a0da7-0000-4000-8000-000000000000")
"""Namespace of the made-up open ids: one per person and app, as TikTok's are."""

FIELD_SCOPES: Mapping[str, str] = (
    dict.fromkeys(
        ("open_id", "union_id", "avatar_url", "avatar_url_100", "avatar_large_url", "display_name"),
        "user.info.basic",
    )
    | dict.fromkeys(
        ("username", "bio_description", "profile_deep_link", "profile_web_link", "is_verified"),
        "user.info.profile",
    )
    | dict.fromkeys(("follower_count", "following_count", "likes_count", "video_count"), "user.info.stats")
)
"""Which scope each field of user/info needs ("Get User Info")."""

PEOPLE = (
    Person(
        id="octa_demo",
        name="Octa Demo",
        about="@octademo, a public account",
        facts={"username": "octademo", "followers": 1204, "videos": 37},
    ),
    Person(
        id="private_penny",
        name="Private Penny",
        about="@pennysprivate, a private account",
        facts={"username": "pennysprivate", "followers": 11, "videos": 4, "private": True},
    ),
)


class TikTokSimulator(Publishing):
    """www.tiktok.com and open.tiktokapis.com.

    Settings besides the common ones: `errors_with_200` (OAuth errors come with HTTP 200, as was observed),
    `pkce` ("none" for a Web app, "hex" for a Desktop app), `creator_error` (a code such as
    `spam_risk_too_many_posts` that creator_info answers, with HTTP 200), `webhook_url` (where events go).
    The control action `revoke` also takes {"reason": number} and then sends `authorization.removed`.
    """

    name = "tiktok"
    title = "TikTok"
    registrations = (
        Registration(
            app="tiktok",
            platform="tiktok",
            client_id="awsandboxtiktok1",
            client_secret="tiktok-secret-of-the-sandbox",
        ),
    )
    told_at: ClassVar[Mapping[str, str]] = {"webhook_url": "/tiktok/webhook", "media_origin": ""}
    colour = "#121212"
    rules = Rules(
        authorize_path="/v2/auth/authorize/",
        token_path="/v2/oauth/token/",
        revoke_path="/v2/oauth/revoke/",
        scope_separator=",",
        answer_scope_separator=",",
        client_id_param="client_key",
        code_life_s=300,
        access_life_s=7200,
        refresh_life_s=180 * DAY_S,
        single_use_refresh=True,
    )
    known_scopes: ClassVar[frozenset[str]] = frozenset(FIELD_SCOPES.values()) | {
        "video.list",
        "video.publish",
        "video.upload",
    }

    def __init__(self) -> None:
        super().__init__()
        self.settings |= {"errors_with_200": True, "creator_error": "", "webhook_url": ""}
        self.people = {person.id: person for person in PEOPLE}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of sign-in, tokens, user info, creator info and the pictures they link to."""
        return [
            *super().routes(),
            web.get("/v2/user/info/", self.user_info),
            web.post("/v2/post/publish/creator_info/query/", self.creator_info),
            web.get("/avatar/{person}.svg", self.avatar),
        ]

    def new_token(self, kind: str) -> str:
        """Return a token in TikTok's shape; a code contains characters that a URL escapes."""
        fresh = secrets.token_urlsafe(24)
        return {"access": f"act.{fresh}", "refresh": f"rft.{fresh}"}.get(kind, f"{fresh}*2!4{fresh[:4]}%.u1")

    def token_answer(self, grant: Grant, body: dict[str, Any]) -> dict[str, Any]:
        """Return the flat answer, with `open_id` and the rest of the refresh token's lifetime."""
        body |= {"open_id": self.open_id(grant), "token_type": "Bearer"}
        expires = grant.refresh.get(body.get("refresh_token", ""))
        if expires is not None:
            body["refresh_expires_in"] = round(expires - self.clock.now())
        return body

    def refusal_answer(self, refusal: OAuthRefusal) -> web.Response:
        """Return an OAuth error with its log id; with HTTP 200 if `errors_with_200` is set."""
        body = {
            "error": refusal.error,
            "error_description": refusal.description,
            "log_id": log_id(),
        }
        return web.json_response(body, status=200 if self.settings["errors_with_200"] else refusal.status)

    def deny_parameters(self) -> dict[str, str]:
        """Return TikTok's parameters after Cancel."""
        return super().deny_parameters() | {"error_type": "access_denied"}

    def redirect_extra(self, grant: Grant) -> dict[str, str]:
        """Return the granted scopes, which TikTok repeats in the redirect."""
        return {"scopes": ",".join(sorted(grant.scopes))}

    def authorize_fault(self, app: RegisteredApp | None, query: Mapping[str, str]) -> str:
        """Refuse scopes that the app's products don't include, and a request without `state`."""
        asked = frozenset(filter(None, query.get("scope", "").split(",")))
        if app is not None and (beyond := asked - app.scopes):
            return f"scope: not approved for this app: {', '.join(sorted(beyond))}"
        return "" if query.get("state") else "state: missing"

    def open_id(self, grant: Grant) -> str:
        """Return the id of this person for this app."""
        return str(uuid.uuid5(OPEN_IDS, f"{grant.client_id}/{grant.person.id}"))

    async def user_info(self, request: web.Request) -> web.Response:
        """Answer `GET /v2/user/info/` with the `fields` asked for, each of which needs its scope."""
        grant = self.live_grant(request)
        if grant is None:
            return refuse(401, "access_token_invalid", "The access token is invalid or not found.")
        fields = [f for f in request.query.get("fields", "").split(",") if f]
        if not fields or not FIELD_SCOPES.keys() >= set(fields):
            return refuse(400, "invalid_params", "Fields is invalid or missing.")
        if "user.info.basic" not in grant.scopes:
            return refuse(401, "scope_not_authorized", "The user did not authorize the scope required.")
        if not {FIELD_SCOPES[f] for f in fields} <= grant.scopes:
            return refuse(401, "scope_permission_missed", "Additional scope permission is required.")
        profile = self._profile(grant)
        return answer({"user": {f: profile[f] for f in fields}})

    async def creator_info(self, request: web.Request) -> web.Response:
        """Answer `POST /v2/post/publish/creator_info/query/`: what this creator may choose when posting."""
        grant = self.live_grant(request)
        if grant is None:
            return refuse(401, "access_token_invalid", "The access token is invalid or not found.")
        if "video.publish" not in grant.scopes:
            return refuse(401, "scope_not_authorized", "The user did not authorize the scope required.")
        if self.too_often(grant, "creator_info", CREATOR_INFO_PER_MINUTE):
            return refuse(429, "rate_limit_exceeded", "The API rate limit was exceeded.")
        if self.settings["creator_error"]:
            return refuse(200, self.settings["creator_error"], "This creator can not post now.")
        private = bool(grant.person.facts.get("private"))
        return answer(
            {
                "creator_avatar_url": self._avatar_url(grant.person),
                "creator_username": grant.person.facts["username"],
                "creator_nickname": grant.person.name,
                "privacy_level_options": self.privacy_levels(grant.person),
                "comment_disabled": False,
                "duet_disabled": private,
                "stitch_disabled": private,
                "max_video_post_duration_sec": 600,
            }
        )

    async def avatar(self, request: web.Request) -> web.Response:
        """Answer with a picture of the first letter of the person's name."""
        person = self.people.get(request.match_info["person"])
        if person is None:
            raise web.HTTPNotFound
        return web.Response(
            content_type="image/svg+xml",
            text='<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40"/>'
            '<text x="20" y="28" text-anchor="middle" fill="#fff" font-family="sans-serif" font-size="22">'
            f"{html.escape(person.name[0])}</text></svg>",
        )

    async def send_event(self, grant: Grant, event: str, content: Mapping[str, Any]) -> int:
        """Post a signed webhook about `grant` to `webhook_url`; return the status of the answer, or 0 if none."""
        app = self.apps[grant.client_id]
        # Signed with the time of the machine, which the app uses too; the platform's clock may have been moved.
        at = int(time.time())
        body = json.dumps(
            {
                "client_key": app.client_id,
                "event": event,
                "create_time": int(self.clock.now()),
                "user_openid": self.open_id(grant),
                "content": json.dumps(content),
            }
        )
        signed = hmac.new(app.client_secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "TikTok-Signature": f"t={at},s={signed}"}
        return await post_report(self.settings["webhook_url"], body, headers)

    async def _control_revoke(self, given: dict[str, Any]) -> Any:
        living = [g for g in self.grants.values() if not g.dead]
        answer = await super()._control_revoke(given)
        reason = given.get("reason")
        content = {"reason": reason if isinstance(reason, int) else USER_REMOVED_ACCESS}
        ended = [g for g in living if g.dead] if self.settings["webhook_url"] else []
        return answer | {
            "webhooks": [await self.send_event(g, "authorization.removed", content) for g in ended]
        }

    def _profile(self, grant: Grant) -> dict[str, Any]:
        person, facts = grant.person, grant.person.facts
        avatar, profile = self._avatar_url(person), f"{self.url}/@{facts['username']}"
        return {
            "open_id": self.open_id(grant),
            "union_id": str(uuid.uuid5(OPEN_IDS, person.id)),
            "avatar_url": avatar,
            "avatar_url_100": avatar,
            "avatar_large_url": avatar,
            "display_name": person.name,
            "username": facts["username"],
            "bio_description": "",
            "profile_deep_link": profile,
            "profile_web_link": profile,
            "is_verified": False,
            "follower_count": facts["followers"],
            "following_count": 3,
            "likes_count": facts["followers"] * 5,
            "video_count": facts["videos"],
        }

    def _avatar_url(self, person: Person) -> str:
        return f"{self.url}/avatar/{person.id}.svg"
