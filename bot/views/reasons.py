"""Why an account needs a person, and what helps: the words for codes of platforms, of Slack and of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.base import BY_PLATFORM, Blocker, Refresh
from bot.services.incidents.reasons import EXPIRED, ROLE_LOST, SCOPE_LOST
from bot.services.tokens.policy import REFUSED
from bot.views.blockers import BLOCKED as BLOCKERS
from bot.views.blockers import blocked
from bot.views.times import in_days
from storage.models import BLOCKED, LEFT_OUT, NOT_SHOWN

if TYPE_CHECKING:
    from adapters.base import Platform

REMOVED_AT_FACEBOOK = "someone removed Octapost in their Facebook settings"
MANAGES_IT = "You have to manage this account there."
REASONS = {
    "deauthorized": REMOVED_AT_FACEBOOK,
    "deletion_requested": "the person who connected it had their data deleted through Facebook",
    "authorization_removed": "someone removed Octapost in the TikTok app",
    "190_458": REMOVED_AT_FACEBOOK,
    "190_459": "Facebook wants the person to sign in there first",
    "190_460": "the person changed their Facebook password",
    "190_463": "the sign-in has expired",
    "190_464": "Facebook wants the person to confirm their account first",
    "190_492": "the person lost their role on the Page",
    "testing_week": (
        "Google ends sign-ins after 7 days while the app that asks for them is in “Testing”,"
        " and this one lasted about a week"
    ),
    "removed": "someone ended it in Octapost",
    REFUSED: "the platform has refused to renew it for hours and doesn't say why",
    LEFT_OUT: "the last sign-in didn't include it",
    BLOCKED: "it couldn't be used at the last sign-in",
    NOT_SHOWN: "the person who connected it no longer has it, or lost their role on it",
    SCOPE_LOST: "the permission to publish wasn't granted at the last sign-in",
    ROLE_LOST: "the last person to sign in has no role that allows publishing",
}
"""Codes that say more than that a sign-in has ended."""
SLACK_REASONS = {
    "is_archived": "it was archived",
    "is_inactive": "it was archived or deleted",
    "not_in_channel": "I'm not in it any more",
    "channel_not_found": "it was deleted, or made private without me",
    "not_installed": "Octapost was removed from that workspace",
    "account_inactive": "Octapost was removed from that workspace, or the workspace was deleted",
    "token_revoked": "Octapost was removed from that workspace",
    "user_not_found": "Slack doesn't know them any more",
    "user_disabled": "they were deactivated in Slack",
}
"""Slack's reasons for not taking a message, as a clause after "because"."""


def reason_text(platform: Platform, code: str) -> str:
    """Return why a sign-in has ended, or an account can't be used, as a clause."""
    if code in BLOCKERS:
        return blocked(Blocker(code), platform)[0]
    if code == EXPIRED:
        return _expired(platform)
    return REASONS.get(
        code,
        f"{platform.name} ended our access, usually because someone removed Octapost there or changed the"
        " password",
    )


def _expired(platform: Platform) -> str:
    if platform.refresh is Refresh.NONE and platform.access_lifetime is not None:
        return f"{platform.name} sign-ins last {in_days(platform.access_lifetime.days)}, and this one has expired"
    return f"this {platform.name} sign-in has expired"


def remedy_text(platform: Platform, code: str) -> str:
    """Return what helps an account whose sign-in still works for others, as sentences."""
    if code in BY_PLATFORM:
        where = platform.unlock_pages.get(Blocker(code), platform.name)
        return f"Its owner has to sign in at {where} and follow the steps there. It works here again within a day."
    if code == Blocker.NOT_PAGE_ADMIN:
        return (
            "Ask a super admin of the page to make the person who connected it a super or content admin again: it"
            " recovers within a day. Or someone who is one already can press Reconnect."
        )
    if code == "190_492":
        return (
            "Someone with a role on the Page can press Reconnect. Or give the person who connected it their role"
            " back: it recovers within a day."
        )
    if code == SCOPE_LOST:
        return "Press Reconnect and leave everything ticked."
    if code == LEFT_OUT:
        return f"Press Reconnect and tick it too. {MANAGES_IT}"
    return f"Press Reconnect. {MANAGES_IT}"
