"""The composer's first form: text, files, accounts and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.base import Defect, TextField
from bot.services.accounts.problems import Remedy
from bot.services.permissions import Permission, allows
from bot.services.posts.candidates import AccountProblems, Unsuited
from bot.services.posts.drafts import Extra
from bot.services.posts.errors import TimeFault
from bot.views import diagnosis, kit
from bot.views.accounts import reconnect_button
from bot.views.publishing import attachments, caps, shared, texts, when
from bot.views.publishing.account_select import NONE_CONNECTED, account_select
from bot.views.publishing.counters import counters
from bot.views.publishing.problems import sentence
from bot.views.times import moment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from bot.services.posts.candidates import Candidate
    from bot.services.posts.caps import CapReached
    from bot.services.posts.drafts import Written
    from bot.services.posts.schedule import Zones
    from bot.services.posts.submissions import Finished
    from bot.views.kit import Json
    from storage.models import Role

TITLE = "New post"
WAITS = (
    "An admin or owner decides whether it goes out, and I'll tell you. `/octapost posts submitted` shows it."
)
TEXT, WHEN, EXTRAS, LINK, COMMENT = "text", "when", "extras", "link", "comment"
SUBMIT = "Submit"
UNSUITED_SHOWN = 5
WARNINGS_SHOWN = 10
TIMES = {
    TimeFault.PAST: "That time has passed. Choose a later one, or clear it to publish now.",
    TimeFault.TOO_FAR: "Choose a time within the next twelve months.",
    TimeFault.NO_SLOT: "Some of these accounts have no weekly times. Add them with /octapost slots, or choose a time.",
}
EXTRA_WORDS = {
    Extra.LONGER: ("More room for text", "Another field of 3,000 characters"),
    Extra.LINK: ("A link", "A link card where the platform has one, or the end of the text"),
    Extra.COMMENT: ("A first comment", "Where the platform lets apps write one"),
    Extra.THREAD: ("A thread", "Several parts, on X"),
    Extra.NEXT_SLOT: ("The next free time", "Each account's next free time from /octapost slots"),
    Extra.OWN_TEXT: ("Different texts", "Change the text for some accounts, on the next page"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstForm:
    """What the first form shows besides what has been written."""

    metadata: str
    """Names the organization and the draft."""
    may_attach: bool
    """The workspace lets the app read files."""
    role: Role
    """Of whoever writes: the form shows what they may do."""
    alerts: Sequence[str] = ()
    """What is wrong with what was sent."""
    full: Sequence[CapReached] = ()
    """Limits of the day that the post would pass."""
    zones: Zones | None = None
    """Only with a time."""
    turn: int = 0
    """How often it was submitted before."""
    problems: Sequence[AccountProblems] = ()
    may_publish: bool = True
    """The reader decides; otherwise they submit it to somebody who does."""


def form(candidates: Sequence[Candidate], written: Written, shown: FirstForm) -> Json:
    """Return the form with what has been written so far."""
    able = [one for one in candidates if one.unsuited is None]
    chosen = [one for one in able if one.account_id in written.accounts]
    blocks = [attachments.alert(text) for text in shown.alerts]
    blocks += shared.notes(written.source, may_attach=shown.may_attach)
    blocks += texts.fields(TEXT, "Text", "compose.text", written.text, more=Extra.LONGER in written.extras)
    blocks += attachments.files(written, shown.metadata, shown.turn, allowed=shown.may_attach)
    if able:
        blocks.append(_accounts(able, written.accounts))
    if len(chosen) > 1 and allows(shown.role, Permission.PLAN):
        blocks.append(kit.actions(kit.button("Save as a set", "sets.keep", shown.metadata)))
    blocks += _warnings(shown.problems)
    if full := caps.sentences(shown.full):
        blocks.append(warnings(full))
    blocks += counters(chosen, written)
    if Extra.NEXT_SLOT not in written.extras:
        blocks.append(_when(written.due_at))
        if known := when.notes(written.due_at, shown.zones):
            blocks.append(kit.fine_print(*known))
    blocks += _extras(written)
    blocks += _unable([one for one in candidates if one.unsuited is not None], shown.role)
    return kit.modal(
        TITLE,
        blocks,
        callback_id="compose.written",
        submit="Next" if any(_asks_more(one) for one in chosen or able) else _ends(shown),
        close="Close",
        metadata=shown.metadata,
    ) | {"notify_on_close": True}


def _ends(shown: FirstForm) -> str:
    return "Publish" if shown.may_publish else SUBMIT


def _when(due_at: datetime | None) -> Json:
    element: Json = {"type": "datetimepicker", "action_id": "compose.when"}
    initial = {"initial_date_time": int(due_at.timestamp())} if due_at else {}
    hint = "In your own time zone. Leave it empty to publish now."
    return kit.entry(WHEN, "When", element | initial, hint=hint, optional=True) | {"dispatch_action": True}


def time_field(shown: Collection[str]) -> str | None:
    """Return the block of a form that says when the post goes out; None: it has none. `shown`: its blocks."""
    return next((block for block in (WHEN, EXTRAS) if block in shown), None)


def _extras(written: Written) -> list[Json]:
    """Return the boxes for what a post may have besides, and the fields of those that are ticked."""
    options = [kit.option(words, extra, hint) for extra, (words, hint) in EXTRA_WORDS.items()]
    ticked = [option for option in options if option["value"] in written.extras]
    element: Json = {"type": "checkboxes", "action_id": "compose.extras", "options": options}
    initial = {"initial_options": ticked} if ticked else {}
    boxes = kit.entry(EXTRAS, "Add", element | initial, optional=True) | {"dispatch_action": True}
    blocks = [boxes]
    if Extra.LINK in written.extras:
        blocks.append(texts.typed_into(LINK, "Link", "compose.link", written.link))
    if Extra.COMMENT in written.extras:
        blocks.append(texts.typed_into(COMMENT, "First comment", "compose.comment", written.first_comment))
    return blocks


def no_accounts(candidates: Sequence[Candidate], role: Role) -> Json:
    """Return what is shown where no account can take a post."""
    blocks = [kit.words("None of your connected accounts can take a post right now.")]
    if not candidates:
        blocks = [kit.words(NONE_CONNECTED)]
    return kit.modal(TITLE, [*blocks, *_unable(candidates, role)])


def _asks_more(one: Candidate) -> bool:
    return bool(one.options) or one.needs_place or one.takes(TextField.TITLE)


def unsuited(candidates: Sequence[Candidate]) -> list[str]:
    """Return why each of these accounts can't take the post."""
    return [_reason(one) for one in candidates]


def _reason(one: Candidate) -> str:
    return f"{name_of(one)}: {_why(one)}"


def _accounts(able: Sequence[Candidate], chosen: Sequence[str]) -> Json:
    select = account_select("compose.accounts", [one.profile for one in able], chosen)
    return select | {"dispatch_action": True}


def name_of(one: Candidate) -> str:
    """Return an account's name with its platform's."""
    return f"{one.profile.label} ({one.profile.platform.name})"


def _warnings(problems: Iterable[AccountProblems]) -> list[Json]:
    """Return what is wrong with text and files. What is only missing is asked for later."""
    lines = dict.fromkeys(
        sentence(problem, one.candidate.profile.platform, one.candidate.facts)
        for one in problems
        for problem in one.problems
        if problem.defect is not Defect.MISSING
    )
    return [warnings(list(lines)[:WARNINGS_SHOWN])] if lines else []


def warnings(sentences: Iterable[str]) -> Json:
    """Return a block that says what must change."""
    return kit.words("\n".join(f"⚠️ {each}" for each in sentences))


def _unable(candidates: Sequence[Candidate], role: Role) -> list[Json]:
    """Return the accounts that can't take the post: those that a person can mend first, with the button for it."""
    if not candidates:
        return []
    ordered = sorted(candidates, key=lambda one: not _mended_by(one, role))
    shown, rest = ordered[:UNSUITED_SHOWN], len(ordered) - UNSUITED_SHOWN
    blocks = [kit.divider(), kit.fine_print("You can't choose these:")]
    blocks += [
        kit.words(_reason(one), accessory=reconnect_button(one.profile))
        for one in shown
        if _mended_by(one, role)
    ]
    lines = [_reason(one) for one in shown if not _mended_by(one, role)]
    if rest > 0:
        lines.append(f"and {rest} more. See them all with /octapost accounts.")
    return [*blocks, *([kit.fine_print(*lines)] if lines else [])]


def _mended_by(one: Candidate, role: Role) -> bool:
    """Tell whether signing in again makes an account usable, and this role may do it."""
    mends = one.unsuited is Unsuited.BROKEN and one.profile.diagnosis.remedy is Remedy.RECONNECT
    return mends and allows(role, Permission.CONNECT_ACCOUNTS)


def _why(one: Candidate) -> str:
    match one.unsuited:
        case Unsuited.NEEDS_MEDIA:
            return "needs a picture or video"
        case Unsuited.NO_SUCH_FILES:
            return "doesn't take these files in one post"
        case Unsuited.NOT_YET:
            return "Octapost can't publish there yet"
        case _:
            return diagnosis.status(one.profile.diagnosis)


def decided(written: Written, done: Finished) -> Json:
    """Return what is shown when the post was decided, or submitted to somebody who decides."""
    if done.waits:
        return kit.modal(TITLE, [kit.words(f"✅ Submitted. {WAITS}")])
    count, due_at, channel = len(written.accounts), written.due_at, done.channel
    many = f"{count} accounts" if count > 1 else "1 account"
    goes = f"It goes out to {many} {moment(due_at)}." if due_at else f"It's on its way to {many}."
    if Extra.NEXT_SLOT in written.extras:
        goes = f"It goes out to {many} at the next free time."
    where = (
        f"I'll post the result in <#{channel}>, or message you if I'm not in that channel."
        if channel
        else "I'll send you the result."
    )
    return kit.modal(TITLE, [kit.section(f"✅ {goes} {where}")])
