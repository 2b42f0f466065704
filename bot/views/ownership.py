"""Who owns an organization, in words: so that two of the same name can be told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.views import kit

if TYPE_CHECKING:
    from bot.views.kit import Json
    from storage.organization_summaries import Summary

OWNERS_SHOWN = 2


def ownership(organization: Summary, realm: str) -> str:
    """Return, in mrkdwn, who owns an organization and how many accounts it has."""
    return f"{owned_by(organization, realm)} · {accounts(organization.accounts)}"


def owned_by(organization: Summary, realm: str) -> str:
    """Return, in mrkdwn, who owns an organization.

    Slack shows a mention only of people in the reader's own `realm`; others are named by their workspace.
    """
    owners = [
        f"<@{owner.user_id}>" if owner.realm == realm else f"someone at {kit.escape(owner.workspace)}"
        for owner in organization.owners[:OWNERS_SHOWN]
    ]
    if more := len(organization.owners) - len(owners):
        owners.append(f"{more} more")
    return f"Owned by {kit.listed(owners)}" if owners else "Has no owner"


def choice(organization: Summary, realm: str, action_id: str, value: str) -> Json:
    """Return the line of an organization that can be chosen: its name, who owns it, and the button."""
    choose = kit.button("Choose", action_id, value, label=f"Choose {organization.name}")
    words = f"*{kit.escape(organization.name)}*\n{ownership(organization, realm)}"
    return kit.section(words, accessory=choose)


def accounts(count: int) -> str:
    """Return a number of accounts in words."""
    if count == 0:
        return "no accounts"
    return "1 account" if count == 1 else f"{count} accounts"
