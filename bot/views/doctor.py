"""What `/octapost status` and `/octapost doctor` say: every word from the accounts' diagnoses."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from adapters.base import Capability
from bot.services.accounts.catalog import OVER
from bot.services.accounts.problems import Remedy
from bot.services.permissions import Permission, allows
from bot.views import accounts as account_views
from bot.views import diagnosis, kit
from bot.views.accounts import ADMINS_CAN, DETAILS_TITLE, ability, title_of
from bot.views.incidents import care
from bot.views.kit import Json, Message
from storage.models import Role

if TYPE_CHECKING:
    from bot.services.accounts.diagnosis import Diagnosis
    from bot.services.accounts.profiles import AccountProfile
    from storage.models import Account, Grant

LINES_SHOWN = 600
EXAMINED = 5
"""A message holds 50 blocks, an examination at most 7."""
NOT_ASKED = "not yet"


def overview(organization: str, cards: Sequence[AccountProfile]) -> list[Json]:
    """Return the short answer: how many can publish, a line per account, and where to read more."""
    diagnoses = [(card, card.diagnosis) for card in account_views.worst_first(cards)]
    lines = [
        f"{diagnosis.status(found)} · {card.platform.name}: {' '.join(card.label.split())}"
        for card, found in diagnoses
    ]
    blocks = [kit.words(summary(organization, cards)), *account_views.outages(cards)]
    blocks += [kit.words("\n".join(lines[i : i + 20])) for i in range(0, min(len(lines), LINES_SHOWN), 20)]
    if not all(found.fine for _, found in diagnoses):
        blocks.append(kit.section("`/octapost doctor` says why, and what to do."))
    return blocks


def summary(organization: str, cards: Sequence[AccountProfile]) -> str:
    """Return how many accounts can publish, in a sentence."""
    able = sum(Capability.PUBLISH in card.can and not card.diagnosis.broken for card in cards)
    return f"{organization}: {able} of {len(cards)} accounts can publish."


def not_set_up(platforms: Sequence[str]) -> list[Json]:
    """Return the note about the platforms that this installation has no app for."""
    return [kit.fine_print(f"Not set up on this installation: {kit.listed(platforms)}.")]


def nothing_wrong(organization: str, cards: Sequence[AccountProfile]) -> Message:
    """Return the answer when no account needs anything."""
    many = f"all {len(cards)} accounts are" if len(cards) > 1 else "its account is"
    return Message(
        text=f"All is well with {organization}.",
        blocks=[
            kit.words(f"🟢 All is well with {organization}: {many} connected and can publish."),
            kit.section("`/octapost doctor NAME` checks one of them anyway."),
        ],
    )


def examined(organization: str, cards: Sequence[AccountProfile], role: Role) -> Message:
    """Return the long answer about some accounts, in full for the first `EXAMINED` of them."""
    many = f"{len(cards)} accounts of" if len(cards) > 1 else "One account of"
    blocks: list[Json] = []
    for card in cards[:EXAMINED]:
        blocks += [*examination(card, role), kit.divider()]
    if len(cards) > EXAMINED:
        rest = f"… and {len(cards) - EXAMINED} more; /octapost doctor NAME checks any of them."
        blocks.append(kit.fine_print(rest))
    return Message(text=f"{many} {organization}, examined.", blocks=blocks)


def details(card: AccountProfile, role: Role) -> Json:
    """Return the modal with everything about one account that its line has no room for."""
    who = [kit.mrkdwn(f"Connected by {kit.named(card.connected_by)}.")]
    if card.incident is not None and (done := care(card.incident, kit.named(card.claimed_by))):
        who.append(kit.mrkdwn(done))
    return kit.modal(DETAILS_TITLE, [*_examination(card, role), {"type": "context", "elements": who}])


def examination(card: AccountProfile, role: Role) -> list[Json]:
    """Return everything about one account, with the codes and ids that support asks for."""
    return [*_examination(card, role), kit.fine_print(small_print(card, card.diagnosis))]


def _examination(card: AccountProfile, role: Role) -> list[Json]:
    """Return what is the matter with an account, the one fix, the dates, the permissions."""
    found = card.diagnosis
    lines = [title_of(card), diagnosis.status(found)]
    blocks = [
        kit.titled(card.label, "\n".join(lines)),
        kit.words(" ".join(filter(None, (diagnosis.sentence(found), diagnosis.advice(found))))),
        {"type": "section", "fields": [kit.mrkdwn(line) for line in dates(card, found)]},
        kit.words("\n".join(permissions(card))),
    ]
    if buttons := _fixes(card, role):
        blocks.append(kit.actions(*buttons))
    if found.remedy is Remedy.RECONNECT and not allows(role, Permission.CONNECT_ACCOUNTS):
        blocks.append(kit.fine_print(ADMINS_CAN))
    return blocks


def dates(card: AccountProfile, found: Diagnosis) -> list[str]:
    """Return when what happened and will, in mrkdwn of our own words."""
    grant = card.grant
    if grant is None:
        return [f"*Platform*\n{diagnosis.health(card.health, card.platform) or 'no known trouble'}"]
    since = [f"*Since*\n{moment(found.since)}"] if found.since else []
    return [
        *since,
        f"*Signed in*\n{moment(grant.consented_at or grant.created_at)}",
        f"*Last renewed*\n{moment(grant.renewed_at)}",
        f"*Next check*\n{moment(grant.due_at) if grant.due_at else 'when someone reconnects it'}",
        f"*{card.platform.name} last said*\n{said(card.account, grant)}",
        f"*{card.platform.name}'s status*\n{diagnosis.health(card.health, card.platform) or 'no known trouble'}",
    ]


def moment(at: datetime) -> str:
    """Return a date and time in every reader's own zone; clients that can't show it get UTC."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}}, {{time}}|{at:%d %b %Y, %H:%M} UTC>"


def said(account: Account, grant: Grant) -> str:
    """Return the platform's last verdict in words, and when it fell."""
    if account.access_error and grant.status not in OVER and account.token_checked_at:
        return f"that we can't act for this account, {moment(account.token_checked_at)}"
    words = {
        "fresh": "all is well",
        "Busy": "no usable answer",
        "OutcomeUnknown": "an answer that got lost",
        "TokenRefused": "that it refuses the token",
        "Rejected": "that it refuses the renewal",
        "GrantDead": "that the sign-in has ended",
        "Misconfigured": "that our app is at fault",
        "accounts_only": "that only the account's own access still works",
    }.get(grant.last_outcome, NOT_ASKED)
    return f"{words}, {moment(grant.checked_at)}" if grant.checked_at and words != NOT_ASKED else words


def permissions(card: AccountProfile) -> list[str]:
    """Return what was granted against what is needed: what works, what doesn't, and why."""
    app, lost = card.app, {scope.name for scope in card.missing}
    if card.grant is None:
        lost = {scope.name for scope in app.scopes}
    able = [ability(card.platform, c) for c in Capability if c in card.can]
    if card.diagnosis.broken:
        until = "until it's reconnected" if card.diagnosis.remedy is Remedy.RECONNECT else "right now"
        lines = [f"Can't do anything {until}."]
    else:
        lines = [f"Can {kit.listed(able)}."] if able else []
        lines += [f"Can't {ability(card.platform, one)}: {why}." for one, why in _lacking(card, lost)]
    granted = sum(scope.name not in lost for scope in app.scopes)
    lines.append(f"Granted {granted} of {len(app.scopes)} permissions.")
    lines += [f"Not granted: to {scope.reason}." for scope in card.missing]
    return lines


def _lacking(card: AccountProfile, lost: Collection[str]) -> Iterator[tuple[Capability, str]]:
    """Yield what the account can't do although its app asks for it, and why."""
    for one in Capability:
        needs = [scope.name for scope in card.app.scopes if one in scope.unlocks]
        if needs and one not in card.can:
            refused = any(name in lost for name in needs)
            yield one, "the permission wasn't granted" if refused else "the role there doesn't allow it"


def _fixes(card: AccountProfile, role: Role) -> list[Json]:
    """Return the button for the one fix, and the platform's page where it begins there."""
    found, buttons = card.diagnosis, []
    if found.remedy is Remedy.RECONNECT and allows(role, Permission.CONNECT_ACCOUNTS):
        buttons.append(account_views.reconnect_button(card))
    page = found.site or card.account.url
    if page:
        buttons.append(kit.link(f"Open {card.platform.name}", "account.open", page))
    return buttons


def small_print(card: AccountProfile, found: Diagnosis) -> str:
    """Return the codes and ids, for operators and support."""
    grant = card.grant
    facts = [f"code {found.code}" if found.code else "", card.account.id]
    if grant is not None:
        answer = f"{grant.last_outcome} {grant.last_error_code}".strip()
        last = f"last answer {answer}" if answer else ""
        facts += [grant.id, f"generation {grant.generation}", last]
    return " · ".join(filter(None, facts))
