"""A small app that shows everything Block Kit has, to try the sandbox's client with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack.client import client_routes
from sandbox.slack.server import SlackSimulator
from sandbox.slack.world import ACME, ADA
from tests.sandbox.slack.app import EVENTS, REDIRECT, SCOPES, SECRET, installed

Json = dict[str, Any]
HOSTILE = "<script>alert(1)</script> <!channel> *x* & <https://evil.example|you>"


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def words(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def option(value: str, text: str = "", description: str = "") -> Json:
    found: Json = {"value": value, "text": plain(text or value.title())}
    return found | ({"description": plain(description)} if description else {})


def button(text: str, **more: Any) -> Json:
    return {"type": "button", "action_id": text.lower().replace(" ", "_"), "text": plain(text), **more}


ASK = {
    "title": plain("Disconnect Acme Bakery?"),
    "text": words("Its *3 scheduled posts* are kept, but not sent."),
    "confirm": plain("Disconnect"),
    "deny": plain("Keep it"),
    "style": "danger",
}
COLOURS = {"type": "static_select", "options": [option("red"), option("green"), option("blue")]}
GROUPS = [
    {"label": plain("Warm"), "options": [option("red"), option("orange")]},
    {"label": plain("Cold"), "options": [option("blue"), option("violet")]},
]


def message_blocks() -> list[Json]:
    return [
        {"type": "header", "text": plain("Accounts of Acme")},
        {
            "type": "section",
            "text": words("*Acme Bakery* on Facebook\nWorking. Permission lasts until *January 15*."),
            "accessory": {
                "type": "overflow",
                "action_id": "more",
                "options": [option("check", "Check now"), option("disconnect", "Disconnect")],
            },
        },
        {"type": "section", "fields": [words("*Owner*\nAcme"), words("*Connected by*\n<@U0ADA>")]},
        {
            "type": "actions",
            "block_id": "buttons",
            "elements": [
                button("Reconnect", style="primary", value="g1"),
                button("Details", value="g1"),
                button("Open page", url="https://facebook.example/acme"),
                button("Disconnect", style="danger", confirm=ASK),
            ],
        },
        {"type": "section", "text": plain(f"Named {HOSTILE}")},
        {
            "type": "actions",
            "block_id": "menus",
            "elements": [COLOURS | {"action_id": "colour", "placeholder": plain("A colour")}],
        },
        {"type": "divider"},
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [
                        {"type": "text", "text": "Two things ", "style": {"bold": True}},
                        {"type": "emoji", "name": "tada"},
                    ],
                },
                {
                    "type": "rich_text_list",
                    "style": "bullet",
                    "elements": [
                        {"type": "rich_text_section", "elements": [{"type": "text", "text": "one"}]},
                        {"type": "rich_text_section", "elements": [{"type": "text", "text": "two"}]},
                    ],
                },
            ],
        },
        {
            "type": "image",
            "image_url": "https://pictures.example/a.png",
            "alt_text": "A loaf of bread",
            "title": plain("Last post"),
        },
        {"type": "context", "elements": [words("Checked 2 minutes ago · `facebook:1042`")]},
    ]


def wide_blocks() -> list[Json]:
    rows = [[{"type": "raw_text", "text": t} for t in ("Account", "Platform", "Followers")]]
    rows += [
        [
            {"type": "raw_text", "text": f"Acme {n}"},
            {"type": "raw_text", "text": "Instagram"},
            {"type": "raw_text", "text": str(n * 1200)},
        ]
        for n in range(1, 9)
    ]
    days = ["Mon", "Tue", "Wed", "Thu"]
    series = [
        {"name": "Reach", "data": [{"label": d, "value": v} for d, v in zip(days, (3, 8, 5, 9), strict=True)]}
    ]
    return [
        {"type": "data_table", "caption": "Accounts", "rows": rows, "row_header_column_index": 0},
        {
            "type": "data_visualization",
            "title": "Reach this week",
            "chart": {"type": "bar", "series": series, "axis_config": {"categories": days}},
        },
        {
            "type": "carousel",
            "elements": [
                {
                    "type": "card",
                    "title": words(f"Page {n}"),
                    "subtitle": words("Facebook"),
                    "body": words("Can publish and read insights."),
                    "actions": [button(f"Choose {n}")],
                }
                for n in (1, 2, 3)
            ],
        },
    ]


def modal_view() -> Json:
    def asked(block_id: str, label: str, element: Json, **more: Any) -> Json:
        return {
            "type": "input",
            "block_id": block_id,
            "label": plain(label),
            "element": {"action_id": block_id, **element},
            **more,
        }

    return {
        "type": "modal",
        "callback_id": "showcase",
        "title": plain("Connect an account"),
        "submit": plain("Connect"),
        "close": plain("Cancel"),
        "blocks": [
            {"type": "alert", "level": "info", "text": words("You will be asked at the platform, too.")},
            asked("name", "Name", {"type": "plain_text_input", "max_length": 40}, hint=plain("As in Slack")),
            asked("page", "Page", {"type": "external_select", "min_query_length": 2}),
            asked("colours", "Colours", {"type": "multi_static_select", "option_groups": GROUPS}),
            asked("who", "Who is told", {"type": "users_select"}, optional=True),
            asked("where", "Where", {"type": "multi_conversations_select"}, optional=True),
            asked(
                "powers",
                "Permissions",
                {
                    "type": "checkboxes",
                    "options": [
                        option("publish", "Publish", "Posts that your team schedules"),
                        option("insights", "Insights"),
                    ],
                },
            ),
            asked(
                "kind",
                "Kind",
                {"type": "radio_buttons", "options": [option("page"), option("profile")]},
                optional=True,
            ),
            asked(
                "when", "When", {"type": "datetimepicker", "initial_date_time": 1_795_000_020}, optional=True
            ),
            asked("day", "Day", {"type": "datepicker"}, optional=True),
            asked("picture", "Picture", {"type": "file_input", "max_files": 2}, optional=True),
            asked("note", "Note", {"type": "plain_text_input", "multiline": True}, optional=True),
            {"type": "actions", "block_id": "steps", "elements": [button("Push"), button("Update")]},
        ],
    }


def composer_view(names: list[str], pictures: list[str], step: str = "") -> Json:
    """Return a form as a publishing app has it; `names` are of the files that it has got."""

    def asked(block_id: str, label: str, kind: str, **element: Any) -> Json:
        return {
            "type": "input",
            "block_id": block_id,
            "label": plain(label),
            "optional": True,
            "element": {"type": kind, "action_id": block_id, **element},
        }

    text = asked(
        "text",
        "Text",
        "plain_text_input",
        multiline=True,
        max_length=3000,
        dispatch_action_config={"trigger_actions_on": ["on_character_entered"]},
    )
    shown = [
        {"type": "image", "alt_text": "Chosen picture", "slack_file": {"id": file_id}} for file_id in pictures
    ]
    return {
        "type": "modal",
        "callback_id": "compose",
        "notify_on_close": True,
        "title": plain("Publish"),
        "submit": plain("Schedule"),
        "blocks": [
            {"type": "context", "elements": [words(f"Files: {', '.join(names) or 'none'}. {step}".strip())]},
            *shown,
            text | {"dispatch_action": True},
            asked("accounts", "Accounts", "multi_external_select", min_query_length=0, max_selected_items=3),
            asked("colours", "Platforms", "multi_static_select", option_groups=GROUPS),
            asked("media", "Files", "file_input", filetypes=["png", "jpg"], max_files=2),
            asked("powers", "Also", "checkboxes", options=[option("first_comment", "First comment")]),
            asked("kind", "When", "radio_buttons", options=[option("now"), option("later")]),
            asked("at", "At", "datetimepicker"),
            asked("day", "Day", "datepicker", initial_date="2026-12-24"),
            asked("hour", "Hour", "timepicker", initial_time="18:30"),
            asked("link", "Link", "url_text_input"),
            asked(
                "seconds", "Seconds", "number_input", is_decimal_allowed=False, min_value="3", max_value="90"
            ),
            {"type": "actions", "block_id": "steps", "elements": [button("Push"), button("Stale")]},
        ],
    }


def progress_blocks() -> list[Json]:
    """Return a message about a post on its way: a plan."""
    said: list[Json] = [
        {"type": "rich_text_section", "elements": [{"type": "text", "text": "Too long for X."}]}
    ]
    states = [("X", "error"), ("Reddit", "in_progress"), ("LinkedIn", "complete"), ("YouTube", "pending")]
    tasks: list[Json] = [{"task_id": name, "title": name, "status": status} for name, status in states]
    tasks[0]["output"] = {"type": "rich_text", "elements": said}
    preview = {
        "type": "container",
        "title": plain("Instagram"),
        "subtitle": plain("@octademo"),
        "is_collapsible": True,
        "child_blocks": [
            {"type": "section", "text": words("Cropped to *4:5*.")},
            {"type": "actions", "elements": [button("Approve", visible_to_user_ids=[ADA])]},
        ],
    }
    return [{"type": "plan", "title": "Publishing to 4 accounts", "tasks": tasks}, preview]


@dataclass(slots=True)
class Showcase:
    """What the app got, as payloads; and what it answers a submission with."""

    slack: SlackSimulator
    client: AsyncWebClient | None = None
    got: list[Json] = field(default_factory=list)
    on_submit: Json = field(default_factory=dict)
    delay_s: float = 0.0

    @property
    def actions(self) -> list[Json]:
        return [p for p in self.got if p.get("type") == "block_actions"]

    @property
    def submissions(self) -> list[Json]:
        return [p for p in self.got if p.get("type") == "view_submission"]

    async def receive(self, request: web.Request) -> web.StreamResponse:
        if request.content_type == "application/json":
            return await self._event(await request.json())
        form = {k: v[0] for k, v in parse_qs(await request.text(), keep_blank_values=True).items()}
        payload: Json = json.loads(form["payload"]) if "payload" in form else form
        self.got.append(payload)
        await asyncio.sleep(self.delay_s)
        match payload.get("type", "command"):
            case "command":
                return await self._command(payload)
            case "block_actions":
                return await self._action(payload)
            case "view_submission":
                return web.json_response(self.on_submit)
            case "block_suggestion":
                names = [f"Page {n}" for n in range(1, 40) if payload["value"].lower() in f"page {n}"]
                return web.json_response({"options": [option(n.lower(), n) for n in names]})
            case "message_action":
                given = payload["message"].get("files", [])
                view = composer_view([f["name"] for f in given], [f["id"] for f in given])
                await self._api.views_open(trigger_id=payload["trigger_id"], view=view)
            case "shortcut":
                await self._api.views_open(trigger_id=payload["trigger_id"], view=modal_view())
        return web.Response()

    @property
    def _api(self) -> AsyncWebClient:
        assert self.client is not None
        return self.client

    async def _command(self, form: Json) -> web.Response:
        match form["text"]:
            case "modal":
                await self._api.views_open(trigger_id=form["trigger_id"], view=modal_view())
                return web.Response()
            case "blocks":
                return web.json_response({"text": "Accounts", "blocks": message_blocks()})
            case "compose":
                view = composer_view([], [])
                await self._api.views_open(trigger_id=form["trigger_id"], view=view)
                return web.Response()
            case "progress":
                shown = {"response_type": "in_channel", "text": "Publishing", "blocks": progress_blocks()}
                return web.json_response(shown)
            case "wide":
                return web.json_response({"text": "Accounts", "blocks": wide_blocks()})
            case said:
                return web.json_response({"text": f"You said: {said}"})

    async def _action(self, payload: Json) -> web.Response:
        match payload["actions"][0]["action_id"]:
            case "push":
                above = {
                    "type": "modal",
                    "title": plain("One step further"),
                    "blocks": [{"type": "section", "text": words("On top.")}],
                }
                await self._api.views_push(trigger_id=payload["trigger_id"], view=above)
            case "stale":
                view, known = payload["view"], payload["view"]["hash"]
                fresh = composer_view([], [], "Updated.")
                await self._api.views_update(view_id=view["id"], view=fresh, hash=known)
                with suppress(SlackApiError):
                    late = composer_view([], [], "Too late.")
                    await self._api.views_update(view_id=view["id"], view=late, hash=known)
            case "update":
                view = modal_view()
                view["blocks"][0]["text"]["text"] = "This was updated."
                await self._api.views_update(view_id=payload["view"]["id"], view=view)
        return web.Response()

    async def _event(self, envelope: Json) -> web.Response:
        event = envelope["event"]
        self.got.append(event)
        if event["type"] == "app_home_opened":
            blocks = [{"type": "header", "text": plain("Hello")}, *message_blocks()[1:]]
            await self._api.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})
        return web.Response()


@asynccontextmanager
async def showcase(*, install: bool = True) -> AsyncIterator[Showcase]:
    """A Slack with its browser client, and the app on the other side; installed in Acme."""
    slack = SlackSimulator()
    slack.mount(client_routes)
    slack.settings |= {"message_interval_s": 0, "retry_delays_s": []}
    found = Showcase(slack)
    app = web.Application()
    app.router.add_post("/slack/events", found.receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.configure(
        client_id="1.2",
        client_secret="s3cret",
        signing_secret=SECRET,
        app_url=f"http://localhost:{runner.addresses[0][1]}",
        redirect_urls=[REDIRECT],
        bot_scopes=SCOPES.split(","),
        shortcuts=[
            {"callback_id": "connect", "name": "Connect an account"},
            {"callback_id": "publish", "name": "Publish this message", "type": "message"},
        ],
        events=EVENTS,
    )
    await slack.start()
    try:
        if install:
            token = (await installed(slack, ADA, ACME))["access_token"]
            found.client = AsyncWebClient(token=token, base_url=f"{slack.url}/api/")
        yield found
    finally:
        await slack.stop()
        await runner.cleanup()
