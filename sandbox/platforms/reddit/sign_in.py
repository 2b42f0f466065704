"""Reddit: sign-in, tokens, `/api/v1/me` and subreddits, as its documentation and its own code describe them.

From the reddit-archive wiki page "OAuth2": HTTP Basic, `state` required, `duration=permanent` for a refresh token, 204
from revocation for any token, revoking a refresh token ends its access tokens. From reddit-archive/reddit
(`r2/controllers/oauth2.py`, `listingcontroller.py`): codes live ten minutes, pages have 25 entries or at most 100. From
the "Reddit Data API Wiki": 429 for a library's User-Agent, 1,000 calls in ten minutes per client, shown in headers with
decimals. From recorded traffic of PRAW's tests: `expires_in` 86400 since 2023 (3600 before: the setting
`access_life_s`), refresh tokens that stay valid, the fields of a subreddit.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar
from urllib.parse import urlencode

from aiohttp import web

from sandbox.platforms.oauth import OAuthSimulator
from sandbox.platforms.values import Grant, OAuthRefusal, Person, RegisteredApp, Registration, Rules

WINDOW_S = 600
BAD_REQUEST = "bad_request"
"""Not a code: the general answer `{"message": "Bad Request", "error": 400}`."""
CALLS_PER_WINDOW = 1000
DEFAULT_AGENTS = re.compile(
    r"^$|python-|python/|aiohttp|curl/|wget/|java/|okhttp|go-http|node", re.IGNORECASE
)
"""User-Agents of libraries, which Reddit refuses."""
MANY = 10_000

BLOCK_PAGE = """<!doctype html><html><head><title>Blocked</title></head><body>
<h1>whoa there, pardner!</h1><p>You've been blocked by network security.</p></body></html>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subreddit:
    """A community, or a profile (`kind` "user")."""

    name: str
    title: str
    members: int
    kind: str = "public"
    """Reddit's `subreddit_type`."""
    submissions: str = "any"
    """Reddit's `submission_type`: any, link or self."""
    restrict_posting: bool = True
    """Has no effect in public subreddits, where Reddit also sends true."""

    @property
    def id(self) -> str:
        """Return a made-up id in base 36, as Reddit's are, without the prefix `t5_`."""
        return self.name.lower().replace("_", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ties:
    """One person's relations to subreddits. The names are keys, in the order of the listing."""

    subscriber: Mapping[str, None] = field(default_factory=dict)
    contributor: Mapping[str, None] = field(default_factory=dict)
    moderator: Mapping[str, None] = field(default_factory=dict)
    banned: frozenset[str] = frozenset()


COMMUNITIES = (
    Subreddit(name="octamugs", title="Mugs & more", members=21),
    Subreddit(name="octalinks", title="Links worth reading", members=1204, submissions="link"),
    Subreddit(name="OctaStories", title="Stories, in words only", members=310, submissions="self"),
    Subreddit(name="octaguild", title="Approved makers post here", members=88, kind="restricted"),
    Subreddit(name="octacouncil", title="Read only for most", members=412, kind="restricted"),
    Subreddit(
        name="octalounge",
        title="Anyone posts, few comment",
        members=57,
        kind="restricted",
        restrict_posting=False,
    ),
    Subreddit(name="octabackstage", title="For the team", members=6, kind="private"),
    Subreddit(name="octavault", title="Closed to you", members=2, kind="private"),
    Subreddit(name="octastaff", title="Run by octa_demo", members=1, kind="restricted"),
    Subreddit(name="octagrumble", title="Where octa_demo is banned", members=5000),
    Subreddit(name="octamuseum", title="Closed in 2019", members=9001, kind="archived"),
    Subreddit(name="octalux", title="Premium members only", members=77, kind="gold_only"),
    Subreddit(name="u_octa_demo", title="octa_demo", members=0, kind="user"),
    Subreddit(name="u_big_mod", title="big_mod", members=4, kind="user"),
)
TIES: Mapping[str, Ties] = {
    "octa_demo": Ties(
        subscriber=dict.fromkeys(
            (
                *("octamugs", "octalinks", "OctaStories", "octaguild", "octacouncil", "octalounge"),
                *("octavault", "octagrumble", "octamuseum", "octalux", "u_big_mod"),
            )
        ),
        contributor=dict.fromkeys(("octaguild", "octabackstage")),
        moderator=dict.fromkeys(("octastaff", "u_octa_demo")),
        banned=frozenset({"octagrumble"}),
    ),
}
PEOPLE = (
    Person(
        id="octa_demo",
        name="octa_demo",
        about="a dozen subreddits, of every kind",
        facts={"id": "4cixf", "link_karma": 12, "comment_karma": 9, "mod": True},
    ),
    Person(
        id="big_mod",
        name="big_mod",
        about="moderates ten thousand subreddits",
        facts={"id": "9bigm", "link_karma": 90210, "comment_karma": 512, "mod": True},
    ),
    Person(
        id="suspended_sam",
        name="suspended_sam",
        about="suspended by Reddit",
        facts={"id": "7susp", "suspended": True},
    ),
)


@cache
def crowd() -> tuple[Subreddit, ...]:
    """Return the ten thousand subreddits of big_mod."""
    return tuple(
        Subreddit(name=f"bigmod_{n:05}", title=f"Community {n:,}", members=n * 7 + 1) for n in range(MANY)
    )


@cache
def subreddits() -> Mapping[str, Subreddit]:
    """Return every subreddit by its name in lower case."""
    return {s.name.lower(): s for s in (*COMMUNITIES, *crowd())}


@cache
def ties_of(person_name: str) -> Ties:
    """Return a person's relations to subreddits."""
    if person_name == "big_mod":
        names = [s.name for s in crowd()]
        # The three listings overlap, as for everyone who moderates subreddits that they joined.
        return Ties(
            subscriber=dict.fromkeys(names),
            contributor=dict.fromkeys(names[:150]),
            moderator=dict.fromkeys((*names[:250], "u_big_mod")),
        )
    return TIES.get(person_name, Ties())


class RedditSignIn(OAuthSimulator):
    """Sign-in, tokens, the signed-in user and subreddits.

    Settings besides the common ones: `errors_with_200` (token errors come with HTTP 200, as with Reddit's older code),
    `network_security` (every call gets the HTML block page), `fragment` (the redirect ends in `#_`),
    `calls_per_window` (per app and ten minutes), `dead_refresh` (how a refresh token that has ended is refused:
    `bad_request` or an error code such as `invalid_request`).
    """

    name = "reddit"
    title = "Reddit"
    registrations = (
        Registration(
            app="reddit",
            platform="reddit",
            client_id="sandboxReddit1",
            client_secret="reddit-secret-of-the-sandbox",
        ),
    )
    colour = "#d93a00"
    rules = Rules(
        authorize_path="/api/v1/authorize",
        token_path="/api/v1/access_token",
        revoke_path="/api/v1/revoke_token",
        basic_auth=True,
        code_life_s=600,
        access_life_s=86400,
        untickable=False,
    )
    known_scopes: ClassVar[frozenset[str]] = frozenset(
        {"identity", "submit", "read", "mysubreddits", "flair", "history", "edit"}
    )

    measures: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "Suspend": {"suspended": True},
        "Give back": {"suspended": False},
    }
    renames = False

    def __init__(self) -> None:
        super().__init__()
        self.settings |= {
            "errors_with_200": False,
            "network_security": False,
            "fragment": True,
            "calls_per_window": CALLS_PER_WINDOW,
            "dead_refresh": BAD_REQUEST,
        }
        self.people = {person.id: person for person in PEOPLE}
        self._temporary: set[str] = set()
        self._windows: dict[tuple[str, int], int] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of sign-in, tokens, the signed-in user and subreddits."""
        return [
            *super().routes(),
            web.get("/api/v1/me", self._api("identity", self.me)),
            web.get(
                "/subreddits/mine/{kind:subscriber|contributor|moderator}",
                self._api("mysubreddits", self.mine),
            ),
            web.get("/subreddits/search", self._api("read", self.search)),
            web.get("/r/{name}/about", self._api("read", self.about)),
        ]

    def new_token(self, kind: str) -> str:
        """Return a token in Reddit's shape. Access tokens are long, because Reddit signs them."""
        if kind == "access":
            return f"eyJ{secrets.token_urlsafe(600)}"
        return (
            secrets.token_urlsafe(20)
            if kind == "code"
            else f"{secrets.randbelow(10**12)}-{secrets.token_hex(14)}"
        )

    def authorize_fault(self, app: RegisteredApp | None, query: Mapping[str, str]) -> str:
        """Refuse a request without `state`; answer one for unknown scopes with a redirect, as Reddit does."""
        if not query.get("state"):
            return "state: missing"
        if query.get("duration", "temporary") not in {"temporary", "permanent"}:
            return "duration: must be temporary or permanent"
        asked = frozenset(query.get("scope", "").replace(",", " ").split())
        if not asked or (app is not None and not asked <= app.scopes):
            answer = urlencode({"error": "invalid_scope", "state": query["state"]})
            raise web.HTTPSeeOther(f"{query['redirect_uri']}?{answer}")
        return ""

    def deny_parameters(self) -> dict[str, str]:
        """Return Reddit's parameters after Decline: only the code."""
        return {"error": "access_denied"}

    def consented(self, grant: Grant, query: Mapping[str, str]) -> None:
        """Note a grant without `duration=permanent`, which gets no refresh token."""
        if query.get("duration") != "permanent":
            self._temporary.add(grant.id)

    async def take_consent(self, request: web.Request) -> web.Response:
        """Append `#_` to the redirect, as Reddit may."""
        try:
            return await super().take_consent(request)
        except web.HTTPSeeOther as redirect:
            raise web.HTTPSeeOther(
                f"{redirect.location}{'#_' if self.settings['fragment'] else ''}"
            ) from None

    async def token(self, request: web.Request) -> web.Response:
        """Answer the token endpoint, for apps that authenticate."""
        return self._stranger(request) or await super().token(request)

    async def revoke(self, request: web.Request) -> web.Response:
        """Answer 204 for any token. A refresh token ends the grant, an access token only itself."""
        if stranger := self._stranger(request):
            return stranger
        form = {k: str(v) for k, v in (await request.post()).items()}
        try:
            self._authenticate(request, form)
        except OAuthRefusal as refusal:
            return self.refusal_answer(refusal)
        token = form.get("token", "")
        grant = self.grant_of(token)
        if grant is not None and grant.access.pop(token, None) is None:
            self.end(grant, "revoked by the app")
        return web.Response(status=204)

    def issue(self, grant: Grant) -> dict[str, Any]:
        """Return the same refresh token each time for a permanent grant, and none for a temporary one."""
        body = super().issue(grant)
        body["scope"] = " ".join(sorted(grant.scopes))
        if grant.id in self._temporary:
            grant.refresh.clear()
        body["refresh_token"] = next(iter(grant.refresh), None)
        return {k: v for k, v in body.items() if v is not None}

    def _refresh(self, app: RegisteredApp, form: Mapping[str, str]) -> Grant:
        """Refuse a refresh token that has ended with a general 400, which does not say that it has."""
        try:
            return super()._refresh(app, form)
        except OAuthRefusal:
            raise OAuthRefusal(str(self.settings["dead_refresh"])) from None

    def refusal_answer(self, refusal: OAuthRefusal) -> web.Response:
        """Return a token error: only a code, or Reddit's general answers for wrong credentials and bad requests."""
        if refusal.error == BAD_REQUEST:
            return web.json_response({"message": "Bad Request", "error": 400}, status=400)
        if refusal.error == "invalid_client":
            return web.json_response({"message": "Unauthorized", "error": 401}, status=401)
        status = 200 if self.settings["errors_with_200"] else refusal.status
        return web.json_response({"error": refusal.error}, status=status)

    async def me(self, request: web.Request, grant: Grant) -> web.Response:  # noqa: ARG002
        """Answer `GET /api/v1/me`."""
        person, facts = grant.person, grant.person.facts
        karma = facts.get("link_karma", 0), facts.get("comment_karma", 0)
        return web.json_response(
            {
                "id": facts["id"],
                "name": person.name,
                "created_utc": 1284611485.0,
                "link_karma": karma[0],
                "comment_karma": karma[1],
                "total_karma": sum(karma),
                "icon_img": "",
                "snoovatar_img": "",
                "has_verified_email": True,
                "is_suspended": bool(facts.get("suspended")),
                "over_18": False,
                "is_mod": bool(facts.get("mod")),
                "subreddit": {
                    "display_name": f"u_{person.name}",
                    "display_name_prefixed": f"u/{person.name}",
                    "title": "",
                    "url": f"/user/{person.name}/",
                    "subscribers": 0,
                    "over_18": False,
                },
            }
        )

    async def mine(self, request: web.Request, grant: Grant) -> web.Response:
        """Answer `GET /subreddits/mine/<kind>`, page by page."""
        if grant.person.facts.get("suspended"):
            return error(403, "Forbidden")
        names: Mapping[str, None] = getattr(ties_of(grant.person.name), request.match_info["kind"])
        return self._listing(request, grant, [subreddits()[name.lower()] for name in names])

    async def search(self, request: web.Request, grant: Grant) -> web.Response:
        """Answer `GET /subreddits/search`: names and titles that contain `q`."""
        words = request.query.get("q", "").lower()
        users = request.query.get("show_users", "true") == "true"
        found = [
            s
            for s in subreddits().values()
            if words
            and words in f"{s.name} {s.title}".lower()
            and s.kind != "private"
            and (users or s.kind != "user")
        ]
        return self._listing(request, grant, found)

    async def about(self, request: web.Request, grant: Grant) -> web.Response:
        """Answer `GET /r/<name>/about`; a private subreddit only for its members."""
        found = subreddits().get(request.match_info["name"].lower())
        if found is None:
            return error(404, "Not Found")
        ties = ties_of(grant.person.name)
        if found.kind == "private" and found.name not in {**ties.contributor, **ties.moderator}:
            return error(403, "Forbidden", reason="private")
        return answer_json(request, {"kind": "t5", "data": _fields(found, grant.person.name)})

    def _listing(self, request: web.Request, grant: Grant, found: list[Subreddit]) -> web.Response:
        """Return one page of at most 100 entries, by default 25, after the subreddit that `after` names."""
        limit = request.query.get("limit", "")
        size = min(max(int(limit), 1), 100) if limit.isdecimal() else 25
        after = request.query.get("after")
        start = next(
            (i + 1 for i, s in enumerate(found) if f"t5_{s.id}" == after), 0 if after is None else len(found)
        )
        page = found[start : start + size]
        more = start + size < len(found)
        children = [{"kind": "t5", "data": _fields(s, grant.person.name)} for s in page]
        return answer_json(
            request,
            {
                "kind": "Listing",
                "data": {
                    "after": f"t5_{page[-1].id}" if more else None,
                    "before": None,
                    "dist": len(page),
                    "modhash": None,
                    "geo_filter": "",
                    "children": children,
                },
            },
        )

    def _api(
        self, scope: str, answer: Callable[[web.Request, Grant], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Return a handler that passes to `answer` only the calls that Reddit would accept."""

        async def handler(request: web.Request) -> web.Response:
            if refusal := self._stranger(request):
                return refusal
            grant = self.live_grant(request)
            if grant is None:
                return error(401, "Unauthorized", challenge="invalid_token")
            headers = self._count(grant.client_id)
            if float(headers["x-ratelimit-remaining"]) < 0:
                response = error(429, "Too Many Requests")
            elif scope not in grant.scopes:
                response = error(403, "Forbidden", challenge="insufficient_scope")
            else:
                response = await answer(request, grant)
            response.headers.update(headers)
            return response

        return handler

    def _stranger(self, request: web.Request) -> web.Response | None:
        """Return the refusal of a caller without a valid User-Agent or token, or None."""
        if self.settings["network_security"]:
            return web.Response(status=403, content_type="text/html", text=BLOCK_PAGE)
        if DEFAULT_AGENTS.search(request.headers.get("User-Agent", "")):
            return error(429, "Too Many Requests")
        return None

    def _count(self, client_id: str) -> dict[str, str]:
        """Count a call of an app and return the headers with the number of calls left."""
        window, into = divmod(self.clock.now(), WINDOW_S)
        used = self._windows.get((client_id, int(window)), 0) + 1
        self._windows = {k: v for k, v in self._windows.items() if k[1] == int(window)}
        self._windows[client_id, int(window)] = used
        return {
            "x-ratelimit-used": str(used),
            "x-ratelimit-remaining": f"{float(self.settings['calls_per_window']) - used:.1f}",
            "x-ratelimit-reset": str(int(WINDOW_S - into)),
        }


def _fields(subreddit: Subreddit, person_name: str) -> dict[str, Any]:
    ties, name = ties_of(person_name), subreddit.name
    prefixed = f"u/{name.removeprefix('u_')}" if subreddit.kind == "user" else f"r/{name}"
    return {
        "id": subreddit.id,
        "name": f"t5_{subreddit.id}",
        "display_name": name,
        "display_name_prefixed": prefixed,
        "title": subreddit.title,
        "url": f"/{prefixed.replace('u/', 'user/')}/",
        "subscribers": subreddit.members,
        "subreddit_type": subreddit.kind,
        "submission_type": subreddit.submissions,
        "restrict_posting": subreddit.restrict_posting,
        "user_is_banned": name in ties.banned,
        "user_is_muted": False,
        "user_is_contributor": name in ties.contributor,
        "user_is_moderator": name in ties.moderator,
        "user_is_subscriber": name in ties.subscriber,
        "allow_images": subreddit.submissions == "any",
        "allow_videos": subreddit.submissions == "any",
        "allow_videogifs": True,
        "allow_galleries": True,
        "allow_polls": True,
        "link_flair_enabled": True,
        "can_assign_link_flair": True,
        "over18": False,
        "quarantine": False,
        "icon_img": "",
        "community_icon": "",
    }


def answer_json(request: web.Request, body: Any) -> web.Response:
    """Return JSON; without `raw_json=1` Reddit escapes the three HTML characters in every string."""
    text = json.dumps(body)
    if request.query.get("raw_json") != "1":
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return web.Response(text=text, content_type="application/json")


def error(status: int, message: str, *, reason: str = "", challenge: str = "") -> web.Response:
    """Return an error of the API in Reddit's shape."""
    body: dict[str, Any] = {"message": message, "error": status} | ({"reason": reason} if reason else {})
    headers = {"www-authenticate": f'Bearer realm="reddit", error="{challenge}"'} if challenge else {}
    return web.json_response(body, status=status, headers=headers)
