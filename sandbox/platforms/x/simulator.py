"""X as a whole: sign-in, media uploads and posts, as docs.x.com and the API's OpenAPI document describe them.

From "Manage posts" and "Media": uploads in segments, `processing_info` for videos and GIFs, at most four pictures, or
one GIF or video, alt text of at most 1,000 characters. From "Rate limits": 100 posts per user in 15 minutes. From
"Pricing": 0.015 dollars for a post, 0.200 with an address in it, 0.005 per post read. A post with the same text and
media within a day is refused, and so is a reply to another account's post. Stricter than X on purpose: segments larger
than 4 MB get 413.
"""

from __future__ import annotations

import html
import json
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from aiohttp import BodyPartReader, web

from sandbox.core import Received
from sandbox.platforms.timeline import Attached, Published
from sandbox.platforms.values import Grant, Person
from sandbox.platforms.x.sign_in import XSignIn
from sandbox.platforms.x.text import addresses, weight

MIB = 1024 * 1024
DAY_S = 24 * 3600
LARGEST = {"tweet_image": 5 * MIB, "tweet_gif": 15 * MIB, "tweet_video": 512 * MIB}
TYPES = {
    "tweet_image": {"image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"},
    "tweet_gif": {"image/gif"},
    "tweet_video": {"video/mp4", "video/quicktime", "video/webm"},
}
LARGEST_SEGMENT = 4 * MIB
POST_USD, POST_WITH_URL_USD, DELETE_USD, READ_USD, ALT_TEXT_USD = 0.015, 0.200, 0.010, 0.005, 0.005
POST_FIELDS = frozenset({"text", "media", "reply", "reply_settings", "made_with_ai", "paid_partnership"})
REPLY_SETTINGS = frozenset({"following", "mentionedUsers", "subscribers", "verified"})
DUPLICATE = "You are not allowed to create a Tweet with duplicate content."
NOT_PERMITTED = "You are not permitted to perform this action."
NOT_YOURS = "You can only reply to or quote posts where you are mentioned or are the author."
CASHTAGS = "Posts can contain a maximum of one cashtag."


@dataclass(slots=True, kw_only=True)
class Upload:
    """A media upload session."""

    id: str
    owner: str
    type: str
    category: str
    total: int
    expires_at: float
    file: Received = field(default_factory=Received)
    segments: int = 0
    finalized_at: float | None = None
    alt_text: str = ""


class XSimulator(XSignIn):
    """x.com and api.x.com.

    Settings of publishing: `post_limit` (posts per window), `processing_s` (of videos and GIFs), `processing_fails`
    (the message with which it does, or empty), `media_life_s`.
    """

    uploads: ClassVar[re.Pattern[str]] = re.compile(r"^/2/media/upload/\d+/append$")

    def __init__(self) -> None:
        super().__init__()
        self.settings |= {
            "post_limit": 100,
            "processing_s": 2.0,
            "processing_fails": "",
            "media_life_s": float(DAY_S),
        }
        self._media: dict[str, Upload] = {}

    def routes(self) -> list[web.RouteDef]:
        """Add the routes of media and posts, and the permalinks."""
        return [
            *super().routes(),
            web.post("/2/media/upload/initialize", self.initialize),
            web.post(r"/2/media/upload/{id:\d+}/append", self.append),
            web.post(r"/2/media/upload/{id:\d+}/finalize", self.finalize),
            web.get("/2/media/upload", self.media_status),
            web.post("/2/media/metadata", self.metadata),
            web.post("/2/tweets", self.create),
            web.get("/2/tweets", self.lookup),
            web.get(r"/2/users/{id:\d+}/tweets", self.user_posts),
            web.delete(r"/2/tweets/{id:\d+}", self.delete),
            web.get(r"/{username:\w+}/status/{id:\d+}", self.permalink),
        ]

    def account_name(self, account_id: str) -> str:
        """Return the name and handle of a user."""
        person = self.people.get(account_id)
        return account_id if person is None else f"{person.name} @{person.facts['username']}"

    # Media

    async def initialize(self, request: web.Request) -> web.Response:
        """Answer `POST /2/media/upload/initialize`."""
        grant, refusal = self._caller(request, {"media.write"})
        if grant is None:
            return refusal
        given = await self._json(request)
        category = str(given.get("media_category", ""))
        size = given.get("total_bytes")
        if given.get("media_type") not in TYPES.get(category, ()):
            return self._invalid("media_type", "media_type is not valid for this media_category")
        if not isinstance(size, int) or not 0 < size <= LARGEST[category]:
            return self._invalid("total_bytes", f"File size exceeds {LARGEST[category]} bytes")
        one = Upload(
            id=self._new_id(),
            owner=grant.person.id,
            type=str(given["media_type"]),
            category=category,
            total=size,
            expires_at=self.clock.now() + float(self.settings["media_life_s"]),
        )
        self._media[one.id] = one
        return web.json_response({"data": self._media_facts(one)})

    async def append(self, request: web.Request) -> web.Response:
        """Answer `POST /2/media/upload/{id}/append`. A segment that is there already is taken again without effect."""
        grant, refusal = self._caller(request, {"media.write"})
        if grant is None:
            await Received().take(request.content.iter_any())
            return refusal
        index, piece = "", b""
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.name == "segment_index":
                index = await part.text()
            elif isinstance(part, BodyPartReader) and part.name == "media":
                piece = bytes(await part.read())
        if len(piece) > LARGEST_SEGMENT:
            return web.Response(status=413)
        one = self._mine(grant, request.match_info["id"])
        if one is None or one.finalized_at is not None or not index.isdecimal() or not piece:
            return self._invalid("media_id", "Media ID or segment is invalid.")
        if int(index) > min(one.segments, 999):
            return self._invalid("segment_index", f"Segments are not in order; expected {one.segments}")
        if int(index) == one.segments:
            one.segments += 1
            one.file.add(piece)
        return web.json_response({"data": {"expires_at": int(one.expires_at)}})

    async def finalize(self, request: web.Request) -> web.Response:
        """Answer `POST /2/media/upload/{id}/finalize`, once or again."""
        grant, refusal = self._caller(request, {"media.write"})
        if grant is None:
            return refusal
        await self._json(request)
        one = self._mine(grant, request.match_info["id"])
        if one is None:
            return self._invalid("media_id", "Media ID is invalid.")
        if one.file.size != one.total:
            return self._invalid("media_id", "Segments do not add up to provided total file size.")
        if one.finalized_at is None:
            one.finalized_at = self.clock.now()
            one.expires_at = one.finalized_at + float(self.settings["media_life_s"])
        return web.json_response({"data": self._media_facts(one)})

    async def media_status(self, request: web.Request) -> web.Response:
        """Answer `GET /2/media/upload?command=STATUS`."""
        grant, refusal = self._caller(request, {"media.write"})
        if grant is None:
            return refusal
        one = self._mine(grant, request.query.get("media_id", ""))
        if one is None or one.finalized_at is None or request.query.get("command") != "STATUS":
            return self._problem(404, "Not Found Error", kind="resource-not-found")
        return web.json_response({"data": self._media_facts(one)})

    async def metadata(self, request: web.Request) -> web.Response:
        """Answer `POST /2/media/metadata`: alt text."""
        grant, refusal = self._caller(request, {"media.write"}, costs=ALT_TEXT_USD)
        if grant is None:
            return refusal
        given = await self._json(request)
        text = given.get("metadata", {}).get("alt_text", {}).get("text")
        one = self._mine(grant, str(given.get("id", "")))
        if one is None or not isinstance(text, str) or not 0 < len(text) <= 1000:
            return self._invalid("id", "Media ID or alt text is invalid.")
        one.alt_text = text
        return web.json_response({"data": {"id": one.id, "associated_metadata": given["metadata"]}})

    def _mine(self, grant: Grant, media_id: str) -> Upload | None:
        one = self._media.get(media_id)
        alive = one is not None and one.owner == grant.person.id and one.expires_at > self.clock.now()
        return one if alive else None

    def _state(self, one: Upload) -> str:
        """Return the processing state, or an empty string for media that need none."""
        if one.finalized_at is None or one.category == "tweet_image":
            return ""
        share = (self.clock.now() - one.finalized_at) / max(float(self.settings["processing_s"]), 1e-9)
        if share < 1:
            return "pending" if share < 0.5 else "in_progress"
        return "failed" if self.settings["processing_fails"] else "succeeded"

    def _media_facts(self, one: Upload) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "id": one.id,
            "media_key": f"{_prefix(one.category)}_{one.id}",
            "expires_after_secs": int(one.expires_at - self.clock.now()),
        }
        if one.finalized_at is not None:
            facts["size"] = one.file.size
        if state := self._state(one):
            info: dict[str, Any] = {"state": state}
            if state in {"pending", "in_progress"}:
                info |= {"check_after_secs": 1, "progress_percent": 42}
            if state == "failed":
                message = str(self.settings["processing_fails"])
                info["error"] = {"code": 1, "name": "InvalidMedia", "message": message}
            facts["processing_info"] = info
        return facts

    # Posts

    async def create(self, request: web.Request) -> web.Response:
        """Answer `POST /2/tweets`."""
        given = await self._json(request)
        text = str(given.get("text", ""))
        price = POST_WITH_URL_USD if addresses(text) else POST_USD
        grant, refusal = self._caller(
            request, {"tweet.write", "tweet.read", "users.read"}, costs=price, limit="post"
        )
        if grant is None:
            return refusal
        ids = [str(one) for one in given.get("media", {}).get("media_ids", [])]
        media = [one for one in (self._mine(grant, each) for each in ids) if one is not None]
        if fault := self._fault(grant.person, given, ids, media):
            return fault
        post_id, username = self._new_id(), grant.person.facts["username"]
        labels = {"Made with AI": "yes"} if given.get("made_with_ai") else {}
        if setting := given.get("reply_settings"):
            labels["Replies"] = str(setting)
        self.timeline.add(
            Published(
                id=post_id,
                account_id=grant.person.id,
                text=text,
                media=tuple(_Attached.of(one) for one in media),
                url=f"/{username}/status/{post_id}",
                at=self.clock.now(),
                thread_of=str(given.get("reply", {}).get("in_reply_to_tweet_id", "")),
                options=labels,
            )
        )
        post = self._post_facts(self.timeline.posts(grant.person.id)[-1])
        data = {"id": post_id, "text": post["text"], self._named("edit_history_tweet_ids"): [post_id]}
        return web.json_response({"data": data}, status=201)

    def _fault(
        self, person: Person, given: dict[str, Any], ids: list[str], media: list[Upload]
    ) -> web.Response | None:
        """Return the refusal of a post, or None."""
        text = str(given.get("text", ""))
        if unknown := sorted(given.keys() - POST_FIELDS):
            return self._invalid(unknown[0], f"[{unknown[0]}] is not allowed")
        if given.get("reply_settings", "following") not in REPLY_SETTINGS:
            return self._invalid("reply_settings", "reply_settings is not one of the allowed values")
        if not text.strip() and not media:
            return self._invalid("text", "One of text or media is required")
        if refusal := self._media_fault(ids, media):
            return refusal
        longest = 25_000 if str(person.facts.get("subscription_type", "None")) != "None" else 280
        if weight(text) > longest:
            return self._problem(403, "Forbidden", detail=NOT_PERMITTED)
        if len(re.findall(r"(?<!\w)\$[A-Za-z]{1,6}\b", text)) > 1:
            return self._problem(403, "Forbidden", detail=CASHTAGS)
        if refusal := self._parent_fault(person, str(given.get("reply", {}).get("in_reply_to_tweet_id", ""))):
            return refusal
        if self._is_duplicate(person.id, text, tuple(ids)):
            return self._problem(403, "Forbidden", detail=DUPLICATE)
        return None

    def _media_fault(self, ids: list[str], media: list[Upload]) -> web.Response | None:
        kinds = {one.category for one in media}
        if len(ids) > 4 or (len(ids) > 1 and kinds != {"tweet_image"}):
            return self._invalid("media.media_ids", "A post has at most four photos, or one GIF or video.")
        ready = [
            one for one in media if one.finalized_at is not None and self._state(one) in {"", "succeeded"}
        ]
        if len(ready) < len(ids):
            return self._invalid("media.media_ids", "Your media IDs are invalid.")
        return None

    def _parent_fault(self, person: Person, parent: str) -> web.Response | None:
        if not parent:
            return None
        above = self.timeline.get(parent)
        if above is None or above.removed:
            return self._problem(404, "Not Found Error", kind="resource-not-found")
        if above.account_id == person.id:
            return None
        return self._problem(
            403, "Not Authorized For Resource", detail=NOT_YOURS, kind="not-authorized-for-resource"
        )

    def _is_duplicate(self, person_id: str, text: str, ids: tuple[str, ...]) -> bool:
        since = self.clock.now() - DAY_S
        return any(
            post.at > since and post.text == text and tuple(each.name for each in post.media) == ids
            for post in self.timeline.posts(person_id)
        )

    async def lookup(self, request: web.Request) -> web.Response:
        """Answer `GET /2/tweets?ids=`."""
        ids = [each for each in request.query.get("ids", "").split(",") if each]
        found = [self.timeline.get(each) for each in ids]
        there = [post for post in found if post is not None and not post.removed]
        grant, refusal = self._caller(
            request, {"tweet.read", "users.read"}, costs=READ_USD * len(there), limit="lookup"
        )
        if grant is None:
            return refusal
        if not 0 < len(ids) <= 100:
            return self._invalid("ids", "between 1 and 100 ids are allowed")
        gone = [each for each in ids if each not in {post.id for post in there}]
        body: dict[str, Any] = {"data": [self._post_facts(post) for post in there]} if there else {}
        if gone:
            body["errors"] = [
                {
                    "resource_id": each,
                    "resource_type": "tweet",
                    "parameter": "ids",
                    "title": "Not Found Error",
                    "detail": f"Could not find tweet with ids: [{each}].",
                    "type": self._type("resource-not-found"),
                }
                for each in gone
            ]
        return web.json_response(body)

    async def user_posts(self, request: web.Request) -> web.Response:
        """Answer `GET /2/users/{id}/tweets`, newest first, after `start_time`."""
        query = request.query
        since = datetime.fromisoformat(query["start_time"]).timestamp() if "start_time" in query else 0.0
        size, skip = int(query.get("max_results", "10")), int(query.get("pagination_token", "0"))
        posts = [p for p in self.timeline.posts(request.match_info["id"]) if p.at >= since][::-1]
        page = posts[skip : skip + size]
        grant, refusal = self._caller(
            request, {"tweet.read", "users.read"}, costs=READ_USD * len(page), limit="user_posts"
        )
        if grant is None:
            return refusal
        if not 5 <= size <= 100:
            return self._invalid("max_results", "max_results is not between 5 and 100")
        meta: dict[str, Any] = {"result_count": len(page)}
        if skip + size < len(posts):
            meta["next_token"] = str(skip + size)
        data = {"data": [self._post_facts(post) for post in page]} if page else {}
        return web.json_response({**data, "meta": meta})

    async def delete(self, request: web.Request) -> web.Response:
        """Answer `DELETE /2/tweets/{id}`."""
        grant, refusal = self._caller(
            request, {"tweet.write", "tweet.read", "users.read"}, costs=DELETE_USD, limit="delete"
        )
        if grant is None:
            return refusal
        post = self.timeline.get(request.match_info["id"])
        if post is None or post.removed:
            return self._problem(404, "Not Found Error", kind="resource-not-found")
        if post.account_id != grant.person.id:
            return self._problem(403, "Forbidden", detail=NOT_PERMITTED)
        self.timeline.remove(post.id, "owner")
        return web.json_response({"data": {"deleted": True}})

    async def permalink(self, request: web.Request) -> web.Response:
        """Show a post with its thread."""
        return self.show_post(request.match_info["id"])

    def _post_facts(self, post: Published) -> dict[str, Any]:
        """Return a post as the API shows it: addresses shortened, three characters escaped for HTML."""
        text, urls = post.text, []
        for number, address in enumerate(addresses(text)):
            short = f"https://t.co/{post.id[-6:]}{number}"
            text = text.replace(address, short, 1)
            full = address if address.lower().startswith("http") else f"http://{address}"
            urls.append({"url": short, "expanded_url": full, "display_url": address[:27]})
        keys = [one.key for one in post.media if isinstance(one, _Attached)]
        if keys:
            short = f"https://t.co/{post.id[-6:]}m"
            text = f"{text} {short}".strip()
            page = f"https://x.com/i/status/{post.id}/photo/1"
            urls += [{"url": short, "expanded_url": page, "media_key": key} for key in keys]
        facts: dict[str, Any] = {
            "id": post.id,
            "text": html.escape(text, quote=False),
            "author_id": post.account_id,
            "created_at": datetime.fromtimestamp(post.at, UTC).isoformat(timespec="milliseconds"),
            self._named("edit_history_tweet_ids"): [post.id],
            "entities": {"urls": urls},
        }
        if keys:
            facts["attachments"] = {"media_keys": keys}
        if post.thread_of:
            facts[self._named("referenced_tweets")] = [{"type": "replied_to", "id": post.thread_of}]
        return facts

    # All calls

    def _caller(
        self, request: web.Request, scopes: set[str], *, costs: float = 0.0, limit: str = ""
    ) -> tuple[Grant | None, web.Response]:
        """Return the grant behind a call that X would accept, or None and its refusal."""
        grant, refusal = self.live_grant(request), None
        if grant is None:
            return None, self._problem(401, "Unauthorized")
        if limit:
            most = int(self.settings["post_limit"]) if limit == "post" else 900
            headers = self._count(grant.person, limit, most)
            if int(headers["x-rate-limit-remaining"]) < 0:
                headers["x-rate-limit-remaining"] = "0"
                return None, self._problem(429, "Too Many Requests", headers=headers)
        refusal = self._barred(grant, scopes, costs)
        if refusal is not None:
            return None, refusal
        self.settings["credits"] = float(self.settings["credits"]) - costs
        return grant, web.Response()

    def _invalid(self, parameter: str, message: str) -> web.Response:
        body = {
            "errors": [{"parameters": {parameter: []}, "message": message}],
            "title": "Invalid Request",
            "detail": "One or more parameters to your request was invalid.",
            "type": self._type("invalid-request"),
        }
        return web.json_response(body, status=400)

    async def _json(self, request: web.Request) -> dict[str, Any]:
        """Return the JSON object in the body.

        Raises:
            HTTPBadRequest: There is none.

        """
        try:
            given = await request.json() if request.content_type == "application/json" else None
        except ValueError:
            given = None
        if not isinstance(given, dict):
            words = "Request body must be a JSON object."
            body = {"errors": [{"message": words}], "title": "Invalid Request", "detail": words}
            raise web.HTTPBadRequest(text=json.dumps(body), content_type="application/json")
        return given

    def _named(self, name: str) -> str:
        """Return the present name of a field, by the setting `field_names`."""
        renamed = {"edit_history_tweet_ids": "edit_history_post_ids", "referenced_tweets": "referenced_posts"}
        return renamed[name] if self._new_names else name

    def _new_id(self) -> str:
        """Return an id of 19 digits that is later than all before."""
        return str(int(self.clock.now() * 1000) * 1_000_000 + secrets.randbelow(1_000_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attached(Attached):
    """A published file. Its name is the media id, which tells two uploads of the same file apart."""

    key: str

    @classmethod
    def of(cls, one: Upload) -> Attached:
        key = f"{_prefix(one.category)}_{one.id}"
        return cls(file=one.file, type=one.type, name=one.id, alt_text=one.alt_text, key=key)


def _prefix(category: str) -> str:
    return {"tweet_image": "3", "tweet_gif": "16", "tweet_video": "13"}[category]
