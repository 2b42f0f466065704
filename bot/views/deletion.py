"""Deleting an organization in Slack: the form that says what it means, and what people are told of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bot.services.accounts.revoking import RevocationResult
from bot.views import kit
from bot.views.kit import Json, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.base import Platform
    from bot.services.notifications import DeletionReceipt, OrganizationDeleted, ReceiptLine
    from bot.services.organizations.deletion import DeletionOutlook
    from bot.services.organizations.notifications import OrganizationGone
    from storage.models import Deletion

TITLE = "Delete organization"
NAME = "name"
"""The input of the form."""
LINES_A_BLOCK = 15
NAME_SHOWN = 60
RESULTS = {
    RevocationResult.REVOKED: "{platform} confirmed that our access has ended",
    RevocationResult.OVER: "the sign-in had already ended, so there was nothing to revoke",
    RevocationResult.STILL_USED: "this sign-in is still used elsewhere in Octapost, so it keeps working there",
    RevocationResult.SAME_PERSON: (
        "not revoked, because that would also end accounts the same person connected elsewhere in Octapost"
    ),
    RevocationResult.REFUSED: "{platform} didn't confirm that our access has ended{code}",
    RevocationResult.NO_ENDPOINT: "{platform} has no way to end our access from here",
    RevocationResult.UNANSWERED: "{platform} didn't confirm within 72 hours{code}",
}
BY_HAND = frozenset({RevocationResult.REFUSED, RevocationResult.NO_ENDPOINT, RevocationResult.UNANSWERED})
"""What a person can still do something about, in the platform's settings."""


def confirm(outlook: DeletionOutlook, platforms: Mapping[str, str]) -> Json:
    """Return the form that lists what goes, with numbers, and asks for the organization's name.

    `platforms` are the platforms' names by key.
    """
    name = outlook.organization
    lines = [
        f"This deletes {name} for everyone, right away. It can't be undone.",
        *_consequences(outlook, platforms),
    ]
    entry = kit.entry(
        NAME,
        "Type the organization's name to confirm",
        {"type": "plain_text_input", "action_id": "text", "placeholder": kit.plain(name, 150)},
    )
    return kit.modal(
        TITLE,
        [
            *(kit.words(line) for line in lines),
            entry,
            kit.fine_print(
                "I'll send every owner a receipt: for each account, what its platform confirmed."
                " What you've already published stays."
            ),
        ],
        callback_id="org.deleted",
        submit="Delete",
        close="Keep it",
        metadata=f"{outlook.organization_id}/",
    )


def _consequences(outlook: DeletionOutlook, platforms: Mapping[str, str]) -> list[str]:
    counts, inventory = Counter(outlook.platforms), outlook.inventory
    found = []
    if counts:
        where = kit.listed(f"{platforms.get(key, key)} ({count})" for key, count in counts.items())
        found.append(f"• {_many(sum(counts.values()), 'account')} will be disconnected: {where}.")
    if inventory.sign_ins:
        found.append(
            f"• I'll revoke {_many(inventory.sign_ins, 'sign-in')} at the platforms. Only for that, I keep the"
            " encrypted tokens until they confirm, at most 72 hours."
        )
    if inventory.shared_sign_ins:
        found.append(
            f"• {_many(inventory.shared_sign_ins, 'sign-in')} shared with another organization will keep working"
            " there."
        )
    if outlook.waiting_posts:
        found.append(f"• {kit.posts(outlook.waiting_posts, 'waiting')} won't be published.")
    found.append(
        f"• {_many(inventory.members, 'member')} will lose access. Invitations, codes, channel defaults and alert"
        " settings go too."
    )
    found.append(
        "• The audit trail goes too. Only a receipt number, the date and the number of accounts remain."
    )
    return found


def deleted(deletion: Deletion) -> Json:
    """Return what the owner sees in place of the form."""
    return kit.modal(
        TITLE,
        [
            kit.words(f"{deletion.organization} is deleted. {_ends(deletion.accounts)}"),
            kit.words("I'll send every owner a receipt once the platforms have answered, within 72 hours."),
            kit.fine_print(f"Receipt number: {deletion.id}"),
        ],
        callback_id="org.gone",
    )


def news(one: OrganizationDeleted) -> Message:
    """Return what the other admins and owners are told at once."""
    text = f"{one.organization} was deleted."
    return Message(
        text=text,
        blocks=[
            kit.section(f"<@{one.user_id}> deleted {kit.escape(one.organization)}."),
            kit.words(
                f"{_ends(one.accounts)} I'll send its owners a receipt once the platforms have answered."
            ),
            kit.fine_print(f"Receipt number: {one.receipt}"),
        ],
    )


def gone(one: OrganizationGone) -> Message:
    """Return what takes the place of a message that offered to do something for the organization."""
    text = f"{one.organization} was deleted, so there's nothing left to do here."
    return Message(text=text, blocks=[kit.words(text)])


def receipt(one: DeletionReceipt, platforms: Mapping[str, Platform]) -> Message:
    """Return what an owner reads once every sign-in is settled: a line for each account."""
    title = f"Receipt: {one.organization} is deleted"
    which = f" ({one.part} of {one.parts})" if one.parts > 1 else ""
    lines = [_line(each, platforms[each.platform].name) for each in one.lines] or ["It had no accounts."]
    blocks = [
        kit.words(f"{title}{which}."),
        *(
            kit.words("\n".join(lines[start : start + LINES_A_BLOCK]))
            for start in range(0, len(lines), LINES_A_BLOCK)
        ),
    ]
    left = sorted({_by_hand(platforms[each.platform]) for each in one.lines if each.result in BY_HAND})
    if left:
        blocks.append(
            kit.words(
                f"To be sure about {kit.listed(left)}, remove Octapost under connected apps in the settings there."
                " Our tokens are gone either way."
            )
        )
    blocks += [
        kit.section(f"Deleted {kit.day(one.deleted_at)}."),
        kit.fine_print(f"Receipt number: {one.receipt}"),
    ]
    return Message(text=f"{title}{which}.", blocks=blocks)


def _by_hand(platform: Platform) -> str:
    """Return a platform's name, with the address where people remove apps if it is known."""
    return f"{platform.name} ({platform.apps_page})" if platform.apps_page else platform.name


def _line(one: ReceiptLine, platform: str) -> str:
    name = kit.cut(one.account, NAME_SHOWN) or "A sign-in without accounts"
    said = RESULTS[one.result].format(platform=platform, code=f" ({one.code})" if one.code else "")
    return f"• {name} ({platform}): {said}."


def _ends(accounts: int) -> str:
    if not accounts:
        return "It had no accounts."
    return f"{_many(accounts, 'account')} {'is' if accounts == 1 else 'are'} disconnected."


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
