"""LinkedIn as a whole: sign-in, pages, media and posts, as learn.microsoft.com/linkedin describes them.

From "Posts API", "Images API", "Documents API" and "Videos API": an upload begins with `action=initializeUpload`, goes
to an address that expires, and is processed; a video goes in parts of 4 MiB, each with an ETag, without a token. From
"Little Text Format": a reserved character that is not escaped ends the text, silently. A repeated post gets 422 with
the first one's URN. Different on purpose: what the token of a member may not read gets 403, as reported by others.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aiohttp import web

from sandbox.core import Received
from sandbox.platforms.linkedin.sign_in import LinkedInSignIn, fault
from sandbox.platforms.timeline import Attached, Published
from sandbox.platforms.values import Grant

PART = 4 * 2**20
RESERVED = frozenset("|{}@[]()<>#*_~")
HASHTAG = re.compile(r"#\w+")
POSTERS = frozenset({"ADMINISTRATOR", "CONTENT_ADMINISTRATOR"})
KINDS = {"images": "image", "documents": "document", "videos": "video"}
DAY_S = 24 * 3600
MIDNIGHT = "quotas are renewed at midnight UTC"


@dataclass(slots=True, kw_only=True)
class Asset:
    """A file on its way, or there."""

    urn: str
    owner: str
    expires_at: float
    parts: int = 1
    etags: list[str] = field(default_factory=list)
    file: Received = field(default_factory=Received)
    done_at: float | None = None


class LinkedInSimulator(LinkedInSignIn):
    """www.linkedin.com and api.linkedin.com.

    Settings of publishing: `processing_s` and `video_processing_s`, `processing_fails`, `upload_life_s`,
    `posts_per_day` (per member).
    """

    uploads: ClassVar[re.Pattern[str]] = re.compile("^/dms-uploads/")

    def __init__(self) -> None:
        super().__init__()
        self.settings |= {
            "processing_s": 2.0,
            "video_processing_s": 10.0,
            "processing_fails": False,
            "upload_life_s": 3600.0,
            "posts_per_day": 150,
        }
        self._assets: dict[str, Asset] = {}

    def routes(self) -> list[web.RouteDef]:
        """Add the routes of media and posts, and the permalinks."""
        return [
            *super().routes(),
            web.post("/rest/{kind:images|documents|videos}", self.media),
            web.get("/rest/{kind:images|documents|videos}/{urn}", self.media_state),
            web.put(r"/dms-uploads/{urn}/{part:\d+}", self.upload),
            web.post("/rest/posts", self.create),
            web.get("/rest/posts", self.find),
            web.get("/rest/posts/{urn}", self.read),
            web.post("/rest/posts/{urn}", self.rewrite),
            web.delete("/rest/posts/{urn}", self.delete),
            web.get("/feed/update/{urn}/", self.permalink),
        ]

    def account_name(self, account_id: str) -> str:
        """Return the name of a member or a page by its URN."""
        kind, _, number = account_id.rpartition(":")
        if kind == "urn:li:organization" and number.isdecimal() and int(number) in self.organizations:
            return self.organizations[int(number)].name
        named = {f"urn:li:person:{self._member_id(one)}": one.person.name for one in self.grants.values()}
        return named.get(account_id, account_id)

    # Media

    async def media(self, request: web.Request) -> web.Response:
        """Answer `initializeUpload` and, for videos, `finalizeUpload`."""
        given = await _json(request)
        kind = request.match_info["kind"]
        match request.query.get("action"):
            case "initializeUpload":
                return self._initialize(request, kind, given.get("initializeUploadRequest", {}))
            case "finalizeUpload" if kind == "videos":
                return self._finalize(request, given.get("finalizeUploadRequest", {}))
            case _:
                raise fault(400, "INVALID_VALUE_FOR_FIELD", "action is invalid")

    def _initialize(self, request: web.Request, kind: str, given: Mapping[str, Any]) -> web.Response:
        owner, now = str(given.get("owner", "")), self.clock.now()
        self._author(request, owner)
        one = Asset(
            urn=f"urn:li:{KINDS[kind]}:{secrets.token_hex(8)}",
            owner=owner,
            expires_at=now + float(self.settings["upload_life_s"]),
        )
        self._assets[one.urn] = one
        address = f"https://www.linkedin.com/dms-uploads/{one.urn}"
        expires = int(one.expires_at * 1000)
        if kind != "videos":
            value = {"uploadUrl": f"{address}/0", "uploadUrlExpiresAt": expires, KINDS[kind]: one.urn}
            return web.json_response({"value": value})
        size = given.get("fileSizeBytes")
        if not isinstance(size, int) or not 75_000 <= size <= 500_000_000:
            raise fault(400, "INVALID_VALUE_FOR_FIELD", "fileSizeBytes must be from 75 KB to 500 MB")
        one.parts = -(-size // PART)
        instructions = [
            {"uploadUrl": f"{address}/{n}", "firstByte": n * PART, "lastByte": min((n + 1) * PART, size) - 1}
            for n in range(one.parts)
        ]
        value = {
            "video": one.urn,
            "uploadToken": "",
            "uploadUrlsExpireAt": expires,
            "uploadInstructions": instructions,
        }
        return web.json_response({"value": value})

    async def upload(self, request: web.Request) -> web.Response:
        """Take a file or a part of a video. A part that came before is taken again without effect."""
        piece = await Received().take(request.content.iter_any())
        one, part = self._assets.get(request.match_info["urn"]), int(request.match_info["part"])
        video = one is not None and ":video:" in one.urn
        signed = "Authorization" in request.headers
        if one is None or signed == video or part > len(one.etags):
            return web.Response(status=403, text="Forbidden")
        if one.expires_at <= self.clock.now():
            raise fault(400, "EXPIRED_UPLOAD_URL", "The upload URL has expired")
        if part == len(one.etags):
            one.etags.append(secrets.token_hex(8))
            one.file = piece if part == 0 else _joined(one.file, piece)
            if not video:
                one.done_at = self.clock.now()
        return web.Response(status=200 if video else 201, headers={"ETag": f'"{one.etags[part]}"'})

    def _finalize(self, request: web.Request, given: Mapping[str, Any]) -> web.Response:
        one = self._assets.get(str(given.get("video", "")))
        if one is None:
            raise fault(400, "INVALID_VIDEO_ID", "The video does not exist")
        self._author(request, one.owner)
        if given.get("uploadedPartIds") != one.etags or len(one.etags) < one.parts:
            raise fault(400, "INVALID_VALUE_FOR_FIELD", "uploadedPartIds do not match the parts")
        if one.done_at is None:
            one.done_at = self.clock.now()
        return web.Response()

    async def media_state(self, request: web.Request) -> web.Response:
        """Answer the state of a file; pictures and documents only to the token of a page."""
        one = self._assets.get(request.match_info["urn"])
        if one is None:
            raise fault(404, "NOT_FOUND", "There is no such asset")
        self._author(request, one.owner)
        if one.owner.startswith("urn:li:person:") and ":video:" not in one.urn:
            raise fault(403, "ACCESS_DENIED", "Not enough permissions to access: images.GET", 100)
        return web.json_response({"id": one.urn, "owner": one.owner, "status": self._state(one)})

    def _state(self, one: Asset) -> str:
        if one.done_at is None:
            return "WAITING_UPLOAD"
        lasts = self.settings["video_processing_s" if ":video:" in one.urn else "processing_s"]
        if self.clock.now() < one.done_at + float(lasts):
            return "PROCESSING"
        return "PROCESSING_FAILED" if self.settings["processing_fails"] else "AVAILABLE"

    # Posts

    async def create(self, request: web.Request) -> web.Response:
        """Answer `POST /rest/posts`: 201, an empty body, and the URN in a header."""
        given = await _json(request)
        author = str(given.get("author", ""))
        self._author(request, author)
        for name in ("commentary", "visibility", "distribution", "lifecycleState"):
            if name not in given:
                raise fault(400, "MISSING_FIELD", f"{name} is missing")
        if given["visibility"] not in {"PUBLIC", "CONNECTIONS", "LOGGED_IN"}:
            raise fault(400, "INVALID_VALUE_FOR_FIELD", "visibility is invalid")
        if len(given["commentary"]) > 3000:
            raise fault(400, "FIELD_LENGTH_TOO_LONG", "commentary is too long")
        content = given.get("content", {})
        media, title, link = self._content(author, content)
        now, text = self.clock.now(), shown(given["commentary"])
        mine = [post for post in self.timeline.posts(author) if post.at > now - DAY_S]
        if len(mine) >= int(self.settings["posts_per_day"]):
            raise fault(429, "TOO_MANY_REQUESTS", MIDNIGHT)
        key = json.dumps([given["commentary"], content], sort_keys=True)
        if same := next((post for post in mine if isinstance(post, _Post) and post.key == key), None):
            raise _duplicate(same.id)
        urn = f"urn:li:share:{int(now * 1000)}{secrets.randbelow(10**6):06}"
        self.timeline.add(
            _Post(
                id=urn,
                account_id=author,
                text=text,
                title=title,
                link=link,
                media=media,
                url=f"/feed/update/{urn}/",
                at=now,
                commentary=given["commentary"],
                content=content,
                key=key,
            )
        )
        return web.Response(status=201, headers={"x-restli-id": urn})

    def _content(self, author: str, content: Mapping[str, Any]) -> tuple[tuple[Attached, ...], str, str]:
        """Return the files, the title and the link of a post."""
        if len(content) > 1:
            raise fault(400, "INVALID_VALUE_FOR_FIELD", "content has more than one kind")
        article, single = content.get("article", {}), content.get("media", {})
        several = content.get("multiImage", {}).get("images", [])
        if "multiImage" in content and not 2 <= len(several) <= 20:
            raise fault(400, "INVALID_VALUE_FOR_FIELD", "multiImage has 2 to 20 images")
        if article and not (article.get("source") and article.get("title")):
            raise fault(400, "MISSING_FIELD", "an article has a source and a title")
        thumbnail = [{"id": article["thumbnail"]}] if article.get("thumbnail") else []
        files = [self._file(author, each) for each in ([single] if single else several or thumbnail)]
        title = str(single.get("title") or article.get("title") or "")
        if any(":document:" in str(each.get("id")) for each in [single]) and not title:
            raise fault(400, "MISSING_FIELD", "a document has a title")
        return tuple(files), title, str(article.get("source", ""))

    def _file(self, author: str, given: Mapping[str, Any]) -> Attached:
        one = self._assets.get(str(given.get("id", "")))
        if one is None or one.owner != author:
            raise fault(400, "INVALID_URN_ID", "The asset does not exist or has another owner")
        match self._state(one):
            case "PROCESSING_FAILED":
                raise fault(400, "MEDIA_ASSET_PROCESSING_FAILED", "The asset could not be processed")
            case "WAITING_UPLOAD" | "PROCESSING":
                raise fault(400, "MEDIA_ASSET_WAITING_UPLOAD", "The asset is not ready")
        kind = one.urn.split(":")[2]
        content = one.file.content or b""
        type_ = {"document": "application/pdf", "video": "video/mp4"}.get(kind, _image_type(content))
        return Attached(file=one.file, type=type_, alt_text=str(given.get("altText", "")))

    async def find(self, request: web.Request) -> web.Response:
        """Answer `GET /rest/posts?q=author`: only a page's, newest first."""
        self._demand_version(request)
        self._grant(request, frozenset({"r_organization_social"}), "partnerApiPostsExternal.FINDER-author")
        author = request.query.get("author", "")
        if request.query.get("q") != "author" or request.headers.get("X-RestLi-Method") != "FINDER":
            raise fault(400, "INVALID_VALUE_FOR_FIELD", "q or X-RestLi-Method is invalid")
        posts = self.timeline.posts(author)[::-1][: int(request.query.get("count", "10"))]
        elements = [_facts(post) for post in posts if isinstance(post, _Post)]
        paging = {"start": 0, "count": len(elements), "links": []}
        return web.json_response({"paging": paging, "elements": elements})

    async def read(self, request: web.Request) -> web.Response:
        """Answer `GET /rest/posts/{urn}`."""
        self._demand_version(request)
        self._grant(request, frozenset({"r_organization_social"}), "partnerApiPostsExternal.GET")
        return web.json_response(_facts(self._post(request)))

    async def rewrite(self, request: web.Request) -> web.Response:
        """Answer a partial update: a new commentary."""
        given, post = await _json(request), self._post(request)
        self._author(request, post.account_id)
        changes = given.get("patch", {}).get("$set", {})
        if request.headers.get("X-RestLi-Method") != "PARTIAL_UPDATE" or set(changes) != {"commentary"}:
            raise fault(400, "INVALID_VALUE_FOR_FIELD", "only the commentary can be changed")
        post.commentary, post.text = changes["commentary"], shown(changes["commentary"])
        return web.Response(status=204)

    async def delete(self, request: web.Request) -> web.Response:
        """Answer `DELETE /rest/posts/{urn}`."""
        post = self._post(request)
        self._author(request, post.account_id)
        self.timeline.remove(post.id, "owner")
        return web.Response(status=204)

    async def permalink(self, request: web.Request) -> web.Response:
        """Show a post."""
        return self.show_post(request.match_info["urn"])

    def _post(self, request: web.Request) -> _Post:
        post = self.timeline.get(request.match_info["urn"])
        if not isinstance(post, _Post) or post.removed:
            raise fault(404, "NOT_FOUND", "There is no such post")
        return post

    def _author(self, request: web.Request, author: str) -> Grant:
        """Return the grant behind a call that may act as `author`: the member itself, or a page they administer."""
        self._demand_version(request)
        page = author.startswith("urn:li:organization:")
        scope = "w_organization_social" if page else "w_member_social"
        grant = self._grant(request, frozenset({scope}), "partnerApiPostsExternal.CREATE")
        number = author.rpartition(":")[2]
        if page:
            found = self.organizations.get(int(number)) if number.isdecimal() else None
            allowed = found is not None and found.roles.get(grant.person.id) in POSTERS
        else:
            allowed = author == f"urn:li:person:{self._member_id(grant)}"
        if not allowed:
            raise fault(403, "ACCESS_DENIED", "Not enough permissions to access: author", 100)
        return grant


@dataclass(slots=True, kw_only=True)
class _Post(Published):
    """A post with what the API returns of it."""

    commentary: str
    content: Mapping[str, Any]
    key: str


def shown(commentary: str) -> str:
    """Return what people see of a text in LinkedIn's "little text" format: it ends at what is not escaped."""
    out, at = [], 0
    while at < len(commentary):
        char = commentary[at]
        if char == "\\" and at + 1 < len(commentary):
            out.append(commentary[at + 1])
            at += 2
        elif hashtag := HASHTAG.match(commentary, at):
            out.append(hashtag[0])
            at = hashtag.end()
        elif char in RESERVED or char == "\\":
            break
        else:
            out.append(char)
            at += 1
    return "".join(out)


def _facts(post: _Post) -> dict[str, Any]:
    return {
        "id": post.id,
        "author": post.account_id,
        "commentary": post.commentary,
        "content": post.content,
        "lifecycleState": "PUBLISHED",
        "visibility": "PUBLIC",
        "createdAt": int(post.at * 1000),
        "publishedAt": int(post.at * 1000),
    }


def _duplicate(urn: str) -> web.HTTPException:
    words = f"Content is a duplicate of {urn}"
    errors = [{"code": "DUPLICATE_POST", "description": "Duplicate post is detected"}]
    body = {"errorDetails": {"inputErrors": errors}, "message": words, "status": 422}
    return web.HTTPUnprocessableEntity(text=json.dumps(body), content_type="application/json")


def _joined(whole: Received, piece: Received) -> Received:
    """Return a file with a part added to it. A part is small enough to be kept whole."""
    whole.add(piece.content or b"")
    return whole


def _image_type(content: bytes) -> str:
    kinds = {b"\x89PNG": "image/png", b"GIF8": "image/gif"}
    return kinds.get(content[:4], "image/jpeg")


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        given = await request.json() if request.content_type == "application/json" else None
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise fault(400, "INVALID_VALUE_FOR_FIELD", "The body must be a JSON object")
    return given
