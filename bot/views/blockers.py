"""Why an account cannot be used, or why fewer were found than expected, and the fix."""

from __future__ import annotations

from adapters.base import Blocker, Hint, Platform
from bot.services.accounts.facts import ALREADY_HERE

BLOCKED: dict[Blocker, tuple[str, str]] = {
    Blocker.NO_CREATE_CONTENT: (
        "your role on this Page can't create content",
        "Ask a Page admin to give you “Content” access in Meta Business Suite, then connect again.",
    ),
    Blocker.NO_PAGE_TOKEN: (
        "Facebook lets you see this Page but not act as it",
        "Ask a Page admin for full or task access to the Page, then connect again.",
    ),
    Blocker.NOT_TICKED: (
        "you didn't tick it in Facebook's dialog",
        "Connect again and choose “Edit settings” to tick it.",
    ),
    Blocker.NO_INSTAGRAM: (
        "no Instagram account is linked to this Page",
        "Link a professional Instagram account to the Page in Meta Business Suite, then connect again.",
    ),
    Blocker.INSTAGRAM_PERSONAL: (
        "its Instagram account is personal",
        "In the Instagram app, switch it to a professional account (Business or Creator), then connect again.",
    ),
    Blocker.NOT_PAGE_ADMIN: (
        "your role on this company page can't post",
        "Ask one of its super admins to make you a super or content admin, then connect again.",
    ),
    Blocker.SUSPENDED: (
        "{platform} has suspended or restricted it",
        "Sign in at {where} and follow the steps there, then connect again.",
    ),
    Blocker.LOCKED: (
        "{platform} has locked it until its owner confirms who they are",
        "Sign in at {where} and unlock it, then connect again.",
    ),
}
"""Why an account cannot be used, and the fix. A test checks that every Blocker is here."""

HINTS: dict[Hint, str] = {
    Hint.NO_PAGES_TICKED: (
        "Facebook gave us no Pages. Connect again and tick the Pages you want in Facebook's dialog"
        " (“Edit settings” shows them); only Pages work, not personal profiles or groups."
    ),
    Hint.NO_PROFESSIONAL_ACCOUNT: (
        "None of your Pages has a professional Instagram account. Switch the account to Business or Creator in the"
        " Instagram app, link it to a Facebook Page, then connect again."
    ),
    Hint.BUSINESS_MANAGEMENT_MISSING: (
        "Pages in a business portfolio stay hidden, because permission to manage your business wasn't granted."
        " If a Page is missing, connect again and leave everything ticked."
    ),
    Hint.NO_CHANNEL: (
        "This Google account has no YouTube channel. Open youtube.com, choose “Create a channel” from your"
        " picture at the top right, then connect again."
    ),
    Hint.NO_COMPANY_PAGE: (
        "You don't administer a LinkedIn company page. Ask a super admin of the page to make you one,"
        " then connect again."
    ),
    Hint.PAGES_NEED_PAGE_APP: (
        "This connects your own profile. Company pages need LinkedIn's Community Management product,"
        " which this installation's LinkedIn app doesn't have."
    ),
}
"""Why discovery found less than expected, and the fix. A test checks that every Hint is here."""


def why_not(name: str, blocker: str | None, platform: Platform) -> str:
    """Return why an account is greyed, and the fix."""
    if blocker == ALREADY_HERE:
        return f"{name}: already connected here, so there is nothing to do."
    reason, fix = blocked(Blocker(blocker or ""), platform)
    return f"{name}: {reason}. {fix}"


def blocked(blocker: Blocker, platform: Platform | None = None) -> tuple[str, str]:
    """Return why an account of `platform` cannot be used, as a clause, and the fix, as a sentence."""
    name = platform.name if platform else "the platform"
    where = platform.unlock_pages.get(blocker, name) if platform else name
    reason, fix = BLOCKED[blocker]
    return reason.format(platform=name), fix.format(where=where)
