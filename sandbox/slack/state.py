"""The state of the simulated Slack: workspaces, people, channels, messages, views, installations.

Everything is in one `SlackState`. Its methods are small and synchronous, so a handler that does not await between two
calls sees a consistent state and leaves one. Each change calls `touch()`, which wakes callers of `changed_since` (the
web client's live updates).
"""

from __future__ import annotations

import asyncio
import secrets
from base64 import b32encode
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SLACKBOT = "USLACKBOT"
"""The author of messages such as `failed with the error "operation_timeout"`."""
MODAL_DEPTH = 3
"""A root view and two pushed ones: https://docs.slack.dev/surfaces/modals"""

Json = dict[str, Any]


def new_id(prefix: str, length: int = 9) -> str:
    """Return an identifier in Slack's shape: one or two letters, then capitals and digits."""
    return prefix + b32encode(secrets.token_bytes(length)).decode()[:length]


@dataclass(frozen=True, slots=True, kw_only=True)
class Enterprise:
    """An Enterprise Grid organization."""

    id: str
    name: str
    domain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A Slack workspace; in a Grid organization when `enterprise_id` is set."""

    id: str
    name: str
    domain: str
    enterprise_id: str | None = None


@dataclass(slots=True, kw_only=True)
class User:
    """A person, or the app's bot. `team_id` is their own workspace."""

    id: str
    name: str
    real_name: str
    team_id: str
    team_ids: frozenset[str] = frozenset()
    """Every workspace they belong to; a Grid user may belong to several."""
    enterprise_id: str | None = None
    email: str = ""
    is_admin: bool = False
    is_owner: bool = False
    is_restricted: bool = False
    """A multi-channel guest."""
    deleted: bool = False
    is_bot: bool = False
    bot_id: str = ""
    tz: str = "Europe/Berlin"
    tz_label: str = "Central European Time"
    tz_offset: int = 3600
    locale: str = "en-US"
    about: str = ""
    """The line that describes them where the web client lets one choose a person."""

    @property
    def workspaces(self) -> frozenset[str]:
        """The ids of the workspaces this person is a member of."""
        return self.team_ids or frozenset({self.team_id})


@dataclass(slots=True, kw_only=True)
class Channel:
    """A channel or a direct message. `shared_with` names other workspaces (Slack Connect)."""

    id: str
    name: str
    team_id: str
    kind: str = "public"
    """`public`, `private` or `im`."""
    members: set[str] = field(default_factory=set)
    shared_with: frozenset[str] = frozenset()
    is_archived: bool = False
    is_general: bool = False
    topic: str = ""
    im_user: str = ""
    """For a direct message with the app's bot: the person."""

    @property
    def teams(self) -> frozenset[str]:
        """The ids of all workspaces in which this channel is visible."""
        return self.shared_with | {self.team_id}

    @property
    def is_private(self) -> bool:
        """True for private channels and direct messages."""
        return self.kind != "public"


@dataclass(slots=True, kw_only=True)
class Message:
    """A message in a channel. If `ephemeral_for` is set, only that person sees it."""

    ts: str
    channel_id: str
    user_id: str
    """The author: a person, the app's bot user, or `SLACKBOT`."""
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    bot_id: str = ""
    app_id: str = ""
    team_id: str = ""
    """The workspace whose installation wrote it; for a person, their own."""
    thread_ts: str = ""
    ephemeral_for: str = ""
    edited: bool = False
    file_ids: list[str] = field(default_factory=list)
    values: Json = field(default_factory=dict)
    """`state.values` of its inputs: block_id -> action_id -> value object."""
    troubles: dict[str, str] = field(default_factory=dict)
    """Person -> why their last press did not work, e.g. `operation_timeout`."""
    metadata: Json = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class View:
    """A modal or an App Home."""

    id: str
    type: str
    """`modal` or `home`."""
    team_id: str
    user_id: str
    hash: str
    payload: Json
    """What the app sent: title, blocks, submit, close, private_metadata, callback_id, ..."""
    root_view_id: str
    previous_view_id: str = ""
    bot_id: str = ""
    app_id: str = ""
    installed_team_id: str = ""
    values: Json = field(default_factory=dict)
    """`state.values`: block_id -> action_id -> value object."""
    errors: dict[str, str] = field(default_factory=dict)
    """block_id -> sentence, from `response_action: errors`."""
    trouble: str = ""
    """Why the last submission or press did not work, e.g. `operation_timeout`."""

    @property
    def blocks(self) -> list[Json]:
        """The view's blocks."""
        blocks: list[Json] = self.payload.get("blocks") or []
        return blocks

    @property
    def title(self) -> str:
        """The modal's title; empty for a home tab."""
        return str((self.payload.get("title") or {}).get("text", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut:
    """A shortcut of the app: `type` is `global` or `message`."""

    callback_id: str
    name: str
    type: str = "global"


@dataclass(slots=True, kw_only=True)
class AppConfig:
    """The app as entered at api.slack.com."""

    client_id: str
    client_secret: str
    signing_secret: str
    app_url: str
    redirect_urls: tuple[str, ...] = ()
    bot_scopes: tuple[str, ...] = ()
    user_scopes: tuple[str, ...] = ("openid",)
    command: str = "/octapost"
    command_description: str = "Social accounts of your team"
    usage_hint: str = "connect tiktok"
    shortcuts: tuple[Shortcut, ...] = ()
    events: tuple[str, ...] = ()
    messages_read_only: bool = False
    """People can't write to the app in its Messages tab (`messages_tab_read_only_enabled`)."""
    app_id: str = "A0OCTAPOST"
    name: str = "Octapost"

    @property
    def endpoint(self) -> str:
        """Where Slack sends commands, interactions and events."""
        return self.app_url.rstrip("/") + "/slack/events"


@dataclass(slots=True, kw_only=True)
class Installation:
    """The app in one workspace, or (`team_id` None) in a whole Grid organization."""

    id: str
    team_id: str | None
    enterprise_id: str | None
    bot_user_id: str
    bot_id: str
    installer_id: str
    scopes: tuple[str, ...]
    installed_at: float
    active: bool = True

    @property
    def is_enterprise_install(self) -> bool:
        """True for an org-wide installation."""
        return self.team_id is None


@dataclass(slots=True, kw_only=True)
class Token:
    """A bot, user or OpenID token. `dead` is the error with which it is now refused; empty while it works."""

    value: str
    installation_id: str
    user_id: str
    kind: str = "bot"
    """`bot` or `openid`."""
    team_id: str = ""
    scopes: tuple[str, ...] = ()
    expires_at: float | None = None
    dead: str = ""


@dataclass(slots=True, kw_only=True)
class Code:
    """An authorization code of the install or the sign-in flow: it works once, for 10 minutes, for one redirect URI."""

    value: str
    kind: str
    """`install` or `openid`."""
    redirect_uri: str
    user_id: str
    team_id: str | None
    enterprise_id: str | None
    scopes: tuple[str, ...]
    expires_at: float
    nonce: str = ""
    used: bool = False


@dataclass(slots=True, kw_only=True)
class Trigger:
    """A `trigger_id`: it works once, for three seconds (https://docs.slack.dev/surfaces/modals)."""

    value: str
    user_id: str
    team_id: str
    expires_at: float
    used: bool = False
    view_id: str = ""
    """The modal it was pressed in; the only place `views.push` may push onto."""
    channel_id: str = ""
    """Where the person was, for `default_to_current_conversation`."""


@dataclass(slots=True, kw_only=True)
class ResponseUrl:
    """A `response_url`: five uses in thirty minutes."""

    token: str
    user_id: str
    channel_id: str
    installation_id: str
    expires_at: float
    message_ts: str = ""
    uses_left: int = 5


@dataclass(slots=True, kw_only=True)
class File:
    """A file that a person or the app uploaded."""

    id: str
    name: str
    user_id: str
    team_id: str
    created: int
    mimetype: str = "application/octet-stream"
    title: str = ""
    alt_txt: str = ""
    content: bytes = b""
    complete: bool = False
    channel_ids: list[str] = field(default_factory=list)
    """The channels in which it was shared."""
    app_ids: set[str] = field(default_factory=set)
    """The apps that got it in a file_input."""


class SlackState:
    """Everything in the simulated Slack. Tests and the web client read it directly."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.enterprises: dict[str, Enterprise] = {}
        self.workspaces: dict[str, Workspace] = {}
        self.users: dict[str, User] = {}
        self.local_ids: dict[str, str] = {}
        """A person's id from before their workspace joined a Grid -> the one they have since."""
        self.channels: dict[str, Channel] = {}
        self.history: dict[str, list[Message]] = defaultdict(list)
        """channel id -> messages, oldest first, including ephemeral ones."""
        self.modals: dict[str, list[View]] = defaultdict(list)
        """user id -> the stack of open modals, root first."""
        self.homes: dict[tuple[str, str], View] = {}
        """(workspace id, user id) -> their App Home."""
        self.homes_seen: list[tuple[str, Json]] = []
        """Each time a person opened their App Home or pressed something in it: the user id, and what it showed."""
        self.app: AppConfig | None = None
        self.installations: dict[str, Installation] = {}
        self.tokens: dict[str, Token] = {}
        self.refresh_tokens: dict[str, str] = {}
        """unused refresh token -> the access token it renews."""
        self.codes: dict[str, Code] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.files: dict[str, File] = {}
        self.suggested: dict[tuple[str, str], list[Json]] = {}
        """(view id or message ts, action_id) -> the options the app last offered there."""
        self.complaints: list[str] = []
        """Calls and answers of the app that Slack refused: method or place, error, and the faults with JSON paths."""
        self.version = 0
        self._changed = asyncio.Event()
        self._last_ts = 0

    # Live updates

    def touch(self) -> None:
        """Count a change and wake the callers of `changed_since`."""
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed_since(self, version: int, timeout_s: float = 25.0) -> int:
        """Return the current version, as soon as it differs from `version` or after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                while self.version == version:
                    await self._changed.wait()
        except TimeoutError:
            pass
        return self.version

    # Looking things up

    def user(self, user_id: str) -> User | None:
        """Return a person by their id, or by the one they had before their workspace joined a Grid."""
        return self.users.get(self.local_ids.get(user_id, user_id))

    def people(self, team_id: str, *, bots: bool = False) -> list[User]:
        """Return the members of a workspace, deactivated ones included."""
        return [u for u in self.users.values() if team_id in u.workspaces and (bots or not u.is_bot)]

    def channels_for(self, user_id: str, team_id: str) -> list[Channel]:
        """Return a person's channels and DMs as seen from one workspace, archived ones too."""
        return [c for c in self.channels.values() if team_id in c.teams and user_id in c.members]

    def messages(self, channel_id: str, user_id: str = "") -> list[Message]:
        """Return a channel's messages, oldest first, with the ephemeral ones only `user_id` sees."""
        return [m for m in self.history[channel_id] if m.ephemeral_for in {"", user_id}]

    def message(self, channel_id: str, ts: str) -> Message | None:
        """Return one message, or None."""
        return next((m for m in self.history[channel_id] if m.ts == ts), None)

    def installation_for(self, team_id: str) -> Installation | None:
        """Return the active installation for a workspace: its own, else its organization's."""
        enterprise = self.workspaces[team_id].enterprise_id if team_id in self.workspaces else None
        active = [i for i in self.installations.values() if i.active]
        own = next((i for i in active if i.team_id == team_id), None)
        return own or next(
            (i for i in active if i.team_id is None and enterprise and i.enterprise_id == enterprise), None
        )

    def installation_teams(self, installation: Installation) -> list[str]:
        """Return the ids of the workspaces an installation covers."""
        if installation.team_id is not None:
            return [installation.team_id]
        return [w.id for w in self.workspaces.values() if w.enterprise_id == installation.enterprise_id]

    # Messages

    def next_ts(self) -> str:
        """Return a message timestamp later than every earlier one, in Slack's `seconds.micros`."""
        self._last_ts = max(self._last_ts + 1, int(self.now() * 1_000_000))
        return self.last_ts()

    def last_ts(self) -> str:
        """Return the newest timestamp that was given out. Timestamps can be compared as text."""
        return f"{self._last_ts // 1_000_000:010d}.{self._last_ts % 1_000_000:06d}"

    def messages_since(self, ts: str, user_id: str) -> list[Message]:
        """Return the messages after `ts` in all of a person's channels, oldest first."""
        fresh: list[Message] = []
        for channel_id, messages in self.history.items():
            if user_id in self.channels[channel_id].members:
                later = takewhile(lambda m: m.ts > ts, reversed(messages))
                fresh += [m for m in later if m.ephemeral_for in {"", user_id}]
        return sorted(fresh, key=lambda m: m.ts)

    def post(self, channel_id: str, user_id: str, text: str = "", **fields: Any) -> Message:
        """Add a message and return it; `fields` are `Message`'s."""
        message = Message(
            ts=self.next_ts(),
            channel_id=channel_id,
            user_id=user_id,
            text=text,
            **{"team_id": self._team_of(user_id), **fields},
        )
        self.history[channel_id].append(message)
        self.touch()
        return message

    def remove_message(self, message: Message) -> None:
        """Delete a message for everyone."""
        self.history[message.channel_id].remove(message)
        self.touch()

    def home_seen(self, home: View | None) -> None:
        """Record that a person sees their App Home, and its present content."""
        if home is not None:
            self.homes_seen.append((home.user_id, home.payload))

    def dm(self, team_id: str, user_id: str) -> Channel:
        """Return the direct message of a person with the app's bot in a workspace; create it if needed."""
        installation = self.installation_for(team_id)
        bot = installation.bot_user_id if installation else ""
        for channel in self.channels.values():
            if channel.kind == "im" and channel.team_id == team_id and channel.im_user == user_id:
                channel.members |= {bot} - {""}
                return channel
        person = self.users.get(user_id)
        elsewhere = person is not None and team_id not in person.workspaces
        channel = Channel(
            id=new_id("D"),
            name="directmessage",
            team_id=team_id,
            kind="im",
            members={user_id, bot} - {""},
            shared_with=person.workspaces if person is not None and elsewhere else frozenset(),
            im_user=user_id,
        )
        self.channels[channel.id] = channel
        self.touch()
        return channel

    # Files

    def picture(self, slack_file: Json) -> File | None:
        """Return the file that a `slack_file` object names by its id, its `url_private` or its permalink."""
        named = str(slack_file.get("id") or slack_file.get("url") or "")
        parts = {part.rpartition("-")[2] for part in named.split("/")}
        return next((file for id_, file in self.files.items() if id_ in parts), None)

    def may_read(self, installation: Installation, file: File) -> bool:
        """Tell whether the app sees a file: its own, one it got in a form, or one shared where it is a member.

        https://docs.slack.dev/reference/scopes/files.read (read 2026-11-30).
        """
        app_id = self.app.app_id if self.app else ""
        if file.user_id == installation.bot_user_id:
            return True
        if app_id in file.app_ids and file.team_id in self.installation_teams(installation):
            return True
        return any(installation.bot_user_id in self.channels[c].members for c in file.channel_ids)

    def remove_file(self, file: File) -> None:
        """Delete a file everywhere; messages that had only it stay, empty."""
        del self.files[file.id]
        for message in (m for messages in self.history.values() for m in messages):
            message.file_ids = [each for each in message.file_ids if each != file.id]
        self.touch()

    # Views

    def new_hash(self) -> str:
        """Return a view `hash` in Slack's shape."""
        return f"{int(self.now())}.{secrets.token_hex(4)}"

    def top_view(self, user_id: str) -> View | None:
        """Return the modal that a person sees, or None."""
        stack = self.modals[user_id]
        return stack[-1] if stack else None

    def view(self, view_id: str) -> View | None:
        """Return an open modal or a home tab by id, or None if it was closed."""
        modals = (v for stack in self.modals.values() for v in stack)
        return next((v for v in [*modals, *self.homes.values()] if v.id == view_id), None)

    def drop_view(self, view: View) -> None:
        """Close one modal of a stack; the one below is shown again."""
        self.modals[view.user_id] = [v for v in self.modals[view.user_id] if v is not view]
        self.touch()

    def clear_views(self, user_id: str) -> None:
        """Close all of a person's modals."""
        self.modals[user_id] = []
        self.touch()

    # Initial content

    def add(self, *things: Enterprise | Workspace | User | Channel) -> None:
        """Add organizations, workspaces, people and channels."""
        for thing in things:
            match thing:
                case Enterprise():
                    self.enterprises[thing.id] = thing
                case Workspace():
                    self.workspaces[thing.id] = thing
                case User():
                    self.users[thing.id] = thing
                case Channel():
                    self.channels[thing.id] = thing
        self.touch()

    def _team_of(self, user_id: str) -> str:
        return self.users[user_id].team_id if user_id in self.users else ""


def find_element(
    blocks: Sequence[Json], action_id: str, block_id: str | None = None
) -> tuple[Json, Json] | None:
    """Return the (block, element) with this `action_id`, or None; what a block holds counts as blocks."""
    for block in flat_blocks(blocks):
        if block_id is None or block.get("block_id") == block_id:
            for element in elements_of(block):
                if element.get("action_id") == action_id:
                    return block, element
    return None


INNER_BLOCKS = {"carousel": "elements", "container": "child_blocks"}
"""Block type -> where its blocks are."""


def flat_blocks(blocks: Sequence[Json]) -> list[Json]:
    """Return the blocks, with each carousel and container replaced by the blocks in it."""
    found: list[Json] = []
    for block in blocks:
        inner = INNER_BLOCKS.get(str(block.get("type")))
        found += block[inner] if inner else [block]
    return found


def elements_of(block: Json) -> list[Json]:
    """Return the interactive elements of one block, in reading order."""
    match block.get("type"):
        case "section":
            found = [block.get("accessory")]
        case "input":
            found = [block.get("element")]
        case "actions":
            found = list(block.get("elements") or [])
        case "card":
            found = list(block.get("actions") or [])
        case _:
            found = []
    return [e for e in found if isinstance(e, dict) and e.get("type") != "image"]


class Refused(Exception):
    """A refusal by Slack: `error` as in `{"ok": false, "error": ...}`, and `faults` with their JSON paths."""

    def __init__(self, error: str, faults: Sequence[str] = (), **extra: Any) -> None:
        super().__init__(error)
        self.error, self.faults, self.extra = error, list(faults), extra
