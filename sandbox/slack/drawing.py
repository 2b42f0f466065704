"""Functions for the client's templates: texts, times, names and choices, as one person sees them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from sandbox.slack import charts, mrkdwn
from sandbox.slack.emoji import EMOJI
from sandbox.slack.state import Channel, Json, SlackState, User
from sandbox.slack.values import VALUE_KEY

PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One line of a select: its label and its value."""

    value: str
    text: Json
    description: Json | None = None
    group: str = ""


class Pen:
    """Draws for `me`: in their time zone, with the channels they are in."""

    def __init__(self, state: SlackState, me: User) -> None:
        self._state = state
        self._me = me
        self._zone = ZoneInfo(me.tz)
        self.reader = mrkdwn.Reader(
            user_name=lambda i: state.users[i].real_name if i in state.users else i,
            channel_name=lambda i: state.channels[i].name if i in state.channels else "",
            zone=self._zone,
        )

    def tools(self) -> Json:
        """Return the functions for templates, by name."""
        return {
            "text": self.text,
            "plain": mrkdwn.plain,
            "markdown": lambda words: mrkdwn.markdown(words, self.reader),
            "link": mrkdwn.link,
            "linkable": lambda url: str(url).lower().startswith(mrkdwn.LINKS),
            "mention": mrkdwn.mention,
            "emoji": lambda name: EMOJI.get(name, f":{name}:"),
            "moment": lambda at, pattern: mrkdwn.moment(float(at), pattern, self.reader),
            "reader": self.reader,
            "user_of": self._state.users.get,
            "workspace_of": self._state.workspaces.get,
            "file_of": self._state.files.get,
            "picture_of": self._state.picture,
            "sees": lambda element: self._me.id in element.get("visible_to_user_ids", [self._me.id]),
            "choices": self.choices,
            "chosen": self.chosen,
            "entry": self.entry,
            "zone_name": self._me.tz_label,
            "role": self.role,
            "chart": charts.draw,
            "mark": mark,
            "initials": initials,
            "hue": hue,
        }

    def text(self, found: Json | str | None) -> Markup:
        """Return a text object, or a message's text, as HTML."""
        if not found:
            return Markup()
        if isinstance(found, str):
            return mrkdwn.mrkdwn(found, self.reader)
        if found.get("type") == "mrkdwn":
            return mrkdwn.mrkdwn(found["text"], self.reader, verbatim=bool(found.get("verbatim")))
        return mrkdwn.plain(str(found.get("text", "")), emoji=found.get("emoji", True) is not False)

    def choices(self, element: Json) -> list[Choice]:
        """Return the lines of a select whose choices the app need not be asked for."""
        kind = element["type"].removeprefix("multi_")
        team = self._me.team_id
        if kind == "users_select":
            return [_named(u.id, u.real_name) for u in self._state.people(team) if not u.deleted]
        if kind in {"conversations_select", "channels_select"}:
            return [
                _named(c.id, f"#{c.name}" if c.kind != "im" else "Octapost")
                for c in self._state.channels_for(self._me.id, team)
                if _in_filter(c, element, channels_only=kind == "channels_select")
            ]
        return choices_of(element)

    def chosen(self, element: Json, values: Json, block_id: str) -> list[Choice]:
        """Return the chosen lines of a select, in order."""
        found = _value(element, values, block_id)
        listed = found if isinstance(found, list) else [found] if found else []
        known = {c.value: c for c in self.choices(element)}
        return [
            Choice(value=one["value"], text=one["text"])
            if isinstance(one, dict)
            else known.get(one) or _named(one, one)
            for one in listed
        ]

    def entry(self, element: Json, values: Json, block_id: str) -> Any:
        """Return the value of a text field or picker; a time in the person's own time zone."""
        value = _value(element, values, block_id)
        if element["type"] == "datetimepicker" and value:
            return datetime.fromtimestamp(int(value), self._zone).strftime("%Y-%m-%dT%H:%M")
        return value

    def role(self, user: User, team: str) -> str:
        """Return a person's role in a workspace, in a word or two."""
        if user.deleted:
            return "Deactivated"
        if team not in user.workspaces:
            return f"Slack Connect stranger, from {self._state.workspaces[user.team_id].name}"
        if user.is_owner or user.is_admin:
            return "Owner" if user.is_owner else "Admin"
        return "Guest" if user.is_restricted else "Member"


def choices_of(holder: Mapping[str, Any]) -> list[Choice]:
    """Return the lines of `options` or `option_groups`, in order."""
    found = [(o, "") for o in holder.get("options") or []]
    for group in holder.get("option_groups") or []:
        found += [(o, str(group["label"]["text"])) for o in group["options"]]
    return [
        Choice(value=o.get("value", ""), text=o["text"], description=o.get("description"), group=label)
        for o, label in found
    ]


def mark(*parts: Any) -> str:
    """Return a short hash of some JSON, by which the script knows what has not changed."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:12]


def initials(name: str) -> str:
    """Return up to two letters for an avatar."""
    words = [w for w in name.split() if w[:1].isalnum()]
    return "".join(w[0] for w in (words[:1] + words[-1:] if len(words) > 1 else words)).upper() or "?"


def hue(key: str) -> int:
    """Return the number of the avatar colour, one of eight, for an id."""
    return sum(at * byte for at, byte in enumerate(key.encode(), 1)) % 8


def _value(element: Json, values: Json, block_id: str) -> Any:
    entry = (values.get(block_id) or {}).get(element.get("action_id", "")) or {}
    return entry.get(VALUE_KEY[element["type"]])


def _named(value: str, name: str) -> Choice:
    return Choice(value=value, text={"type": "plain_text", "text": name, "emoji": False})


def _in_filter(channel: Channel, element: Json, *, channels_only: bool) -> bool:
    if channel.is_archived or (channels_only and channel.kind != "public"):
        return False
    wanted = element.get("filter") or {}
    if channel.shared_with and wanted.get("exclude_external_shared_channels"):
        return False
    include: Sequence[str] = wanted.get("include") or ("public", "private", "im")
    return channel.kind in include
