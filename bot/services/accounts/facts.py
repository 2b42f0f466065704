"""An account's facts, from what its platform showed to what is stored. The one place that maps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.accounts.diagnosis import diagnose, state_of
from bot.services.accounts.problems import CannotPublish
from storage.account_labels import labels
from storage.discoveries import Found
from storage.models import AccountFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.base import RemoteAccount
    from bot.services.accounts.catalog import PlatformCatalog
    from storage.models import Account, Grant

ALREADY_HERE = "already_here"
"""Why an account cannot be chosen, beside the platforms' `Blocker`s: this organization has it."""
NAMED_ALIKE = AccountFacts.model_fields.keys() - {"remote_id", "missing"}
"""The facts that have the same name and type at both ends."""


def found_account(account: RemoteAccount, *, already_here: bool = False) -> Found:
    """Return a discovered account as storage takes it. Only one that can be connected keeps its token."""
    blocker = ALREADY_HERE if already_here else account.blocker or ""
    return Found(
        **{name: getattr(account, name) for name in NAMED_ALIKE},
        remote_id=account.id,
        missing=sorted(account.missing),
        blocker=blocker,
        token=None if blocker else account.token,
    )


def cannot_publish(
    catalog: PlatformCatalog, accounts: Sequence[Account], grant: Grant
) -> tuple[CannotPublish, ...]:
    """Return those accounts that this grant connects without letting us publish, as they are diagnosed."""
    called = labels(accounts)
    diagnoses = {account.id: diagnose(state_of(catalog, account, grant)) for account in accounts}
    return tuple(
        CannotPublish(name=called[account_id], problem=found.problem, scopes=found.scopes)
        for account_id, found in diagnoses.items()
        if found.forbidden
    )
