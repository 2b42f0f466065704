"""The table of routes: command word, action_id, callback_id, shortcut or event -> a story's handler.

The dispatcher finds a handler here with a dictionary; Bolt would try its listeners one by one. Each entry names the
permission it requires. A command's help text is part of its entry, so that the two cannot drift apart.
"""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, TypeVar, Unpack

from bot.services.access import Actor, Sender, act_as
from bot.services.permissions import Permission
from storage.folding import fold

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

    from storage.standing import Standing

Json = dict[str, Any]


class Kind(StrEnum):
    """What Slack can send."""

    COMMAND = "command"
    ACTION = "action"
    SUBMISSION = "submission"
    CLOSED = "closed"
    OPTIONS = "options"
    SHORTCUT = "shortcut"
    EVENT = "event"


class Who(StrEnum):
    """Who may use a route that requires no permission."""

    ANYONE = "anyone"
    """Every person of a workspace that has the app, member or not; nobody from another company."""
    SLACK = "slack"
    """Slack itself, with events that no member sent."""


class Drawn(Protocol):
    """A message as views return it."""

    @property
    def text(self) -> str:
        """What notifications and screen readers get."""
        ...

    @property
    def blocks(self) -> Sequence[Json]:
        """What is shown."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """A message, ephemeral unless it is for everyone. `text` is what notifications and screen readers get."""

    text: str
    blocks: Sequence[Json] = ()
    replace: bool = False
    """Take the place of the message whose button was pressed."""
    everyone: bool = False
    """Everyone in the channel sees it."""

    @classmethod
    def of(cls, message: Drawn, *, replace: bool = False, everyone: bool = False) -> Say:
        """Return a message that a view drew."""
        return cls(text=message.text, blocks=message.blocks, replace=replace, everyone=everyone)


@dataclass(frozen=True, slots=True)
class OpenModal:
    """A modal to open, on top of the current one if the person is in one already."""

    view: Json


@dataclass(frozen=True, slots=True)
class UpdateModal:
    """New content for the modal that the request came from."""

    view: Json


@dataclass(frozen=True, slots=True)
class FieldErrors:
    """What is wrong with a submitted modal, by block_id."""

    errors: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Options:
    """Choices for an external select."""

    options: Sequence[Json]


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing to show: the handler has already told the person."""


@dataclass(frozen=True, slots=True)
class SendAgain:
    """An event that wasn't handled: Slack shall send it again."""


Answer = Say | OpenModal | UpdateModal | FieldErrors | Options | Done | SendAgain


@dataclass(slots=True, kw_only=True)
class Request:
    """What a handler gets: the sender, what they typed or pressed, and a client for Slack."""

    kind: Kind
    body: Json
    sender: Sender
    standing: Callable[[], Awaitable[Standing]]
    """Returns the sender's memberships in the organizations of this workspace; read once."""
    current: Actor | None
    """The actor, if the route requires a permission; `actor` is the same without the None."""
    words: str = ""
    """What followed the command word."""
    target: str = ""
    """The id in a button or a modal. Untrusted: repositories check that it belongs to the organization."""
    key: str = ""
    """Identifies this signed request: a repetition of it has the same key."""
    client: Callable[[], Awaitable[AsyncWebClient]]
    """Returns a Web API client with this workspace's bot token, or raises NotInstalledError or SlackCallFailed."""
    later: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """Work for after the answer. Anything that must not be lost has to be in the database before."""

    @property
    def actor(self) -> Actor:
        """The member who sent this request, whose permission was checked.

        Raises:
            LookupError: The route requires no permission.

        """
        if self.current is None:
            raise LookupError("the route requires no permission, so there is no actor")
        return self.current

    async def act(self, organization_id: str | None = None, permission: Permission | None = None) -> Actor:
        """Return the sender as a member of one organization, by default the channel's.

        Raises:
            NotMemberError: They are a member of none, or not of the one named.
            NotAllowedError: Their role does not have `permission`.
            AmbiguousOrganizationError: They are in several, and it is not clear which one is meant.

        """
        return act_as(self.sender, await self.standing(), organization_id, permission)

    @property
    def place(self) -> str:
        """Where the button is: in a `modal`, the `home` tab, or a message (an empty string)."""
        return str((self.body.get("view") or {}).get("type", ""))

    @property
    def state(self) -> Mapping[str, Mapping[str, Json]]:
        """The inputs of the modal or message, by block_id and action_id."""
        holder = self.body.get("view") or self.body
        values: Mapping[str, Mapping[str, Json]] = (holder.get("state") or {}).get("values") or {}
        return values

    def typed(self, block: str) -> Json:
        """Return the input of `block`, or an empty object."""
        return next(iter(self.state.get(block, {}).values()), {})


Handler = Callable[[Request], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One kind of request from Slack, its handler, and the permission it requires."""

    kind: Kind
    key: str
    handler: Handler
    permission: Permission | Who
    changes: bool
    """True: a signed request is handled only once, and an event (by its id) until it has succeeded. False: repeating it
    is harmless, or what it creates stores its request, as a link does, so it needs no protection against replay."""
    hint: str = ""
    help: str = ""
    topic: str = ""
    """The heading it is listed under in the help."""
    aliases: tuple[str, ...] = ()
    opens: str = ""
    """The title of the modal it opens, if any. A loading modal with this title is shown while that is being prepared.
    A button may offer to open it again, so the handler must not change anything."""
    seldom: bool = False
    """It mostly answers with a message instead of the modal, so no loading modal is shown."""
    asks: Permission | None = None
    """The permission that the handler itself requires, in any organization: who lacks it finds no help about it."""


Method = TypeVar("Method", bound=Callable[..., Awaitable[Answer]])
_DECLARED = "routes"
"""The attribute of a story's method that holds the routes it declares."""


class CommandFacts(TypedDict, total=False):
    """What a command may declare besides its line in the help; see `Route`."""

    hint: str
    aliases: tuple[str, ...]
    changes: bool
    opens: str
    seldom: bool
    asks: Permission


def command(
    word: str,
    permission: Permission | Who,
    *,
    help: str,  # noqa: A002 - the line in the help
    topic: str,
    **more: Unpack[CommandFacts],
) -> Callable[[Method], Method]:
    """Declare that a story's method answers `/octapost <word>`; `help` is its line in the help."""
    facts: dict[str, Any] = {"changes": False, **more}
    return _declare(kind=Kind.COMMAND, key=word, permission=permission, help=help, topic=topic, **facts)


def on(
    kind: Kind, key: str, permission: Permission | Who, *, changes: bool = True, opens: str = ""
) -> Callable[[Method], Method]:
    """Declare that a story's method handles an action_id, callback_id, shortcut or event."""
    return _declare(kind=kind, key=key, permission=permission, changes=changes, opens=opens)


def _declare(**facts: Any) -> Callable[[Method], Method]:
    def declared(method: Method) -> Method:
        vars(method).setdefault(_DECLARED, []).insert(0, partial(Route, **facts))
        return method

    return declared


@dataclass(slots=True)
class Routes:
    """All routes. `bot.app` includes each story once; nothing is added later."""

    _by_key: dict[tuple[Kind, str], Route] = field(default_factory=dict)
    _words: dict[str, Route] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Route]:
        """Return every route once."""
        return iter(self._by_key.values())

    def include(self, story: object) -> None:
        """Add the routes that a story's methods declare with `command` and `on`, in the order of the class."""
        for name, member in vars(type(story)).items():
            for route_to in getattr(member, _DECLARED, ()):
                self.put(route_to(handler=getattr(story, name)))

    def put(self, route: Route) -> None:
        """Add one route.

        Raises:
            ValueError: Another route has the same key or word, or this one opens a modal and changes something.

        """
        if (route.kind, route.key) in self._by_key:
            raise ValueError(f"two handlers for {route.kind} {route.key!r}")
        if route.opens and route.changes:
            raise ValueError(f"{route.kind} {route.key!r} opens a modal, so it can't change anything")
        self._by_key[route.kind, route.key] = route
        if route.kind is Kind.COMMAND:
            for name in (route.key, *route.aliases):
                if name in self._words:
                    raise ValueError(f"two commands answer to {name!r}")
                self._words[name] = route

    def find(self, kind: Kind, key: str) -> Route | None:
        """Return the route, or None."""
        return self._by_key.get((kind, key))

    def split(self, text: str) -> tuple[Route | None, str]:
        """Return the route of a typed command, and the words after it; or None and the unknown words.

        The longest registered command wins: `org members` before `org`. A command that has subcommands takes no other
        words. An empty text is the command without a word.
        """
        words = text.split()
        if not words:
            return self._words.get(""), ""
        if route := self._words.get(fold(" ".join(words[:2]))):
            return route, " ".join(words[2:])
        route = self._words.get(fold(words[0]))
        if route is None:
            return None, words[0]
        if words[1:] and any(word.startswith(f"{route.key} ") for word in self._words):
            return None, f"{route.key} {words[1]}"
        return route, " ".join(words[1:])

    def nearest(self, unknown: str) -> str | None:
        """Return the command that is most similar to the unknown words, or None."""
        parts = fold(unknown).split()
        alike = [word for word in self._words if word.count(" ") == len(parts) - 1]
        return next(iter(difflib.get_close_matches(" ".join(parts), alike, n=1, cutoff=0.6)), None)

    def commands(self) -> list[Route]:
        """Return the command routes in the order they were registered, which is the order of the help."""
        return [route for route in self._by_key.values() if route.kind is Kind.COMMAND]
