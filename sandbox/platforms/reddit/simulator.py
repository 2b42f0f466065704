"""Reddit as a whole: sign-in, subreddits, uploads, posts and comments.

From https://www.reddit.com/dev/api and recorded traffic of PRAW's tests: `api_type=json`, errors with HTTP 200, the
lease of an upload with fields for Amazon S3 and its XML answer, a picture or video that gets no id at once and appears
on the account's page later, a gallery with an id that has the prefix, `validate_on_submit`. From reddit-archive/reddit:
lengths, RATELIMIT and its words.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import quote

from aiohttp import BodyPartReader, web

from sandbox.core import Received
from sandbox.platforms.reddit.rules import DEMANDS, FLAIRS, NO_DEMANDS, violation
from sandbox.platforms.reddit.sign_in import (
    RedditSignIn,
    Subreddit,
    answer_json,
    error,
    subreddits,
    ties_of,
)
from sandbox.platforms.timeline import Attached, Published
from sandbox.platforms.values import Grant

BUCKET = "//reddit-uploaded-media.s3-accelerate.amazonaws.com"
LARGEST_IMAGE, LARGEST_VIDEO = 20 * 2**20, 2**30
TYPES = {"image/jpeg", "image/png", "image/gif", "image/webp", "video/mp4", "video/quicktime"}
MINUTES_10_S = 600
TOO_OFTEN = "Looks like you've been doing that a lot. Take a break for {} minutes before trying again."
ENTITY_TOO_LARGE = (
    '<?xml version="1.0" encoding="UTF-8"?><Error><Code>EntityTooLarge</Code><Message>Your proposed upload exceeds the'
    " maximum allowed size</Message><ProposedSize>{}</ProposedSize><MaxSizeAllowed>{}</MaxSizeAllowed></Error>"
)


@dataclass(slots=True, kw_only=True)
class Asset:
    """An upload: a lease, and then a file."""

    id: str
    owner: str
    type: str
    policy: str
    file: Received = field(default_factory=Received)

    @property
    def url(self) -> str:
        """The address that names it in a submission."""
        return f"https:{BUCKET}/{self.id}"


class RedditSimulator(RedditSignIn):
    """www.reddit.com and oauth.reddit.com.

    Settings of publishing: `demands` (by subreddit in lower case, the fields of its post requirements that differ),
    `image_lag_s` and `video_lag_s` (until a post with media is on the account's page), `posts_in_10_minutes`,
    `automod_after_s` (until posts are removed; None: never).
    """

    uploads: ClassVar[re.Pattern[str]] = re.compile("^/$")

    def __init__(self) -> None:
        super().__init__()
        self.settings |= {
            "demands": {name: dict(demands) for name, demands in DEMANDS.items()},
            "image_lag_s": 5.0,
            "video_lag_s": 60.0,
            "posts_in_10_minutes": 30,
            "automod_after_s": None,
        }
        self._assets: dict[str, Asset] = {}
        self._shown_from: dict[str, float] = {}

    def routes(self) -> list[web.RouteDef]:
        """Add the routes of uploads, posts and comments, and the permalinks."""
        return [
            *super().routes(),
            web.get("/api/v1/{name}/post_requirements", self._api("submit", self.requirements)),
            web.post("/r/{name}/api/flairselector", self._api("flair", self.flairs)),
            web.post("/api/media/asset.json", self._api("submit", self.lease)),
            web.post("/", self.receive),
            web.post("/api/submit", self._api("submit", self.submit)),
            web.post("/api/submit_gallery_post.json", self._api("submit", self.submit_gallery)),
            web.post("/api/comment", self._api("submit", self.comment)),
            web.get("/user/{name}/{what:submitted|comments}", self._api("history", self.history)),
            web.get("/api/info", self._api("read", self.info)),
            web.get("/{kind:r|user}/{name}/comments/{id}/{slug}/", self.permalink),
            web.get("/{kind:r|user}/{name}/comments/{post}/{slug}/{id}/", self.permalink),
        ]

    # What a subreddit wants

    async def requirements(self, request: web.Request, grant: Grant) -> web.Response:  # noqa: ARG002
        """Answer `GET /api/v1/{subreddit}/post_requirements`."""
        name = request.match_info["name"].lower()
        if name not in subreddits():
            return error(404, "Not Found")
        return answer_json(request, self._demands(name))

    async def flairs(self, request: web.Request, grant: Grant) -> web.Response:  # noqa: ARG002
        """Answer `POST /r/{subreddit}/api/flairselector`."""
        choices = [
            {
                "flair_template_id": each,
                "flair_text": text,
                "flair_text_editable": False,
                "flair_css_class": "",
                "flair_position": "right",
            }
            for each, text in FLAIRS.get(request.match_info["name"].lower(), ())
        ]
        none = {
            "flair_template_id": None,
            "flair_text": None,
            "flair_css_class": "",
            "flair_position": "right",
        }
        return answer_json(request, {"current": none, "choices": choices})

    def _demands(self, name: str) -> dict[str, Any]:
        return {**NO_DEMANDS, **self.settings["demands"].get(name, {})}

    # Uploads

    async def lease(self, request: web.Request, grant: Grant) -> web.Response:
        """Answer `POST /api/media/asset.json`."""
        form = await request.post()
        if form.get("mimetype") not in TYPES or not form.get("filepath"):
            return error(400, "Bad Request")
        one = Asset(
            id=_new_id(),
            owner=grant.person.name,
            type=str(form["mimetype"]),
            policy=secrets.token_urlsafe(30),
        )
        self._assets[one.id] = one
        fields = [{"name": "acl", "value": "private"}, {"name": "key", "value": one.id}]
        fields.append({"name": "policy", "value": one.policy})
        return answer_json(
            request,
            {
                "args": {"action": BUCKET, "fields": fields},
                "asset": {
                    "asset_id": one.id,
                    "processing_state": "incomplete",
                    "payload": {"filepath": form["filepath"]},
                    "websocket_url": f"wss://k8s-lb.wss.redditmedia.com/{one.id}?m=AQAA",
                },
            },
        )

    async def receive(self, request: web.Request) -> web.Response:
        """Answer the upload to Amazon S3: the fields in their order, and the file last."""
        given: dict[str, str] = {}
        one: Asset | None = None
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            if part.name != "file":
                given[part.name or ""] = await part.text()
                continue
            found = self._assets.get(given.get("key", ""))
            one = found if found is not None and found.policy == given.get("policy") else None
            file = Received()
            while piece := await part.read_chunk():
                file.add(piece)
            if one is not None:
                one.file = file
        if one is None or "Authorization" in request.headers:
            return web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>")
        most = LARGEST_VIDEO if one.type.startswith("video/") else LARGEST_IMAGE
        if one.file.size > most:
            return web.Response(status=400, text=ENTITY_TOO_LARGE.format(one.file.size, most))
        place = quote(one.url, safe=":/")
        return web.Response(
            status=201,
            content_type="application/xml",
            text=f"<PostResponse><Location>{place}</Location><Key>{one.id}</Key></PostResponse>",
        )

    def _uploaded(self, grant: Grant, url: str) -> Asset | None:
        one = self._assets.get(url.rpartition("/")[2])
        return one if one is not None and one.owner == grant.person.name and one.file.size else None

    # Posts

    async def submit(self, request: web.Request, grant: Grant) -> web.Response:
        """Answer `POST /api/submit`."""
        form = {key: str(value) for key, value in (await request.post()).items()}
        if form.get("api_type") != "json":
            return error(400, "Bad Request")
        files: list[Asset] = []
        kind = form.get("kind", "")
        if kind in {"image", "video"}:
            asset = self._uploaded(grant, form.get("url", ""))
            poster = self._uploaded(grant, form.get("video_poster_url", ""))
            if asset is None or (kind == "video" and poster is None):
                return _errors(["BAD_URL", "Invalid image or video URL.", "url"])
            files = [asset]
        if refusal := self._refusal(grant, form):
            return refusal
        post = self._add(grant, form, files)
        if not files:
            data = {
                "url": f"https://www.reddit.com{post.url}",
                "drafts_count": 0,
                "id": post.id[3:],
                "name": post.id,
            }
            return _data(data)
        lag = float(self.settings["video_lag_s" if kind == "video" else "image_lag_s"])
        self._shown_from[post.id] = self.clock.now() + lag
        page = f"https://www.reddit.com/user/{grant.person.name}/submitted/"
        return _data({"user_submitted_page": page, "websocket_url": "wss://k8s-lb.wss.redditmedia.com/x?m=A"})

    async def submit_gallery(self, request: web.Request, grant: Grant) -> web.Response:
        """Answer `POST /api/submit_gallery_post.json`."""
        given = await request.json()
        items = given.get("items", [])
        found = [self._uploaded(grant, str(each.get("media_id"))) for each in items]
        files = [each for each in found if each is not None]
        if not 2 <= len(items) <= 20 or len(files) < len(items):
            return _errors(["INVALID_OPTION", "that option is not valid", "items"])
        flags = {key: str(value) for key, value in given.items() if key != "items"}
        form = flags | {"kind": "gallery"}
        if refusal := self._refusal(grant, form):
            return refusal
        post = self._add(grant, form, files)
        return _data({"url": f"https://www.reddit.com{post.url}", "id": post.id})

    def _refusal(self, grant: Grant, form: Mapping[str, str]) -> web.Response | None:
        """Return the refusal of a post, or None."""
        subreddit = subreddits().get(form.get("sr", "").lower())
        if subreddit is None:
            return _errors(["SUBREDDIT_NOEXIST", "that subreddit doesn't exist", "sr"])
        if not _may_post(subreddit, grant.person.name):
            return _errors(["SUBREDDIT_NOTALLOWED", "you aren't allowed to post there.", "sr"])
        if wrong := _wrong(subreddit, form):
            return _errors(wrong)
        demands = self._demands(subreddit.name.lower())
        if form.get("validate_on_submit") == "True" and (found := violation(demands, form)):
            name, code, words = found
            body = {
                "fields": [name],
                "explanation": words,
                "error_type": "SUBMIT_VALIDATION_ERROR",
                "message": "Bad Request",
                "reason": f"SUBMIT_VALIDATION_{code}",
            }
            return web.json_response(body, status=400)
        since = self.clock.now() - MINUTES_10_S
        recent = [p.at for p in self.timeline.posts(grant.person.id) if p.at > since and not p.thread_of]
        if len(recent) >= int(self.settings["posts_in_10_minutes"]):
            wait = max(int((min(recent) - since) / 60), 1)
            return _errors(["RATELIMIT", TOO_OFTEN.format(wait), "ratelimit"])
        return None

    def _add(self, grant: Grant, form: Mapping[str, str], files: list[Asset]) -> Published:
        subreddit = subreddits()[form["sr"].lower()]
        post_id, name = f"t3_{_new_id()[:7]}", grant.person.name
        place = f"user/{name}" if subreddit.kind == "user" else f"r/{subreddit.name}"
        slug = re.sub(r"\W+", "_", form["title"].lower()).strip("_")[:50] or "_"
        labels = {
            label: "yes"
            for label, key in (("NSFW", "nsfw"), ("Spoiler", "spoiler"))
            if form.get(key) == "True"
        }
        flairs = dict(FLAIRS.get(subreddit.name.lower(), ()))
        if flair := flairs.get(form.get("flair_id", "")):
            labels["Flair"] = flair
        return self.timeline.add(
            Published(
                id=post_id,
                account_id=grant.person.id,
                title=form["title"],
                text=form.get("text", ""),
                link=form.get("url", "") if form["kind"] == "link" else "",
                media=tuple(Attached(file=each.file, type=each.type, name=each.id) for each in files),
                place=place.replace("user/", "u/"),
                url=f"/{place}/comments/{post_id[3:]}/{slug}/",
                at=self.clock.now(),
                options=labels,
            )
        )

    async def comment(self, request: web.Request, grant: Grant) -> web.Response:
        """Answer `POST /api/comment`."""
        form = await request.post()
        above = self.timeline.get(str(form.get("thing_id", "")))
        text = str(form.get("text", ""))
        if above is None or above.removed:
            return _errors(["DELETED_LINK", "the link you are commenting on has been deleted", "parent"])
        if not text.strip() or len(text) > 10_000:
            return _errors(["NO_TEXT" if not text.strip() else "TOO_LONG", "we need something here", "text"])
        comment_id = f"t1_{_new_id()[:7]}"
        self.timeline.add(
            Published(
                id=comment_id,
                account_id=grant.person.id,
                text=text,
                place=above.place,
                url=f"{above.url}{comment_id[3:]}/",
                at=self.clock.now(),
                thread_of=above.id,
            )
        )
        data = {"id": comment_id[3:], "name": comment_id, "permalink": f"{above.url}{comment_id[3:]}/"}
        return _data({"things": [{"kind": "t1", "data": data}]})

    # What was posted

    async def history(self, request: web.Request, grant: Grant) -> web.Response:
        """Answer `GET /user/{name}/submitted` and `/comments`: newest first."""
        if request.match_info["name"] != grant.person.name:
            return error(403, "Forbidden")
        comments = request.match_info["what"] == "comments"
        posts = [
            post
            for post in self.timeline.posts(grant.person.id)
            if bool(post.thread_of) == comments and self._shown_from.get(post.id, 0) <= self.clock.now()
        ]
        return self._things(request, posts[::-1][: int(request.query.get("limit", "25"))])

    async def info(self, request: web.Request, grant: Grant) -> web.Response:  # noqa: ARG002
        """Answer `GET /api/info?id=`. What its author deleted is not there, what was removed is marked."""
        found = [self.timeline.get(each) for each in request.query.get("id", "").split(",")[:100]]
        return self._things(request, [each for each in found if each and each.removed != "owner"])

    async def permalink(self, request: web.Request) -> web.Response:
        """Show a post with its comments."""
        wanted = request.match_info["id"]
        found = f"t1_{wanted}" if "post" in request.match_info else f"t3_{wanted}"
        return self.show_post(found)

    def _things(self, request: web.Request, posts: list[Published]) -> web.Response:
        children = [{"kind": post.id[:2], "data": self._thing(post)} for post in posts]
        data = {"after": None, "before": None, "dist": len(children), "modhash": None, "children": children}
        return answer_json(request, {"kind": "Listing", "data": data})

    def _thing(self, post: Published) -> dict[str, Any]:
        after = self.settings["automod_after_s"]
        if after is not None and not post.removed and self.clock.now() >= post.at + float(after):
            self.timeline.remove(post.id, "automod_filtered")
        facts: dict[str, Any] = {
            "id": post.id[3:],
            "name": post.id,
            "author": self.people[post.account_id].name,
            "subreddit": post.place.replace("u/", "u_").removeprefix("r/"),
            "permalink": post.url,
            "created_utc": post.at,
            "removed_by_category": post.removed or None,
        }
        if post.thread_of:
            return facts | {"body": post.text, "parent_id": post.thread_of, "link_id": post.thread_of}
        is_video = bool(post.media) and post.media[0].type.startswith("video/")
        url = post.link or f"https://www.reddit.com{post.url}"
        if post.media:
            url = (
                f"https://{'v' if is_video else 'i'}.redd.it/{post.media[0].name}{'' if is_video else '.jpg'}"
            )
        return facts | {
            "title": post.title,
            "selftext": post.text,
            "is_self": not post.link and not post.media,
            "is_video": is_video,
            "is_gallery": len(post.media) > 1,
            "url": f"https://www.reddit.com/gallery/{post.id[3:]}" if len(post.media) > 1 else url,
            "media_metadata": {one.name: {"status": "valid"} for one in post.media}
            if len(post.media) > 1
            else None,
            "over_18": "NSFW" in post.options,
            "spoiler": "Spoiler" in post.options,
            "link_flair_text": post.options.get("Flair"),
            "view_count": None,
        }


def _may_post(subreddit: Subreddit, name: str) -> bool:
    ties = ties_of(name)
    if subreddit.name in ties.banned:
        return False
    let_in = subreddit.name in {**ties.contributor, **ties.moderator}
    match subreddit.kind:
        case "public":
            return True
        case "restricted":
            return let_in or not subreddit.restrict_posting
        case "user":
            return subreddit.name == f"u_{name}"
        case "private":
            return let_in
        case _:
            return False


def _wrong(subreddit: Subreddit, form: Mapping[str, str]) -> list[str] | None:
    """Return Reddit's error for a post of the wrong kind or with a wrong field, or None."""
    kind, title = form.get("kind", ""), form.get("title", "")
    if kind not in {"self", "link", "image", "video", "gallery"}:
        return ["INVALID_OPTION", "that option is not valid", "kind"]
    if not title.strip():
        return ["NO_TEXT", "we need something here", "title"]
    if len(title) > 300 or len(form.get("text", "")) > 40_000:
        return ["TOO_LONG", "this is too long", "title" if len(title) > 300 else "text"]
    if kind == "link" and not form.get("url"):
        return ["NO_URL", "a url is required", "url"]
    refused = {
        "self": (subreddit.submissions == "link", "NO_SELFS"),
        "link": (subreddit.submissions == "self", "NO_LINKS"),
        "gallery": (subreddit.submissions != "any", "GALLERIES_DISABLED"),
        "image": (subreddit.submissions != "any", "NO_IMAGES"),
        "video": (subreddit.submissions != "any", "NO_VIDEOS"),
    }
    is_refused, code = refused[kind]
    return [code, "this community doesn't allow that kind of post", "sr"] if is_refused else None


def _new_id() -> str:
    """Return an id in base 36."""
    return "".join(secrets.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in range(13))


def _errors(*errors: list[str]) -> web.Response:
    return web.json_response({"json": {"errors": list(errors)}})


def _data(data: Mapping[str, Any]) -> web.Response:
    return web.json_response({"json": {"errors": [], "data": dict(data)}})
