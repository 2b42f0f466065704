"""The Web API that the app calls, with Slack's error codes, scopes and limits.

Each method's arguments, errors and scopes are from its page below https://docs.slack.dev/reference/methods;
rate limits from https://docs.slack.dev/apis/web-api/rate-limits.
"""

from __future__ import annotations

import json
import math
import secrets
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.slack.blocks import message_faults
from sandbox.slack.calls import Call, RateLimited, paged, require_scope
from sandbox.slack.grid import exchange
from sandbox.slack.payloads import channel_json, file_json, filetype, user_json, view_json
from sandbox.slack.requests import arguments, bearer, uploaded
from sandbox.slack.state import (
    SLACKBOT,
    Channel,
    File,
    Installation,
    Json,
    Message,
    Refused,
    Token,
    User,
    new_id,
)
from sandbox.slack.values import initial_values, with_ids

if TYPE_CHECKING:
    from sandbox.slack.admin import Administrators

TEXT_LIMIT = 40_000
PICTURES = frozenset({"gif", "jpg", "png"})
"""The types that a `slack_file` may have."""
READ_SCOPES = {"public": "channels:read", "private": "groups:read", "im": "im:read"}
KINDS = {"public_channel": "public", "private_channel": "private", "im": "im", "mpim": "im"}


Method = Callable[[Call], Awaitable[Json]]


class WebApi:
    """Serves `/api/<method>` for tokens, `response_url`s and the file host."""

    def __init__(self, slack: Administrators) -> None:
        self._slack = slack
        self._state = slack.state
        self._last_post: dict[str, float] = {}
        self._calls: dict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._uploads: dict[str, str] = {}
        self.methods: dict[str, tuple[Method, str]] = {
            "auth.test": (self._auth_test, ""),
            "auth.revoke": (self._auth_revoke, ""),
            "apps.uninstall": (self._apps_uninstall, ""),
            "chat.postMessage": (self._post_message, "chat:write"),
            "chat.postEphemeral": (self._post_ephemeral, "chat:write"),
            "chat.update": (self._update_message, "chat:write"),
            "chat.delete": (self._delete_message, "chat:write"),
            "chat.getPermalink": (self._permalink, ""),
            "conversations.info": (self._conversations_info, ""),
            "conversations.join": (self._conversations_join, "channels:join"),
            "conversations.list": (self._conversations_list, ""),
            "conversations.members": (self._conversations_members, ""),
            "conversations.open": (self._conversations_open, "im:write"),
            "files.completeUploadExternal": (self._complete_upload, "files:write"),
            "files.delete": (self._delete_file, "files:write"),
            "files.getUploadURLExternal": (self._upload_url, "files:write"),
            "files.info": (self._files_info, "files:read"),
            "migration.exchange": (self._migration_exchange, ""),
            "team.info": (self._team_info, "team:read"),
            "users.info": (self._users_info, "users:read"),
            "users.list": (self._users_list, "users:read"),
            "views.open": (self._views_open, ""),
            "views.publish": (self._views_publish, ""),
            "views.push": (self._views_push, ""),
            "views.update": (self._views_update, ""),
        }

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of methods, response_urls, uploads and downloads."""
        return [
            web.get("/api/{method}", self.serve),
            web.post("/api/{method}", self.serve),
            web.post("/{kind:commands|actions|app}/{team}/{token}", self._answer),
            web.post("/upload/v1/{ticket}", self._receive_upload),
            web.get("/files-pri/{owner}/{name}", self._download),
            web.get("/files-pri/{owner}/download/{name}", self._download),
        ]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a method call. Every refusal except a rate limit is a 200 with `ok: false`."""
        method = request.match_info["method"]
        headers: dict[str, str] = {}
        try:
            args = await arguments(request)
            handler, scope = self._method(method)
            call = self._call(request, method, args)
            headers["x-oauth-scopes"] = ",".join(call.token.scopes)
            if scope:
                require_scope(call, scope)
            self._spend_allowance(call)
            return web.json_response({"ok": True} | await handler(call), headers=headers)
        except RateLimited as limit:
            headers["Retry-After"] = str(limit.retry_after)
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        except Refused as refused:
            return web.json_response(self.refusal(method, refused), headers=headers)

    def refusal(self, where: str, refused: Refused) -> Json:
        """Return the answer to a refused call, and add it to the complaints."""
        answer: Json = {"ok": False, "error": refused.error, **refused.extra}
        if refused.faults:
            answer["errors"] = refused.faults
            answer["response_metadata"] = {"messages": [f"[ERROR] {fault}" for fault in refused.faults]}
            self._slack.complain(where, refused.error, refused.faults)
        return answer

    def authenticate(self, given: str) -> tuple[Token, Installation]:
        """Return the owner of a bot token.

        Raises:
            Refused: The token is missing or not valid.

        """
        if not given:
            raise Refused("not_authed")
        token = self._state.tokens.get(given)
        if token is None or token.kind != "bot":
            raise Refused("invalid_auth")
        if token.dead:
            raise Refused(token.dead)
        if token.expires_at is not None and self._state.now() >= token.expires_at:
            raise Refused("token_expired")
        return token, self._state.installations[token.installation_id]

    def _method(self, name: str) -> tuple[Method, str]:
        if name not in self.methods:
            raise Refused("unknown_method", req_method=name)
        return self.methods[name]

    def _call(self, request: web.Request, method: str, args: Json) -> Call:
        token, installation = self.authenticate(bearer(request) or str(args.get("token") or ""))
        teams = tuple(self._state.installation_teams(installation))
        return Call(method=method, args=args, token=token, installation=installation, teams=teams)

    def _spend_allowance(self, call: Call) -> None:
        """Enforce the `per_minute` setting: method -> calls a minute for each installation."""
        most = self._slack.settings["per_minute"].get(call.method)
        if most is None:
            return
        now, recent = self._state.now(), self._calls[call.method, call.installation.id]
        while recent and recent[0] <= now - 60:
            recent.popleft()
        if len(recent) >= int(most):
            raise RateLimited(max(1, math.ceil(recent[0] + 60 - now)))
        recent.append(now)

    # auth and apps

    async def _auth_test(self, call: Call) -> Json:
        installation = call.installation
        bot = self._state.users[installation.bot_user_id]
        found: Json = {
            "user": bot.name,
            "user_id": bot.id,
            "bot_id": bot.bot_id,
            "is_enterprise_install": installation.is_enterprise_install,
        }
        if installation.team_id is not None:
            workspace = self._state.workspaces[installation.team_id]
            found |= {"url": f"https://{workspace.domain}.slack.com/", "team": workspace.name}
            found["team_id"] = workspace.id
            if workspace.enterprise_id:
                found["enterprise_id"] = workspace.enterprise_id
            return found
        enterprise = self._state.enterprises[installation.enterprise_id or ""]
        return found | {
            "url": f"https://{enterprise.domain}.enterprise.slack.com/",
            "team": enterprise.name,
            "team_id": enterprise.id,
            "enterprise_id": enterprise.id,
        }

    async def _auth_revoke(self, call: Call) -> Json:
        if not call.flag("test"):
            call.token.dead = "token_revoked"
        return {"revoked": not call.flag("test")}

    async def _apps_uninstall(self, call: Call) -> Json:
        app = self._slack.app()
        if call.needed("client_id") != app.client_id:
            raise Refused("invalid_client_id")
        if call.needed("client_secret") != app.client_secret:
            raise Refused("bad_client_secret")
        await self._slack.uninstall(call.installation.team_id or call.installation.enterprise_id or "")
        return {}

    # chat

    async def _post_message(self, call: Call) -> Json:
        channel = self._place(call)
        content = self._content(call)
        bot = call.installation.bot_user_id
        if channel.is_archived:
            raise Refused("is_archived")
        if bot not in channel.members:
            if channel.is_private:
                raise Refused("channel_not_found")
            if "chat:write.public" not in call.token.scopes:
                raise Refused("not_in_channel")
        thread_ts = call.text("thread_ts")
        if thread_ts and self._state.message(channel.id, thread_ts) is None:
            raise Refused("thread_not_found")
        self._pace(channel)
        message = self._slack.post_as_app(
            bot, channel.id, content.pop("text"), thread_ts=thread_ts, **content
        )
        return {"channel": channel.id, "ts": message.ts, "message": self._slack.message_json(message)}

    async def _post_ephemeral(self, call: Call) -> Json:
        channel = self._place(call)
        content = self._content(call)
        user = self._state.user(call.needed("user"))
        if channel.is_archived:
            raise Refused("is_archived")
        if call.installation.bot_user_id not in channel.members:
            raise Refused("channel_not_found" if channel.is_private else "not_in_channel")
        if user is None or user.deleted or user.id not in channel.members:
            raise Refused("user_not_in_channel")
        message = self._slack.post_as_app(
            call.installation.bot_user_id,
            channel.id,
            content.pop("text"),
            ephemeral_for=user.id,
            thread_ts=call.text("thread_ts"),
            **content,
        )
        return {"message_ts": message.ts}

    async def _update_message(self, call: Call) -> Json:
        channel, message = self._own_message(call, "cant_update_message")
        content = self._content(call, but=message)
        if channel.is_archived:
            raise Refused("is_archived")
        message.text, message.edited = content["text"], True
        message.blocks, message.attachments = content["blocks"], content["attachments"]
        message.values = initial_values(message.blocks, message.values, channel.id)
        message.troubles.clear()
        self._state.touch()
        return {
            "channel": channel.id,
            "ts": message.ts,
            "text": message.text,
            "message": self._slack.message_json(message),
        }

    async def _delete_message(self, call: Call) -> Json:
        channel, message = self._own_message(call, "cant_delete_message")
        self._state.remove_message(message)
        return {"channel": channel.id, "ts": message.ts}

    async def _permalink(self, call: Call) -> Json:
        channel = self._visible(call, call.needed("channel"))
        ts = call.needed("message_ts")
        if self._state.message(channel.id, ts) is None:
            raise Refused("message_not_found")
        path = f"/archives/{channel.id}/p{ts.replace('.', '')}"
        return {"channel": channel.id, "permalink": self._slack.url + path}

    def _content(self, call: Call, *, but: Message | None = None) -> Json:
        """Return the text, blocks, attachments and values of a message that Slack accepts."""
        blocks, text = call.args.get("blocks") or [], call.text("text")
        attachments = call.args.get("attachments") or []
        if but is not None and "blocks" not in call.args and "attachments" not in call.args and not text:
            blocks, attachments = but.blocks, but.attachments
        if not text and not blocks and not attachments:
            raise Refused("no_text")
        if len(text) > TEXT_LIMIT:
            raise Refused("msg_too_long")
        faults = message_faults(blocks) if blocks else []
        for index, attachment in enumerate(attachments):
            if attachment.get("blocks"):
                faults += message_faults(attachment["blocks"], root=f"/attachments/{index}")
        faults = faults or self._picture_faults(call, blocks, "/blocks")
        if faults:
            raise Refused("invalid_blocks", faults)
        if self._slack.settings["pictures_fail"] and '"image_url"' in json.dumps(blocks):
            raise Refused("invalid_blocks", ["downloading image failed"])
        drawn = with_ids(blocks)
        return {
            "text": text,
            "blocks": drawn,
            "attachments": attachments,
            "values": initial_values(drawn),
            "metadata": call.args.get("metadata") or {},
        }

    def _picture_faults(self, call: Call, part: Any, path: str) -> list[str]:
        """Return a fault for each `slack_file` that is no picture, or none that the app may read.

        https://docs.slack.dev/reference/block-kit/composition-objects/slack-file-object (read 2026-11-30).
        """
        if isinstance(part, list):
            parts = list(enumerate(part))
        else:
            parts = list(part.items()) if isinstance(part, dict) else []
        faults = [fault for key, one in parts for fault in self._picture_faults(call, one, f"{path}/{key}")]
        if isinstance(part, dict) and isinstance(part.get("slack_file"), dict):
            file = self._state.picture(part["slack_file"])
            usable = file is not None and filetype(file.name) in PICTURES
            if not usable or file is None or not self._state.may_read(call.installation, file):
                faults.append(f"invalid slack file [json-pointer:{path}/slack_file]")
        return faults

    def _pace(self, channel: Channel) -> None:
        """Allow one message a second per channel: https://docs.slack.dev/apis/web-api/rate-limits."""
        interval, now = float(self._slack.settings["message_interval_s"]), self._state.now()
        wait = self._last_post.get(channel.id, -math.inf) + interval - now
        if wait > 0:
            raise RateLimited(max(1, math.ceil(wait)))
        self._last_post[channel.id] = now

    def _own_message(self, call: Call, error: str) -> tuple[Channel, Message]:
        channel = self._visible(call, call.needed("channel"))
        message = self._state.message(channel.id, call.needed("ts"))
        if message is None or message.ephemeral_for:
            raise Refused("message_not_found")
        if message.user_id != call.installation.bot_user_id:
            raise Refused(error)
        return channel, message

    def _place(self, call: Call) -> Channel:
        """Return the channel of an id, or for a person's id the direct message with them."""
        where = call.needed("channel")
        user = self._state.user(where)
        if user is None:
            return self._visible(call, where)
        if user.deleted or user.is_bot or not self._knows(call, user):
            raise Refused("channel_not_found")
        return self._state.dm(self._team_with(call, user), user.id)

    # conversations

    async def _conversations_info(self, call: Call) -> Json:
        channel = self._visible(call, call.needed("channel"))
        require_scope(call, READ_SCOPES[channel.kind])
        return {"channel": channel_json(channel, member=call.installation.bot_user_id)}

    async def _conversations_list(self, call: Call) -> Json:
        kinds = {KINDS.get(t.strip(), "") for t in (call.text("types") or "public_channel").split(",")}
        if "" in kinds:
            raise Refused("invalid_types")
        for kind in sorted(kinds):
            require_scope(call, READ_SCOPES[kind])
        team_id, bot = self._one_team(call), call.installation.bot_user_id
        found = [
            c
            for c in self._state.channels.values()
            if team_id in c.teams
            and c.kind in kinds
            and (c.kind == "public" or bot in c.members)
            and not (call.flag("exclude_archived") and c.is_archived)
        ]
        page, cursor = paged(found, call)
        return {
            "channels": [channel_json(c, member=bot) for c in page],
            "response_metadata": {"next_cursor": cursor},
        }

    async def _conversations_members(self, call: Call) -> Json:
        channel = self._visible(call, call.needed("channel"))
        require_scope(call, READ_SCOPES[channel.kind])
        page, cursor = paged(sorted(channel.members), call)
        return {"members": page, "response_metadata": {"next_cursor": cursor}}

    async def _conversations_join(self, call: Call) -> Json:
        channel = self._visible(call, call.needed("channel"))
        if channel.kind != "public":
            raise Refused("method_not_supported_for_channel_type")
        if channel.is_archived:
            raise Refused("is_archived")
        bot = call.installation.bot_user_id
        warning = {"warning": "already_in_channel"} if bot in channel.members else {}
        channel.members.add(bot)
        self._state.touch()
        return {"channel": channel_json(channel, member=bot)} | warning

    async def _conversations_open(self, call: Call) -> Json:
        if call.text("channel"):
            return {"channel": {"id": self._visible(call, call.text("channel")).id}}
        given = call.args.get("users") or ""
        ids = given if isinstance(given, list) else [u.strip() for u in str(given).split(",") if u.strip()]
        if not ids:
            raise Refused("users_list_not_supplied")
        if len(ids) > 1:
            raise Refused("missing_scope", needed="mpim:write", provided=",".join(call.token.scopes))
        user = self._state.user(ids[0])
        if ids[0] == SLACKBOT or (user is not None and user.is_bot):
            raise Refused("cannot_dm_bot")
        if user is None:
            raise Refused("user_not_found")
        if not self._knows(call, user):
            raise Refused("user_not_visible")
        if user.deleted:
            raise Refused("user_disabled")
        channel = self._state.dm(self._team_with(call, user), user.id)
        full = channel_json(channel, member=call.installation.bot_user_id)
        return {"channel": full if call.flag("return_im") else {"id": channel.id}}

    def _visible(self, call: Call, channel_id: str) -> Channel:
        """Return a channel that the app may see.

        Raises:
            Refused: With `channel_not_found`: there is none.

        """
        channel = self._state.channels.get(channel_id)
        if channel is None or not channel.teams & set(call.teams):
            raise Refused("channel_not_found")
        if channel.is_private and call.installation.bot_user_id not in channel.members:
            raise Refused("channel_not_found")
        return channel

    def _knows(self, call: Call, user: User) -> bool:
        """Tell whether a person belongs to the app's workspaces or shares a channel with them."""
        teams = set(call.teams)
        shared = (c for c in self._state.channels.values() if c.shared_with and c.teams & teams)
        return bool(user.workspaces & teams) or any(user.id in c.members for c in shared)

    def _team_with(self, call: Call, user: User) -> str:
        return next((t for t in call.teams if t in user.workspaces), call.teams[0])

    def _one_team(self, call: Call) -> str:
        """Return the workspace of a call; an org-wide token must name it."""
        if call.installation.team_id is not None:
            return call.installation.team_id
        team_id = call.text("team_id")
        if not team_id:
            raise Refused("missing_argument", ["missing required field: team_id [json-pointer:/team_id]"])
        if team_id not in call.teams:
            raise Refused("team_not_found")
        return team_id

    # users and team

    async def _users_info(self, call: Call) -> Json:
        user = self._state.user(call.needed("user"))
        if user is None:
            raise Refused("user_not_found")
        if not self._knows(call, user):
            raise Refused("user_not_visible")
        return {"user": user_json(user, asked_from=call.teams)}

    async def _migration_exchange(self, call: Call) -> Json:
        return exchange(self._state, call)

    async def _users_list(self, call: Call) -> Json:
        page, cursor = paged(self._state.people(self._one_team(call), bots=True), call)
        members = [user_json(u, asked_from=call.teams) for u in page]
        return {"members": members, "response_metadata": {"next_cursor": cursor}}

    async def _team_info(self, call: Call) -> Json:
        team_id = call.text("team") or call.installation.team_id or call.teams[0]
        if team_id not in call.teams:
            raise Refused("team_not_found")
        workspace = self._state.workspaces[team_id]
        found: Json = {
            "id": workspace.id,
            "name": workspace.name,
            "url": f"https://{workspace.domain}.slack.com/",
            "domain": workspace.domain,
            "email_domain": "",
            "icon": {"image_default": True},
        }
        if workspace.enterprise_id:
            enterprise = self._state.enterprises[workspace.enterprise_id]
            found |= {"enterprise_id": enterprise.id, "enterprise_name": enterprise.name}
        return {"team": found}

    # views

    async def _views_open(self, call: Call) -> Json:
        self._check_file_input(call)
        view = self._slack.views.open(call.needed("trigger_id"), self._view_of(call), call.installation)
        return {"view": view_json(view)}

    async def _views_push(self, call: Call) -> Json:
        self._check_file_input(call)
        view = self._slack.views.push(call.needed("trigger_id"), self._view_of(call), call.installation)
        return {"view": view_json(view)}

    async def _views_update(self, call: Call) -> Json:
        self._check_file_input(call)
        view = self._slack.views.find(call.text("view_id"), call.text("external_id"))
        if view.team_id not in call.teams:
            raise Refused("not_found")
        self._slack.views.update(view, self._view_of(call), call.text("hash"))
        return {"view": view_json(view)}

    async def _views_publish(self, call: Call) -> Json:
        user = self._state.user(call.needed("user_id"))
        teams = [] if user is None else [t for t in call.teams if t in user.workspaces]
        if user is None or user.is_bot or not teams:
            raise Refused("user_not_found")
        payload = self._view_of(call)
        drawn = [
            self._slack.views.publish(user.id, team, payload, call.installation, call.text("hash"))
            for team in teams
        ]
        return {"view": view_json(drawn[0])}

    def _view_of(self, call: Call) -> Any:
        if "view" not in call.args:
            raise Refused("invalid_arguments", ["missing required field: view [json-pointer:/view]"])
        if faults := self._picture_faults(call, call.args["view"], "/view"):
            raise Refused("invalid_arguments", faults)
        return call.args["view"]

    def _check_file_input(self, call: Call) -> None:
        """`file_input` needs files:read: .../block-kit/block-elements/file-input-element."""
        if '"file_input"' in json.dumps(call.args.get("view")):
            require_scope(call, "files:read")

    # files

    async def _upload_url(self, call: Call) -> Json:
        name = call.needed("filename")
        length = call.needed("length")
        if not length.isdigit() or int(length) == 0:
            raise Refused("invalid_arguments", ["must be a positive integer [json-pointer:/length]"])
        file = File(
            id=new_id("F", 10),
            name=name,
            user_id=call.installation.bot_user_id,
            team_id=call.installation.team_id or call.teams[0],
            created=int(self._state.now()),
            alt_txt=call.text("alt_txt"),
        )
        self._state.files[file.id] = file
        ticket = secrets.token_urlsafe(24)
        self._uploads[ticket] = file.id
        return {"upload_url": f"{self._slack.url}/upload/v1/{ticket}", "file_id": file.id}

    async def _receive_upload(self, request: web.Request) -> web.StreamResponse:
        file_id = self._uploads.pop(request.match_info["ticket"], "")
        if not file_id:
            raise web.HTTPNotFound(text="no such upload")
        file = self._state.files[file_id]
        file.content, file.mimetype = await uploaded(request)
        return web.Response(text=f"OK - {len(file.content)}")

    async def _complete_upload(self, call: Call) -> Json:
        given = call.args.get("files")
        if not isinstance(given, list) or not given:
            raise Refused("invalid_arguments", ["missing required field: files [json-pointer:/files]"])
        files = [self._state.files.get(str(one.get("id"))) for one in given]
        if not all(f is not None and f.content for f in files):
            raise Refused("file_not_found")
        ready = [f for f in files if f is not None]
        channel = self._visible(call, call.text("channel_id")) if call.text("channel_id") else None
        if channel is not None and call.installation.bot_user_id not in channel.members:
            raise Refused("not_in_channel")
        for file, one in zip(ready, given, strict=True):
            file.title, file.complete = str(one.get("title") or file.name), True
        if channel is not None:
            for file in ready:
                file.channel_ids.append(channel.id)
            self._slack.post_as_app(
                call.installation.bot_user_id,
                channel.id,
                call.text("initial_comment"),
                thread_ts=call.text("thread_ts"),
                file_ids=[f.id for f in ready],
            )
        return {"files": [{"id": f.id, "title": f.title} for f in ready]}

    async def _delete_file(self, call: Call) -> Json:
        file = self._state.files.get(call.needed("file"))
        if file is None or not self._state.may_read(call.installation, file):
            raise Refused("file_not_found")
        if file.user_id != call.installation.bot_user_id:
            raise Refused("cant_delete_file")
        self._state.remove_file(file)
        return {}

    async def _files_info(self, call: Call) -> Json:
        file = self._state.files.get(call.needed("file"))
        if file is None or not file.complete or not self._state.may_read(call.installation, file):
            raise Refused("file_not_found")
        return {"file": file_json(self._state, file, url=self._slack.url), "comments": []}

    async def _download(self, request: web.Request) -> web.StreamResponse:
        """Answer with a file for a token that may read it, and lead to the sign-in page otherwise, as Slack does.

        That page is HTML with status 200, also where the scope files:read is missing.
        """
        team_id, _, file_id = request.match_info["owner"].partition("-")
        file = self._state.files.get(file_id)
        try:
            token, installation = self.authenticate(bearer(request))
        except Refused:
            raise web.HTTPFound("/") from None
        if file is None or file.team_id != team_id:
            raise web.HTTPNotFound
        if "files:read" not in token.scopes or not self._state.may_read(installation, file):
            raise web.HTTPFound("/")
        return web.Response(body=file.content, content_type=file.mimetype)

    # response_url

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        """Accept a POST to a `response_url`: five times within thirty minutes.

        https://docs.slack.dev/interactivity/handling-user-interaction (message responses).
        """
        where = self._state.response_urls.get(request.match_info["token"])
        if where is None:
            raise web.HTTPNotFound(text="no_such_url")
        if self._state.now() > where.expires_at:
            return web.json_response({"ok": False, "error": "expired_url"}, status=404)
        if where.uses_left <= 0:
            return web.json_response({"ok": False, "error": "used_url"}, status=404)
        where.uses_left -= 1
        try:
            body = await arguments(request)
            installation = self._state.installations[where.installation_id]
            original = self._state.message(where.channel_id, where.message_ts)
            if str(body.get("delete_original", "")).lower() == "true":
                if original is not None:
                    self._state.remove_message(original)
            else:
                self._slack.post_answer(
                    body, where, where.channel_id, where.user_id, installation.bot_user_id
                )
        except Refused as refused:
            return web.json_response(self.refusal("response_url", refused), status=400)
        return web.json_response({"ok": True})
