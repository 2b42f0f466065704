"""A simulated Google sign-in and YouTube Data API, for connecting channels and publishing to them.

Written from Google Identity, "Using OAuth 2.0 for Web Server Applications"
(developers.google.com/identity/protocols/oauth2/web-server: refresh token expiration, incremental
authorization, revocation) and from the YouTube Data API's `channels.list` and "Errors" pages.
Brand accounts: one Google account can own several channels, and a token belongs to the chosen one.

Settings besides the common ones: `testing_mode` (the consent screen's publishing status "Testing", whose
refresh tokens end after 7 days), `live_token_cap`, those of `Publishing`, and `signup_error` (someone without a
channel gets 401 youtubeSignupRequired instead of an empty list).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import Any, ClassVar

from aiohttp import web

from sandbox.platforms.oauth import renamed
from sandbox.platforms.values import Asset, Grant, OAuthRefusal, Person, RegisteredApp, Registration, Rules
from sandbox.platforms.youtube.channels import PEOPLE, READERS, SCOPE, Channel, chosen, error_answer
from sandbox.platforms.youtube.publishing import Publishing

TESTING_LIFE_S = 7 * 86_400
PARTS = frozenset({"contentDetails", "id", "snippet", "statistics", "status"})


class YouTubeSimulator(Publishing):
    """Google's consent page and token endpoint, and YouTube's channels.list."""

    name = "youtube"
    title = "YouTube"
    registrations = (
        Registration(
            app="youtube",
            platform="youtube",
            client_id="1012345-sandbox.apps.googleusercontent.com",
            client_secret="GOCSPX-secret-of-the-sandbox",
        ),
    )
    colour = "#c00"
    asset_question = "Which channel may this app use?"
    one_asset = True
    known_scopes: ClassVar[frozenset[str]] = READERS | {
        f"{SCOPE}youtube.upload",
        f"{SCOPE}yt-analytics.readonly",
    }
    measures: ClassVar[Mapping[str, Mapping[str, Any]]] = {"Delete the channel": {"channels": ()}}
    rules = Rules(
        authorize_path="/o/oauth2/v2/auth",
        token_path="/token",
        revoke_path="/revoke",
        pkce="optional",
        access_life_s=3599,
    )

    def __init__(self) -> None:
        super().__init__()
        self.people = {person.id: person for person in PEOPLE}
        self.offline: set[str] = set()
        """The grants that get a refresh token."""
        self.settings |= {
            "testing_mode": False,
            "live_token_cap": 100,
            "signup_error": False,
        }

    def rename(self, person: Person) -> str:
        """Give each channel of a person another title and handle, or the old ones again."""
        before: tuple[Channel, ...] = person.facts["channels"]
        if not before:
            raise ValueError(f"{person.name} has no channel")
        after = tuple(replace(c, title=renamed(c.title), handle=renamed(c.handle, "new")) for c in before)
        self.change(person, facts={"channels": after})
        return "; ".join(
            f"{old.title} is called {new.title} now, {new.handle}"
            for old, new in zip(before, after, strict=True)
        )

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the login, channels.list and the channels' pictures."""
        return [
            *super().routes(),
            web.get("/youtube/v3/channels", self.channels),
            web.get("/pictures/{channel}.svg", self.picture),
        ]

    def assets(self, person: Person, app: RegisteredApp) -> list[Asset]:  # noqa: ARG002 - a hook
        """Return the person's channels; the first is chosen unless the person chooses another."""
        return [
            Asset(id=channel.id, label=f"{channel.title} ({channel.handle})", checked=at == 0)
            for at, channel in enumerate(person.facts["channels"])
        ]

    def new_token(self, kind: str) -> str:
        """Return a token in Google's shape."""
        prefix = {"access": "ya29.", "refresh": "1//", "code": "4/"}[kind]
        return f"{prefix}0A{secrets.token_urlsafe(40)}"

    def deny_parameters(self) -> dict[str, str]:
        """Return Google's redirect for a cancelled consent: the code without a description."""
        return {"error": "access_denied"}

    def authorize_fault(self, app: RegisteredApp | None, query: Mapping[str, str]) -> str:  # noqa: ARG002
        """Refuse scopes that do not exist, and challenges that are not S256 (plain is not simulated)."""
        if unknown := set(query.get("scope", "").split()) - self.known_scopes:
            return f"invalid_scope: {', '.join(sorted(unknown))}"
        if query.get("code_challenge") and query.get("code_challenge_method") != "S256":
            return "code_challenge_method: must be S256"
        return ""

    def consented(self, grant: Grant, query: Mapping[str, str]) -> None:
        """Decide whether this consent gets a refresh token, and add the scopes that were granted before."""
        older = [g for g in self._siblings(grant) if g is not grant and not g.dead]
        asked_again = "consent" in query.get("prompt", "").split()
        if query.get("access_type") == "offline" and (asked_again or not older):
            self.offline.add(grant.id)
        if query.get("include_granted_scopes") == "true":
            grant.scopes |= frozenset(scope for g in older for scope in g.scopes)

    def issue(self, grant: Grant) -> dict[str, Any]:
        """Issue tokens; a refresh token only for offline grants, ending the oldest one above the limit."""
        body = super().issue(grant)
        token = body.get("refresh_token")
        if token is not None and grant.id not in self.offline:
            del body["refresh_token"], grant.refresh[token]
        elif token is not None:
            if self.settings["testing_mode"]:
                grant.refresh[token] = self.clock.now() + TESTING_LIFE_S
                body["refresh_token_expires_in"] = TESTING_LIFE_S
            live = [g for g in self._siblings(grant) if g.refresh and not g.dead]
            for oldest in live[: max(0, len(live) - int(self.settings["live_token_cap"]))]:
                oldest.refresh.clear()
        return body | {"token_type": "Bearer"}

    async def revoke(self, request: web.Request) -> web.Response:
        """End everything that the person allowed this app; answer 400 for a token that has ended."""
        grant = self.grant_of(str((await request.post()).get("token", "")))
        if grant is None or grant.dead:
            return self.refusal_answer(OAuthRefusal("invalid_token", "Token expired or revoked"))
        for each in self._siblings(grant):
            self.end(each, "revoked by the app")
        return web.json_response({})

    async def channels(self, request: web.Request) -> web.Response:
        """Answer channels.list for `mine=true` or the channel's own `id`; each call costs one quota unit."""
        grant = self.admitted(request, READERS)
        if isinstance(grant, web.Response):
            return grant
        if refused := _unusable(request.query) or self.spend():
            return refused
        channel = chosen(grant)
        if channel is None and self.settings["signup_error"]:
            return error_answer(401, "youtubeSignupRequired", "Unauthorized", domain="youtube.header")
        parts = frozenset(request.query["part"].split(","))
        asked = request.query.get("id")
        found = [self._resource(channel, parts)] if channel and asked in {None, channel.id} else []
        body: dict[str, Any] = {
            "kind": "youtube#channelListResponse",
            "etag": secrets.token_urlsafe(20),
            "pageInfo": {"totalResults": len(found), "resultsPerPage": 5},
        }
        return web.json_response(body | ({"items": found} if found else {}))

    async def picture(self, request: web.Request) -> web.Response:
        """Answer with a channel's picture: a disc with its initial, so that nothing is fetched from the Internet."""
        every = [channel for person in self.people.values() for channel in person.facts["channels"]]
        channel = next((c for c in every if c.id == request.match_info["channel"]), None)
        if channel is None:
            raise web.HTTPNotFound
        return web.Response(
            content_type="image/svg+xml",
            text='<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 88 88">'
            f'<circle cx="44" cy="44" r="44" fill="{self.colour}"/>'
            '<text x="44" y="60" font-size="44" font-family="sans-serif" text-anchor="middle" fill="#fff">'
            f"{escape(channel.title[:1])}</text></svg>",
        )

    def _siblings(self, grant: Grant) -> list[Grant]:
        """Return every grant of the same person to the same app, oldest first, `grant` included."""
        return [
            g
            for g in self.grants.values()
            if g.person.id == grant.person.id and g.client_id == grant.client_id
        ]

    def _resource(self, channel: Channel, parts: frozenset[str]) -> dict[str, Any]:
        picture = f"{self.url}/pictures/{channel.id}.svg"
        # Counters are strings; a hidden one is left out.
        count = {} if channel.hidden_count else {"subscriberCount": str(channel.subscribers)}
        sections: dict[str, Any] = {
            "snippet": {
                "title": channel.title,
                "description": "",
                "customUrl": channel.handle,
                "publishedAt": "2020-01-02T03:04:05Z",
                "thumbnails": {
                    size: {"url": picture, "width": width, "height": width}
                    for size, width in (("default", 88), ("medium", 240), ("high", 800))
                },
            },
            "statistics": count
            | {
                "viewCount": str(channel.videos * 1371),
                "hiddenSubscriberCount": channel.hidden_count,
                "videoCount": str(channel.videos),
            },
            "contentDetails": {"relatedPlaylists": {"likes": "", "uploads": f"UU{channel.id[2:]}"}},
            "status": {
                "privacyStatus": "public",
                "isLinked": True,
                "longUploadsStatus": channel.long_uploads,
            },
        }
        return {"kind": "youtube#channel", "etag": secrets.token_urlsafe(20), "id": channel.id} | {
            name: section for name, section in sections.items() if name in parts
        }


def _unusable(query: Mapping[str, str]) -> web.Response | None:
    """Return the refusal of a query that does not say what it wants, or None."""
    if not query.get("part") or (query.get("mine") != "true" and not query.get("id")):
        return error_answer(400, "missingRequiredParameter", "part and a filter are required.")
    if unknown := set(query["part"].split(",")) - PARTS:
        return error_answer(400, "unknownPart", f"No such part: {', '.join(sorted(unknown))}.")
    return None
