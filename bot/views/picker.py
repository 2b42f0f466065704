"""The picker: choosing from the accounts that a sign-in showed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapters.base import Blocker, Hint
from bot.services.accounts.facts import ALREADY_HERE
from bot.views import consent, kit
from bot.views.blockers import HINTS, blocked, why_not
from bot.views.kit import Json
from storage.account_labels import labels

if TYPE_CHECKING:
    from bot.services.accounts.choosing import Choice, Chosen
    from storage.models import FoundAccount

PICKED = "picked"
"""The block of the form that holds the choice."""
BLOCKED_SHOWN = 20
OPTIONS_SHOWN = 100
"""Slack takes at most 100 options."""


def picker(choice: Choice, organization: str, value: str) -> Json:
    """Return the modal in which accounts are chosen. Its select requests options from us as the person types."""
    if not choice.usable:
        return kit.message_modal(consent.CHOOSE, "You've connected every account you can from this sign-in.")
    many = f"{choice.usable} accounts" if choice.usable != 1 else "1 account"
    preselected = {"initial_options": choices(choice.preselected)} if choice.preselected else {}
    blocks = [
        kit.entry(
            PICKED,
            f"Accounts for {organization}",
            {
                "type": "multi_external_select",
                "action_id": "connect.search",
                "min_query_length": 0,
                "placeholder": kit.plain(f"Type to search {many}", 150),
            }
            | preselected,
            hint="They belong to the organization and stay when you leave it.",
        )
    ]
    if choice.blocked_total:
        blocks += [kit.divider(), kit.words("You can't connect these yet:")]
        blocks += [
            kit.fine_print(why_not(one.name, one.blocker, choice.platform))
            for one in choice.blocked[:BLOCKED_SHOWN]
        ]
        if choice.blocked_total > BLOCKED_SHOWN:
            rest = choice.blocked_total - BLOCKED_SHOWN
            blocks.append(kit.fine_print(f"… and {rest} more. Search for a name above to see why."))
    blocks += [kit.fine_print(HINTS[Hint(hint)]) for hint in choice.discovery.hints]
    return kit.modal(
        f"{choice.platform.name}: choose",
        blocks,
        callback_id="connect.picked",
        submit="Connect",
        close="Later",
        metadata=value,
    )


def choices(found: Sequence[FoundAccount]) -> list[Json]:
    """Return the options of a typeahead. A greyed one says why; Slack cannot disable an option."""
    made, called = [], labels(found)
    for one in found:
        if one.blocker:
            reason = (
                "already connected here" if one.blocker == ALREADY_HERE else blocked(Blocker(one.blocker))[0]
            )
            made.append(kit.option(f"⊘ {called[one.id]}", one.id, f"Can't be used: {reason}"))
        else:
            made.append(kit.option(called[one.id], one.id, " · ".join(filter(None, (one.kind, one.handle)))))
    return made


def picked(chosen: Chosen, organization: str) -> Json:
    """Return the modal after accounts were chosen."""
    platform, unable = chosen.platform, {one.name for one in chosen.cannot_publish}
    able = [name for name in labels(chosen.accounts).values() if name not in unable]
    first = chosen.accounts[0]
    value, label = f"{first.organization_id}/{first.grant_id}", f"Reconnect {platform.name}"
    return kit.modal(
        f"{platform.name}: connected",
        [
            *(
                [kit.words(f"✅ Connected to {organization}: {kit.some(able)} on {platform.name}.")]
                if able
                else []
            ),
            *consent.without(chosen.cannot_publish, platform),
            *(
                [
                    kit.actions(
                        kit.button(consent.RECONNECT, "account.renew", value, style="primary", label=label)
                    )
                ]
                if unable
                else []
            ),
            kit.fine_print("/octapost accounts lists all accounts of this organization."),
        ],
    )
