"""Replies in the thread of an incident's card: one line of Slack's mrkdwn each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.views import kit, reminders
from bot.views.incidents import decided, how_it_ended, were
from bot.views.kit import Message
from bot.views.reasons import reason_text
from bot.views.times import moment
from storage.models import Resolution

if TYPE_CHECKING:
    from adapters.base import Platform
    from bot.services.incidents.notifications import (
        AccessLost,
        AccessStillLost,
        Claimed,
        ClaimExpired,
        ClaimReleased,
        DataAccessEnded,
        DaysLeft,
        GrantEnded,
        IncidentResolved,
        LatePostsDecided,
        LinkSent,
        OwnersAsked,
        ReplyText,
        Snoozed,
    )


def _reply(ours: str) -> Message:
    """Return a message in mrkdwn that we wrote, so its mentions are intended."""
    return Message(text=ours, blocks=[kit.section(ours)], ours=True)


def text(one: ReplyText) -> Message:
    """Return a reply whose text was stored by an older release."""
    return _reply(one.text)


def grant_ended(one: GrantEnded, platform: Platform) -> Message:
    """Return why a sign-in has ended."""
    reason = reason_text(platform, one.code)
    return _reply(f"🔴 The sign-in has ended: {reason}.")


def access_lost(one: AccessLost, platform: Platform) -> Message:
    """Return that the card is now about these accounts, too, of a sign-in that still works."""
    some = f"{one.accounts} accounts" if one.accounts > 1 else "One account"
    return _reply(f"🔴 {some} can't publish any more: {reason_text(platform, one.code)}.")


def access_still_lost(one: AccessStillLost, platform: Platform) -> Message:
    """Return that a sign-in was renewed without these accounts."""
    some = f"{one.accounts} accounts are" if one.accounts > 1 else "one account is"
    reason = reason_text(platform, one.code)
    return _reply(f"🟠 The sign-in was renewed, but {some} missing: {reason}.")


def days_left(one: DaysLeft) -> Message:
    """Return the reminder of a day."""
    return _reply(reminders.days_left(one.days))


def data_access_ended(one: DataAccessEnded, platform: Platform) -> Message:
    """Return that the platform stopped showing its data."""
    return _reply(f"🟠 {platform.name} has shown us no data since {moment(one.ended_at)}.")


def resolved(one: IncidentResolved, platform: Platform) -> Message:
    """Return how the incident ended, and what is left to decide."""
    sign = "⚪" if one.resolution == Resolution.DISCONNECTED else "🟢"
    by = f" by {kit.named(one.by or None)}" if one.by is not None else ""
    said = f"{sign} {how_it_ended(one.resolution, platform, by, one.released)}"
    if one.late:
        said += f" {kit.posts(one.late)} {were(one.late)} due meanwhile. The card asks what to do."
    return _reply(said)


def claimed(one: Claimed) -> Message:
    """Return who works on it."""
    return _reply(f"🙋 {kit.named(one.by)} is on it.")


def claim_released(one: ClaimReleased) -> Message:
    """Return who stopped working on it."""
    return _reply(f"↩️ {kit.named(one.by)} released it.")


def claim_expired(one: ClaimExpired) -> Message:
    """Return that a claim ended without a result."""
    if one.by is None:
        return _reply("↩️ The person on it has left. It needs someone else.")
    took = f"{kit.named(one.by)} claimed it a day ago, and it still needs doing."
    return _reply(f"↩️ {took} Another admin can claim it now.")


def snoozed(one: Snoozed) -> Message:
    """Return who asked for silence, and until when."""
    return _reply(f"💤 {kit.named(one.by)} snoozed it until {moment(one.until)}.")


def link_sent(one: LinkSent) -> Message:
    """Return who asked whom to reconnect."""
    return _reply(f"📨 {kit.named(one.by)} sent {kit.named(one.user_id)} a link to reconnect it.")


def snooze_ended() -> Message:
    """Return that the silence is over."""
    return _reply("⏰ The snooze is over, and this still needs someone.")


def late_posts_decided(one: LatePostsDecided) -> Message:
    """Return what happens to late posts, and who decided that."""
    return _reply(decided(one.answer, one.posts, kit.named(one.by)))


def owners_asked(one: OwnersAsked) -> Message:
    """Return that the owners are asked for help."""
    asked = kit.listed(kit.named(owner) for owner in one.owners)
    return _reply(
        f"⏫ {asked}: no one has picked this up yet. Please do what the card says, or ask an admin to."
    )
