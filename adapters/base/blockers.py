"""Why an account cannot be used, and why a discovery found less than expected, as codes."""

from __future__ import annotations

from enum import StrEnum


class Blocker(StrEnum):
    """Why an account that is visible cannot be used. `bot.views` has the sentences."""

    NO_CREATE_CONTENT = "no_create_content"
    """Facebook: the person's role on the Page may not create content."""
    NO_PAGE_TOKEN = "no_page_token"  # noqa: S105 - a reason, not a secret
    """Facebook: the person sees the Page, but gets no token to act as it."""
    NOT_TICKED = "not_ticked"
    """Facebook: the Page belongs to the person's business, but was not ticked in the dialog."""
    NO_INSTAGRAM = "no_instagram"
    """Instagram: the Page has no Instagram account linked."""
    INSTAGRAM_PERSONAL = "instagram_personal"
    """Instagram: the linked account is personal, not professional."""
    NOT_PAGE_ADMIN = "not_page_admin"
    """LinkedIn: the member's role on the company page does not allow posting."""
    SUSPENDED = "suspended"
    """The platform suspended or restricted the account."""
    LOCKED = "locked"
    """The platform locked the account until its owner confirms who they are."""


BY_PLATFORM = frozenset({Blocker.SUSPENDED, Blocker.LOCKED})
"""What only the account's owner can end, at the platform. Another sign-in does not help."""


class Hint(StrEnum):
    """Why discovery found less than the person may expect. `bot.views` has the sentences."""

    NO_PAGES_TICKED = "no_pages_ticked"
    NO_PROFESSIONAL_ACCOUNT = "no_professional_account"
    BUSINESS_MANAGEMENT_MISSING = "business_management_missing"
    NO_CHANNEL = "no_channel"
    NO_COMPANY_PAGE = "no_company_page"
    PAGES_NEED_PAGE_APP = "pages_need_page_app"
    """LinkedIn: this app posts as the person only; company pages need the second app."""
