"""Why an account needs a person, and what helps: the words for codes of platforms, of Slack and of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.base import BY_PLATFORM, Blocker
from bot.services.incidents.reasons import EXPIRED, ROLE_LOST, SCOPE_LOST
from bot.services.tokens.policy import REFUSED
from bot.views.blockers import BLOCKED as BLOCKERS
from bot.views.blockers import blocked
from storage.models import BLOCKED, LEFT_OUT, NOT_SHOWN

if TYPE_CHECKING:
    from adapters.base import Platform

REASONS = {
    "deauthorized": "somebody removed Octapost in the Facebook settings",
    "deletion_requested": "the person asked Facebook to have their data deleted, and it is",
    "authorization_removed": "somebody removed Octapost in the TikTok app",
    EXPIRED: "its time is up, and only a person can renew it",
    "190_458": "somebody removed Octapost in the Facebook settings",
    "190_459": "Facebook wants the person to sign in there first",
    "190_460": "the person's Facebook password was changed",
    "190_463": "the sign-in has expired",
    "190_464": "Facebook wants the person to confirm their account first",
    "190_492": "the person has lost their role on the Page",
    "testing_week": (
        "Google ends sign-ins after 7 days while the app that asks for them is in “Testing”,"
        " and this one ended after about a week"
    ),
    "removed": "it was ended here",
    REFUSED: "the platform has refused to renew it for hours and doesn't say why",
    LEFT_OUT: "the last sign-in there left it out",
    BLOCKED: "at the last sign-in it couldn't be used, and the answer to that said why",
    NOT_SHOWN: "the person who connected it no longer has it there, or has lost their role for it",
    SCOPE_LOST: "the permission to publish was not granted at the last sign-in",
    ROLE_LOST: "whoever signed in last has no role there that may publish",
}
"""Codes that say more than "it is over"."""
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
    """Return why a sign-in is over, or an account can't be used, as a clause."""
    if code in BLOCKERS:
        return blocked(Blocker(code), platform)[0]
    return REASONS.get(
        code,
        f"{platform.name} has ended our access, most often because somebody removed Octapost there or"
        " changed the password",
    )


def remedy_text(platform: Platform, code: str) -> str:
    """Return what helps an account alone of a sign-in that lives on, as sentences."""
    if code in BY_PLATFORM:
        where = platform.unlock_pages.get(Blocker(code), platform.name)
        return f"Its owner signs in at {where} and follows what it asks; it works here again within a day of that."
    if code == Blocker.NOT_PAGE_ADMIN:
        return (
            "A super admin of the page makes whoever connected it a super or content admin again, and it heals by"
            " itself within a day; or somebody who is one presses Reconnect."
        )
    if code == "190_492":
        return (
            "Somebody with a role on the Page presses Reconnect; or give whoever connected it the role back, and it"
            " heals by itself within a day."
        )
    if code == SCOPE_LOST:
        return "Press Reconnect and leave everything ticked."
    if code == LEFT_OUT:
        return "Press Reconnect and tick it, too; whoever does has to manage it there."
    return "Press Reconnect; whoever does has to manage this account there."
