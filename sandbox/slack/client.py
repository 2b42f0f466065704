"""The web client of the simulated Slack: pages drawn by the server, with a little script.

The person is part of the address, so two tabs can be two people: `/client/T0ACME/U0ADA/C0ACMEGEN`. The server sends
whole pages; afterwards the script gets changed parts from `parts`. One tab of a browser waits for changes at
`/client-changes` and tells the others, because a browser opens only six connections to a server. Each action is a POST
to `do`, which calls the same methods as tests do. A cookie has the last person, so that Slack's consent pages know who
uses the browser.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from aiohttp import web

from sandbox.slack import mrkdwn
from sandbox.slack.delivery import TIMED_OUT, UNREACHABLE
from sandbox.slack.drawing import PAGES, Pen, choices_of
from sandbox.slack.oauth import SIGNED_IN
from sandbox.slack.state import SLACKBOT, Channel, File, Json, Message, User, View, Workspace, find_element

if TYPE_CHECKING:
    from sandbox.slack.server import SlackSimulator

HERE = Path(__file__).parent
STATIC = {"client.css": "text/css", "client.js": "text/javascript", "redirect.js": "text/javascript"}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data: http://localhost:*; form-action 'self' http://localhost:*; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Pages load nothing from outside this machine, and no text can become a script."""
LAST_PLACE = "slack_at"
TABS = ("home", "messages", "about")
SAFE_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
SETTLE_S = 0.03
"""Changes come in bursts, so one answer has those of 30 ms."""
MULTILINE_QUERY = 300
MEMBERSHIP = {"/invite": "added <@{}> to", "/remove": "removed <@{}> from"}
"""The commands of Slack itself that work here: https://slack.com/help/articles/201259356."""
TROUBLES = {
    TIMED_OUT: "did not answer within 3 seconds",
    UNREACHABLE: "could not be reached",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A person in a workspace, and the place that they have open."""

    workspace: Workspace
    me: User
    place: str
    channel: Channel | None

    @property
    def path(self) -> str:
        """Return the address of this place."""
        return f"/client/{self.workspace.id}/{self.me.id}/{self.place}"


def client_routes(slack: SlackSimulator, world_page: str = "") -> list[web.RouteDef]:
    """Return the routes of the web client of `slack`, for `slack.mount`.

    `world_page` is the address of the World page, if there is one.
    """
    client = Client(slack, world_page)
    seat = "/client/{team}/{user}/{place}"
    return [
        web.get("/", client.front),
        web.get("/app_redirect", client.app_redirect),
        web.get("/client/{team}", client.enter),
        web.get("/client/{team}/{user}", client.enter),
        web.get(seat, client.show),
        web.get("/client-changes", client.changes),
        web.get(f"{seat}/parts", client.parts),
        web.post(f"{seat}/do", client.act),
        web.post(f"{seat}/upload", client.upload),
        web.get(f"{seat}/file/{{file}}", client.file),
        web.get("/client-static/{name}", client.static),
    ]


class Client:
    """Draws one simulated Slack for browsers, and carries out what people do there."""

    def __init__(self, slack: SlackSimulator, world_page: str = "") -> None:
        self.slack = slack
        self._world_page = world_page
        self.state = slack.state
        self._read: dict[tuple[str, str], str] = {}
        self._doers: dict[str, Callable[[Seat, Json], Awaitable[Json]]] = {
            "say": self._say,
            "press": self._press,
            "submit": self._submit,
            "close": self._close,
            "suggest": self._suggest,
            "shortcut": self._shortcut,
            "open_home": self._open_home,
        }

    # Pages

    async def front(self, request: web.Request) -> web.Response:
        """Redirect the browser to its last person and place, or to Acme's admin."""
        team, user = self._last_person(request)
        place = request.cookies.get(LAST_PLACE, "")
        if place in TABS or any(place == c.id for c in self.state.channels_for(user, team)):
            raise web.HTTPFound(f"/client/{team}/{user}/{place}")
        raise web.HTTPFound(f"/client/{team}/{user}")

    async def enter(self, request: web.Request) -> web.Response:
        """Redirect the browser to a place: `/client/T`, `/client/T/U`, or Slack's own `/client/T/C`."""
        team, other = request.match_info["team"], request.match_info.get("user", "")
        if team not in self.state.workspaces:
            raise web.HTTPNotFound(text="no such workspace")
        user, place = (other, "") if other in self.state.users else (self._member(request, team), other)
        raise web.HTTPFound(f"/client/{team}/{user}/{quote(place or self._first_place(team, user))}")

    async def app_redirect(self, request: web.Request) -> web.Response:
        """Lead to the app or to `channel`: https://docs.slack.dev/interactivity/deep-linking.

        As Slack's page hands over to its desktop app, this one hands over to a tab that has this person's Slack open;
        where there is none, it becomes one.
        """
        team = request.query.get("team", "") or self._last_person(request)[0]
        if team not in self.state.workspaces:
            grid = (w.id for w in self.state.workspaces.values() if w.enterprise_id == team)
            team = next(grid, self._last_person(request)[0])
        user = self._member(request, team)
        target = f"/client/{team}/{user}/{quote(request.query.get('channel') or 'messages')}"
        page = PAGES.get_template("redirect.html").render(target=target)
        return web.Response(text=page, content_type="text/html", headers=HEADERS)

    async def show(self, request: web.Request) -> web.Response:
        """Answer with a whole page."""
        seat = self._seat(request)
        version = self.state.version
        page = PAGES.get_template("client.html").render(
            **self._values(seat), parts=self._parts(seat), version=version
        )
        answer = web.Response(text=page, content_type="text/html", headers=HEADERS)
        answer.set_cookie(SIGNED_IN, f"{seat.me.id}.{seat.workspace.id}", samesite="Lax", httponly=True)
        answer.set_cookie(LAST_PLACE, seat.place, samesite="Lax", httponly=True)
        return answer

    async def changes(self, request: web.Request) -> web.Response:
        """Answer with the version of the world once it is not `version` any more, at the latest after 25 s."""
        known = int(request.query["version"])
        if await self.state.changed_since(known) != known:
            await asyncio.sleep(SETTLE_S)
        return web.json_response({"version": self.state.version}, headers=HEADERS)

    async def parts(self, request: web.Request) -> web.Response:
        """Answer with the version of the world, and with the page's parts if it is not `version`."""
        seat = self._seat(request)
        version = self.state.version
        answer: Json = {"version": version}
        if str(version) != request.query["version"]:
            answer["parts"] = self._parts(seat)
        return web.json_response(answer, headers=HEADERS)

    async def static(self, request: web.Request) -> web.Response:
        """Answer with the style sheet or the script."""
        name = request.match_info["name"]
        if name not in STATIC:
            raise web.HTTPNotFound
        text = (HERE / "static" / name).read_text(encoding="utf-8")
        return web.Response(text=text, content_type=STATIC[name], headers=HEADERS)

    async def file(self, request: web.Request) -> web.Response:
        """Answer with a file that the person may see. Only pictures are shown; everything else is downloaded."""
        seat = self._seat(request)
        found = self.state.files.get(request.match_info["file"])
        if found is None or not self._sees(seat, found):
            raise web.HTTPNotFound
        shown = found.mimetype in SAFE_IMAGES
        kind = "inline" if shown else "attachment"
        headers = HEADERS | {"Content-Disposition": f"{kind}; filename*=UTF-8''{quote(found.name)}"}
        return web.Response(
            body=found.content,
            content_type=found.mimetype if shown else "application/octet-stream",
            headers=headers,
        )

    # Actions

    async def act(self, request: web.Request) -> web.Response:
        """Carry out an action of the person; the answer has a sentence in `error` if it failed."""
        from_own_page(request, "application/json")
        given = await request.json()
        doer = self._doers.get(str(given.get("do")))
        if doer is None:
            raise web.HTTPBadRequest(text="no such action")
        try:
            answer = await doer(self._seat(request), given)
        except (ValueError, KeyError) as refusal:
            answer = {"error": str(refusal.args[0] if refusal.args else refusal)}
        return web.json_response(answer, headers=HEADERS)

    async def upload(self, request: web.Request) -> web.Response:
        """Store a chosen file, the body, and answer with its id and name; `name` and `type` are in the query."""
        from_own_page(request, "application/octet-stream")
        seat, query = self._seat(request), request.query
        try:
            kept = self.slack.upload(seat.me.id, query["name"], await request.read(), query["type"])
        except ValueError as refusal:
            return web.json_response({"error": str(refusal)}, headers=HEADERS)
        shown = kept.mimetype in SAFE_IMAGES
        return web.json_response({"id": kept.id, "name": kept.name, "picture": shown}, headers=HEADERS)

    async def _say(self, seat: Seat, given: Json) -> Json:
        text, app = str(given["text"]).strip(), self.state.app
        channel = self._here(seat)
        files: Mapping[str, str] = given.get("files") or {}
        for file_id, alt_txt in files.items():
            self.slack.describe(seat.me.id, file_id, str(alt_txt).strip())
        if not text and not files:
            return {}
        if channel.is_archived:
            raise ValueError("This channel is archived.")
        if files and text.startswith("/"):
            raise ValueError("A command takes no files.")
        word, _, rest = text.partition(" ")
        people = {u.name.lower(): u.id for u in self._mentionable(seat)}
        channels = {c.name: c.id for c in self.state.channels_for(seat.me.id, seat.workspace.id)}
        if app is not None and word == app.command:
            words = mrkdwn.typed(rest.strip(), people, channels, command=True)
            await self.slack.command(seat.me.id, seat.workspace.id, channel.id, words)
        elif word in MEMBERSHIP:
            await self._change_membership(seat, channel, word, rest.strip().removeprefix("@"), people)
        elif text.startswith("/"):
            raise ValueError(f"{word} is not a valid command.")
        else:
            words = mrkdwn.typed(text, people, channels, command=False)
            await self.slack.say(seat.me.id, channel.id, words, files=list(files))
        return {}

    async def _change_membership(
        self, seat: Seat, channel: Channel, command: str, name: str, people: Mapping[str, str]
    ) -> None:
        """Carry out `/invite @name` and `/remove @name`, also for the app, by its name."""
        if channel.kind == "im":
            raise ValueError("Nobody else can be in a direct message.")
        found, installation = people.get(name.lower()), self.state.installation_for(seat.workspace.id)
        if installation is not None and name.lower() == self.state.users[installation.bot_user_id].name:
            found = installation.bot_user_id
        if found is None:
            raise ValueError(f"Nobody in this workspace is called @{name}.")
        called, here = self.state.users[found].real_name, found in channel.members
        if here == (command == "/invite"):
            raise ValueError(f"{called} is {'already' if here else 'not'} in this channel.")
        change = self.slack.kick if here else self.slack.invite
        await change(channel.id, found)
        self.state.post(channel.id, seat.me.id, f"{MEMBERSHIP[command].format(found)} this channel.")

    async def _press(self, seat: Seat, given: Json) -> Json:
        target, block_id, action_id = self._target(given["target"]), given["block_id"], given["action_id"]
        outcome = await self.slack.press(
            seat.me.id,
            target,
            action_id,
            block_id=block_id,
            value=self._local(target, seat.me, block_id, action_id, given.get("value")),
            values=self._all_local(target, seat.me, given.get("values") or {}),
        )
        return self._told(outcome.error)

    async def _submit(self, seat: Seat, given: Json) -> Json:
        view = self._target(given["target"])
        values = self._all_local(view, seat.me, given.get("values") or {})
        if isinstance(view, View):
            await self.slack.submit(seat.me.id, view, values)
        return {}

    async def _close(self, seat: Seat, given: Json) -> Json:
        view = self._target(given["target"])
        if isinstance(view, View):
            await self.slack.close(seat.me.id, view, all_of_them=bool(given.get("all")))
        return {}

    async def _suggest(self, seat: Seat, given: Json) -> Json:
        answer = await self.slack.suggestions(
            seat.me.id,
            self._target(given["target"]),
            given["action_id"],
            str(given["query"])[:MULTILINE_QUERY],
            block_id=given["block_id"],
        )
        html = PAGES.get_template("choices.html").render(
            **Pen(self.state, seat.me).tools(), lines=choices_of(answer)
        )
        return {"html": html}

    async def _shortcut(self, seat: Seat, given: Json) -> Json:
        message = self._target(given["target"]) if given.get("target") else None
        outcome = await self.slack.shortcut(
            seat.me.id,
            str(given["callback_id"]),
            team_id=seat.workspace.id,
            message=message if isinstance(message, Message) else None,
        )
        return self._told(outcome.error)

    async def _open_home(self, seat: Seat, given: Json) -> Json:  # noqa: ARG002 - all actions look alike
        if self.state.installation_for(seat.workspace.id) is not None and not seat.me.deleted:
            await self.slack.open_home(seat.me.id, seat.workspace.id)
        return {}

    def _told(self, error: str) -> Json:
        if not error:
            return {}
        name = self.state.app.name if self.state.app else "The app"
        return {"error": f"{name} {TROUBLES.get(error, 'answered with an error')} ({error})."}

    # Looking things up

    def _last_person(self, request: web.Request) -> tuple[str, str]:
        user, _, team = request.cookies.get(SIGNED_IN, "").partition(".")
        if user in self.state.users and team in self.state.users[user].workspaces:
            return team, user
        first = next(iter(self.state.workspaces))
        return first, self._admin(first)

    def _member(self, request: web.Request, team: str) -> str:
        last_team, user = self._last_person(request)
        return user if last_team == team or team in self.state.users[user].workspaces else self._admin(team)

    def _admin(self, team: str) -> str:
        people = self.state.people(team)
        return next((u.id for u in people if u.is_admin), people[0].id)

    def _first_place(self, team: str, user: str) -> str:
        if self.state.installation_for(team) is None:
            return "welcome"
        found = (c for c in self.state.channels_for(user, team) if not c.is_archived and c.kind != "im")
        return next((c.id for c in found), "home")

    def _seat(self, request: web.Request) -> Seat:
        team, user, place = (request.match_info[k] for k in ("team", "user", "place"))
        me, workspace = self.state.users.get(user), self.state.workspaces.get(team)
        if me is None or workspace is None or team not in me.workspaces:
            raise web.HTTPNotFound(text="nobody of that name is in this workspace")
        channel = None
        if place == "messages" and self.state.installation_for(team) is not None:
            channel = self.state.dm(team, user)
        elif place not in {*TABS, "welcome"}:
            mine = self.state.channels_for(user, team)
            channel = next((c for c in mine if c.id == place), None)
            if channel is None:
                raise web.HTTPNotFound(text="that channel is not one this person is in")
        return Seat(workspace=workspace, me=me, place=place, channel=channel)

    def _sees(self, seat: Seat, file: File) -> bool:
        """Tell whether a person sees a file: of their workspace, or shared in a channel that they are in."""
        shared = (self.state.channels[c] for c in file.channel_ids)
        return file.team_id in seat.me.workspaces or any(seat.me.id in c.members for c in shared)

    def _here(self, seat: Seat) -> Channel:
        if seat.channel is None:
            raise ValueError("There is nothing to write to here.")
        return seat.channel

    def _target(self, name: str) -> Message | View:
        kind, _, rest = str(name).partition(":")
        if kind == "view":
            view = self.state.view(rest)
            if view is None:
                raise ValueError("That view is not open any more.")
            return view
        channel_id, _, ts = rest.partition(":")
        message = self.state.message(channel_id, ts)
        if message is None:
            raise ValueError("That message is gone.")
        return message

    def _all_local(self, target: Message | View, me: User, values: Mapping[str, Mapping[str, Any]]) -> Json:
        return {
            block_id: {
                action_id: self._local(target, me, block_id, action_id, one) for action_id, one in of.items()
            }
            for block_id, of in values.items()
            if any(find_element(target.blocks, action_id, block_id) for action_id in of)
        }

    def _local(self, target: Message | View, me: User, block_id: str, action_id: str, given: Any) -> Any:
        """Return the input as Slack stores it: a datetime is entered in the person's own time."""
        found = find_element(target.blocks, action_id, block_id)
        if found is None or found[1]["type"] != "datetimepicker" or not given:
            return given
        return int(datetime.fromisoformat(given).replace(tzinfo=ZoneInfo(me.tz)).timestamp())

    # Drawing

    def _parts(self, seat: Seat) -> dict[str, str]:
        if seat.channel is not None:
            visible = self.state.messages(seat.channel.id, seat.me.id)
            self._read[seat.me.id, seat.channel.id] = visible[-1].ts if visible else ""
        values = self._values(seat)
        return {
            name: PAGES.get_template(f"{name}.html").render(values) for name in ("sidebar", "main", "modal")
        }

    def _values(self, seat: Seat) -> Json:
        state, team, me = self.state, seat.workspace.id, seat.me
        channels = state.channels_for(me.id, team)
        return Pen(state, me).tools() | {
            "seat": seat,
            "app": state.app,
            "installation": state.installation_for(team),
            "workspaces": list(state.workspaces.values()),
            "seat_in": {w: me.id if w in me.workspaces else self._admin(w) for w in state.workspaces},
            "channels": sorted((c for c in channels if c.kind != "im"), key=lambda c: c.name),
            "unread": {c.id for c in channels if self._unread(c, me)},
            "app_dm": next((c.id for c in channels if c.kind == "im"), ""),
            "people": state.people(team),
            "visitors": self._visitors(team),
            "mentionable": self._mentionable(seat),
            "messages": state.messages(seat.channel.id, me.id) if seat.channel else [],
            "home": state.homes.get((team, me.id)),
            "modal": state.top_view(me.id),
            "depth": len(state.modals[me.id]),
            "world_page": self._world_page,
            "slackbot": SLACKBOT,
            "pictures": SAFE_IMAGES,
        }

    def _visitors(self, team: str) -> list[User]:
        """Return people of other workspaces who share a channel with this one (Slack Connect)."""
        shared = {
            m for c in self.state.channels.values() if team in c.teams and c.shared_with for m in c.members
        }
        people = (self.state.users[m] for m in sorted(shared) if m in self.state.users)
        return [u for u in people if team not in u.workspaces and not u.is_bot]

    def _mentionable(self, seat: Seat) -> list[User]:
        """Return the people who can be mentioned here: those of the workspace and of the channel."""
        inside = seat.channel.members if seat.channel else set()
        guests = [u for u in self._visitors(seat.workspace.id) if u.id in inside]
        return [u for u in [*self.state.people(seat.workspace.id), *guests] if not u.deleted]

    def _unread(self, channel: Channel, me: User) -> bool:
        last = next((m for m in reversed(self.state.messages(channel.id, me.id)) if m.user_id != me.id), None)
        return last is not None and last.ts > self._read.get((me.id, channel.id), "")


def from_own_page(request: web.Request, content_type: str) -> None:
    """Refuse a request from a page of another site, by the headers that a browser sends."""
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if request.content_type != content_type or site != "same-origin":
        raise web.HTTPForbidden(text="only the sandbox's own pages may do this")
