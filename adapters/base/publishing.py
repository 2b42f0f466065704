"""How a platform publishes: prepare, send once, and look what became of it.

The engine calls `prepare` until it is ready, commits that it is about to send, and calls `send` exactly once for each
step. It never calls `send` again for a step whose outcome it does not know: it calls `look`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from adapters.base.content import Content, MediaSource, OptionValue
from adapters.base.rules import PublishingFacts
from adapters.base.values import Client, Tokens

Handles = Mapping[str, str]
"""What a platform returned while a post was prepared: ids of media, sessions, containers. Some are credentials, so
they are stored sealed and never logged. Names and values are the adapter's own."""


class StepKind(StrEnum):
    """What one call that people see does."""

    POST = "post"
    """The post itself, or one element of a thread."""
    COMMENT = "comment"
    """The first comment."""
    THUMBNAIL = "thumbnail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call with an effect that people see."""

    kind: StepKind
    index: int = 0
    """The element of a thread, from 0."""

    @property
    def required(self) -> bool:
        """Tell whether the delivery fails if this step does. Otherwise the post is live, and only the extra lacks."""
        return self.kind is StepKind.POST


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The platform's proof that a step is live."""

    id: str
    """The platform's id. Empty where the platform names none yet (TikTok before its review of a post)."""
    url: str
    """Where people see it; the account's page where the post has no address yet."""
    note: str = ""
    """A code for something that people should know: the platform made it private, for instance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A delivery under way: everything that an adapter needs for it."""

    client: Client
    tokens: Tokens
    """The account's own token is its `access_token` where the platform has `account_tokens`."""
    account_id: str
    """The platform's id of the account."""
    handle: str
    """The account's handle as it was last seen, for addresses: "@octademo"."""
    content: Content
    media: MediaSource
    keep: Callable[[Handles], Awaitable[None]]
    """Commits handles and renews the lease. Called as soon as the platform has returned something that a later
    attempt continues with, and at least once a minute in a long upload."""
    receipts: Sequence[Receipt] = ()
    """Of the steps that are live already, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """How far the preparation is."""

    handles: Handles
    again_in: timedelta | None = None
    """The platform is still working: call `prepare` again after this time. None: ready to send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The platform took the post, and tells later whether and where it is live: call `look`."""

    handles: Handles
    again_in: timedelta


class Outcome(StrEnum):
    """What a look at the platform shows about a step that was sent."""

    LIVE = "live"
    PROCESSING = "processing"
    """The platform has it and works on it."""
    NOT_FOUND = "not_found"
    """It is not in the list where it should be, which may be late."""
    NOT_SENT = "not_sent"
    """The platform proves that it did not happen: it can be sent again."""
    REFUSED = "refused"
    """The platform took it and then refused it: `code` says why."""
    UNREADABLE = "unreadable"
    """The platform does not show it to us: a person has to look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What `look` found."""

    outcome: Outcome
    receipt: Receipt | None = None
    """Only with `Outcome.LIVE`."""
    code: str = ""
    again_in: timedelta | None = None
    """When another look makes sense. None: the engine's own times."""


class Presence(StrEnum):
    """Whether a post that was live still is."""

    THERE = "there"
    GONE = "gone"
    """The platform does not have it, or says that it was removed."""
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A value that a member can choose for an `Option`."""

    value: str
    label: str = ""
    """As the platform writes it. Empty: `bot.views` has the words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What a platform says now about posting to an account, at one place in it."""

    choices: Mapping[str, tuple[Choice, ...]] = field(default_factory=dict)
    """The values that an option can have now, by its key."""
    off: frozenset[str] = frozenset()
    """Options that the platform has switched off for this account."""
    required: frozenset[str] = frozenset()
    """Options that this place demands."""
    refuses: str = ""
    """The code with which the platform would refuse any post now. Empty: it takes posts."""
    posts_left: int | None = None
    """How many more posts it takes in its current window. None: it does not say."""
    longest_video: timedelta | None = None
    name: str = ""
    """What the account is called there. Empty: the platform does not say it here."""
    picture: str = ""
    """The address of its picture; the platform decides how long it works."""
    rules: Mapping[str, OptionValue] = field(default_factory=dict)
    """The place's own rules, for the adapter's `check`: Reddit's post requirements."""


class Defect(StrEnum):
    """What is wrong with a content. `bot.views` has the sentences."""

    NO_FORMAT = "no_format"
    """The platform does not have this format."""
    TOO_LONG = "too_long"
    MISSING = "missing"
    NOT_TAKEN = "not_taken"
    """The format has no such text, file or option."""
    TOO_FEW = "too_few"
    TOO_MANY = "too_many"
    WRONG_TYPE = "wrong_type"
    TOO_BIG = "too_big"
    TOO_SMALL = "too_small"
    TOO_SHORT = "too_short"
    TOO_WIDE = "too_wide"
    TOO_TALL = "too_tall"
    TOO_LONG_VIDEO = "too_long_video"
    TOO_FAST = "too_fast"
    """More frames a second than the platform takes."""
    TOO_SLOW = "too_slow"
    """Fewer frames a second than the platform takes."""
    BAD_CHARACTER = "bad_character"
    BAD_LINK = "bad_link"
    NOT_A_CHOICE = "not_a_choice"
    SAME_TEXT = "same_text"
    """The platform forbids the same text on several accounts."""
    MIXED = "mixed"
    """These files cannot be in one post."""
    PLACE_RULE = "place_rule"
    """The place refuses it: `allowed` has the rule's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that a member must change before the platform takes the content."""

    defect: Defect
    field: str
    """A `TextField`, an option's key, "media", "cover", "place" or "format"."""
    index: int | None = None
    """The file or the element of a thread, from 0. None: the field as a whole."""
    allowed: str = ""
    """The limit, as a number in the unit of the rule, or the values that are allowed."""
    actual: str = ""


class Publisher(Protocol):
    """One platform's way to publish. It keeps nothing: tokens and handles are arguments."""

    @property
    def facts(self) -> PublishingFacts:
        """What the platform takes."""
        ...

    def check(self, content: Content, live: Live | None = None) -> tuple[Problem, ...]:
        """Return what must change, in the order of the fields. Pure: the same answer everywhere, in a millisecond."""
        ...

    def steps(self, content: Content) -> tuple[Step, ...]:
        """Return the calls that publish it, in order."""
        ...

    async def live(self, client: Client, tokens: Tokens, account_id: str, place: str = "") -> Live:
        """Return what the platform says now about posting to the account.

        Raises:
            PlatformError: The platform did not answer, or refused the token.

        """
        ...

    async def prepare(self, outgoing: Outgoing, handles: Handles) -> Prepared:
        """Upload media and open what the platform needs before it publishes. Nothing is visible afterwards.

        It can be called again with the handles of an earlier call, after any interruption: it continues.

        Raises:
            Expired: The handles are of no use any more: begin again with none.
            Rejected: The platform refuses the content; a person must change it.
            PlatformError: As for every call.

        """
        ...

    async def send(self, outgoing: Outgoing, handles: Handles, step: Step) -> Receipt | Accepted:
        """Make the one call that publishes the step.

        Raises:
            Expired: What was prepared is of no use any more, and nothing was published: prepare again.
            Busy: Nothing was published; it can be sent again later.
            Rejected: Nothing was published; a person must change something.
            TokenRefused: Nothing was published; the token was not accepted.
            Misconfigured: Nothing was published; the operator must act.
            OutcomeUnknown: It may be live. Also where the platform calls it a duplicate: ours may be the first one.

        """
        ...

    async def look(self, outgoing: Outgoing, handles: Handles, step: Step, since: datetime) -> Finding:
        """Return what became of a step that was sent at `since` or later. It changes nothing.

        Raises:
            PlatformError: The platform did not answer; that says nothing about the step.

        """
        ...

    async def presence(
        self, client: Client, tokens: Tokens, account_id: str, receipts: Sequence[Receipt]
    ) -> tuple[Presence, ...]:
        """Return whether each post is still there, in one call if the platform allows it.

        Raises:
            PlatformError: The platform did not answer; that says nothing about the posts.

        """
        ...

    async def edit(self, outgoing: Outgoing, receipt: Receipt) -> None:
        """Change the text of a live post to that of `outgoing`. Only where `facts.can_edit`.

        Raises:
            PlatformError: As for every call; after `OutcomeUnknown` it can be repeated.

        """
        ...

    async def delete(self, client: Client, tokens: Tokens, account_id: str, receipt: Receipt) -> None:
        """Delete a live post. One that is gone already is no error. Only where `facts.can_delete`.

        Raises:
            PlatformError: As for every call; after `OutcomeUnknown` it can be repeated.

        """
        ...
