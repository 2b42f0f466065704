"""The message about a post: how far it is on every account, and what a person can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.posts.decisions import Decision
from bot.services.posts.policy import POSTPONED
from bot.services.posts.wishes import WishKind
from bot.views import kit
from bot.views.kit import Message
from bot.views.paging import Turning
from bot.views.publishing import faults
from bot.views.publishing.platforms import refusal, words_of
from bot.views.publishing.post_menu import post_menu
from bot.views.times import moment
from storage.models import BEFORE_SENDING, DeliveryStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adapters.base import Platform
    from bot.services.posts.results import DeliveryReport, PostReport
    from bot.views.kit import Json

    PlatformOf = Callable[[str], Platform]

DETAILS = "details"
SHOWN = 15
"""Accounts with a row of their own. Those that need someone come first, and the rest is counted."""
EXCERPT = 150
REFUSED, NO_ANSWER = "Rejected", "the platform didn't confirm it. Open the post to see, or try again."
STOPPED = frozenset({DeliveryStatus.FAILED, DeliveryStatus.LATE, DeliveryStatus.OBJECTED})
"""A person decides whether it goes out."""
LIVE = (DeliveryStatus.SENT, DeliveryStatus.CHANGING)
TAKEN_BACK = (DeliveryStatus.CANCELLED, DeliveryStatus.DELETED)
NEEDS_SOMEONE = STOPPED | {DeliveryStatus.UNKNOWN, DeliveryStatus.HELD, DeliveryStatus.GONE}
BUTTONS = {
    Decision.LIVE: "It's live",
    Decision.NOT_LIVE: "Not live: send it",
    Decision.LOOK: "Look again",
    Decision.PUBLISH: "Try again",
    Decision.CANCEL: "Don't publish",
}


def message(report: PostReport, platform: PlatformOf) -> Message:
    """Return the message as it is now."""
    found = _in_order(report)
    blocks = [*_top(report), *_rows(report, found[:SHOWN], platform)]
    if rest := found[SHOWN:]:
        blocks.append(kit.fine_print(f"and {len(rest)} more: {_counts(rest)}"))
        value = f"{report.organization_id}/{report.post_id}"
        blocks.append(kit.actions(kit.button("Show all", "posts.details", value)))
    return Message(text=headline(report), blocks=[*blocks, _by(report)])


def page(report: PostReport, number: int, platform: PlatformOf) -> list[Json]:
    """Return a page of all accounts of a post; `number` counts from 0, and one too high is the last."""
    found = _in_order(report)
    pages = max(1, -(-len(found) // SHOWN))
    at = min(number, pages - 1)
    value = f"{report.organization_id}/{report.post_id}:"
    turning = Turning(number=at, of=pages, story=DETAILS, value=value)
    rows = _rows(report, found[at * SHOWN : (at + 1) * SHOWN], platform)
    return [*_top(report), *rows, *turning.blocks(), _by(report)]


def _in_order(report: PostReport) -> list[DeliveryReport]:
    """Return the accounts, those that need someone first."""
    return sorted(report.deliveries, key=lambda one: one.status not in NEEDS_SOMEONE)


def _top(report: PostReport) -> list[Json]:
    excerpt = kit.escape(kit.cut(report.text, EXCERPT)) or "_No text_"
    return [kit.words(headline(report)), kit.section(f">{excerpt}", accessory=post_menu(report))]


def _rows(report: PostReport, found: Sequence[DeliveryReport], platform: PlatformOf) -> list[Json]:
    return [block for one in found for block in _row(report, one, platform(one.platform))]


def _by(report: PostReport) -> Json:
    return {"type": "context", "elements": [kit.mrkdwn(f"By {kit.named(report.author)}")]}


def headline(report: PostReport) -> str:
    """Return the state of the whole post in one line."""
    found = [one for one in report.deliveries if one.status not in TAKEN_BACK]
    if not found:
        deleted = any(one.status == DeliveryStatus.DELETED for one in report.deliveries)
        return "Deleted" if deleted else "Cancelled"
    live = sum(one.status in LIVE for one in found)
    needy = sum(_asks(one) for one in found)
    gone = sum(one.status == DeliveryStatus.GONE for one in found)
    many = len(found) != 1
    if gone and not needy:
        return f"⚠️ {live} of {len(found)} live; {gone} {'was' if gone == 1 else 'were'} removed"
    if needy:
        return f"⚠️ {live} of {len(found)} live; {needy} {'needs' if needy == 1 else 'need'} you"
    if live == len(found):
        return f"✅ Live on {len(found)} accounts" if many else "✅ Live"
    if all(one.held_until is not None for one in found):
        return "⏸️ On hold"
    if all(one.status == DeliveryStatus.SCHEDULED for one in found):
        return "Scheduled"
    return f"Publishing: {live} of {len(found)} live" if many else "Publishing"


def _asks(one: DeliveryReport) -> bool:
    if one.status == DeliveryStatus.HELD:
        return one.held_until is None
    return one.asks or one.status in STOPPED


def _counts(found: list[DeliveryReport]) -> str:
    live = sum(one.status in LIVE for one in found)
    waiting = len(found) - live
    return kit.listed(filter(None, (f"{live} live" if live else "", f"{waiting} not yet" if waiting else "")))


def _row(report: PostReport, one: DeliveryReport, platform: Platform) -> list[Json]:
    name = f"*{kit.escape(one.account)}* ({platform.name})"
    value = f"{report.organization_id}/{one.id}"
    buttons = [kit.button(_label(one, each), f"post.{each}", value) for each in decisions(one)]
    beside = buttons[0] if len(buttons) == 1 else None
    blocks = [kit.section(f"{name}: {state(one, platform)}", accessory=beside)]
    notes = [words_of(one.platform).notes.get(note, "") for note in one.notes]
    notes += _not_done(one, platform)
    notes += [EXTRAS[kind] for kind in one.failed_extras if kind in EXTRAS]
    if one.fault is not None and one.status in BEFORE_SENDING:
        notes.append(f"⚠️ {kit.escape(faults.sentence(one.fault, one.platform, platform))}")
    if said := [note for note in notes if note]:
        blocks.append(kit.fine_print(*said))
    if len(buttons) > 1:
        blocks.append(kit.actions(*buttons))
    return blocks


def _label(one: DeliveryReport, decision: Decision) -> str:
    """Return what the button of a decision says: what never left isn't tried again."""
    first = decision is Decision.PUBLISH and one.status != DeliveryStatus.FAILED
    return "Publish now" if first else BUTTONS[decision]


EXTRAS = {
    "comment": "The first comment was refused; the post itself is live.",
    "thumbnail": "The thumbnail was refused; the video itself is live.",
}


STATES = {
    DeliveryStatus.OBJECTED: "⚠️ stopped: the author of the message asked not to publish it. Publish it anyway?",
    DeliveryStatus.CANCELLED: "cancelled",
    DeliveryStatus.DELETED: "🗑️ deleted",
}
"""States that are said in the same words for every delivery."""


def state(one: DeliveryReport, platform: Platform) -> str:
    """Return how far one delivery is, in mrkdwn."""
    match one.status:
        case DeliveryStatus.SENT:
            return _live(one)
        case DeliveryStatus.CHANGING:
            return f"{_live(one)} · {CHANGING[one.wish or WishKind.EDIT]}"
        case status if status in BEFORE_SENDING:
            return _before(one, platform)
        case DeliveryStatus.FAILED:
            return f"❌ {refusal(one.platform, platform.name, one.code)}"
        case DeliveryStatus.UNKNOWN if one.asks:
            return (
                f"⚠️ {platform.name} never confirmed it, and I can't see whether it's live."
                f" Please look on {platform.name}, then tell me."
            )
        case DeliveryStatus.UNKNOWN:
            return f"{platform.name} didn't confirm it. I'm checking whether it's live before I do anything else."
        case DeliveryStatus.HELD:
            return _held(one)
        case DeliveryStatus.LATE:
            return f"⚠️ missed its time, {moment(one.due_at)}. Publish it now?"
        case DeliveryStatus.GONE:
            return f"⚠️ it was live, and {faults.removed(platform)}"
        case status:
            return STATES.get(status, "publishing…")


CHANGING = {WishKind.EDIT: "changing its text…", WishKind.DELETE: "deleting it…"}
NOT_DONE = {WishKind.EDIT: "Its text is as it was", WishKind.DELETE: "It isn't deleted"}


def _live(one: DeliveryReport) -> str:
    return f"✅ live, <{one.url}|see it>" if one.url.startswith(("https://", "http://")) else "✅ live"


def _not_done(one: DeliveryReport, platform: Platform) -> list[str]:
    """Return why what a member wanted done with a live post was not done."""
    if one.status != DeliveryStatus.SENT or one.wish is None or not one.outcome:
        return []
    why = refusal(one.platform, platform.name, one.code) if one.outcome == REFUSED else NO_ANSWER
    return [f"⚠️ {NOT_DONE[one.wish]}: {why}"]


def _before(one: DeliveryReport, platform: Platform) -> str:
    """Return how far a delivery is that nobody can see yet."""
    if one.outcome == POSTPONED:
        return f"{faults.limit(one.code, platform)} Goes out {moment(one.due_at)}."
    if one.code:
        return f"{platform.name} isn't taking posts right now. I'll keep trying; nothing for you to do."
    return f"goes out {moment(one.due_at)}" if one.status == DeliveryStatus.SCHEDULED else "publishing…"


def _held(one: DeliveryReport) -> str:
    """Return why a delivery is held, and what lets it go."""
    if one.held_until is not None:
        return f"⏸️ on hold until {moment(one.held_until)}"
    return "⚠️ waiting: the sign-in has ended. I'll publish it once someone reconnects the account."


def decisions(one: DeliveryReport) -> tuple[Decision, ...]:
    """Return what a person can decide about a delivery now."""
    if one.status == DeliveryStatus.UNKNOWN and one.asks:
        return (Decision.LIVE, Decision.NOT_LIVE, Decision.LOOK)
    if one.status in STOPPED:
        return (Decision.PUBLISH, Decision.CANCEL)
    if one.status == DeliveryStatus.SCHEDULED:
        return (Decision.CANCEL,)
    return ()
