"""The state of an account, for tests of what a diagnosis makes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from adapters.base import Capability
from bot.services.accounts.diagnosis import AccountState
from storage.models import Account, Grant, GrantStatus
from tests.platforms import PLATFORMS

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def account_state(platform: str = "x", **facts: Any) -> AccountState:
    """Return the state of an account that can publish, on a grant with these facts."""
    grant = Grant(platform=platform, app=platform, **{"status": GrantStatus.HEALTHY} | facts)
    account = Account(
        organization_id="org_1",
        platform=platform,
        app=platform,
        remote_id="1",
        kind="Account",
        name="Mugs",
        connected_by="mem_1",
    )
    return AccountState(
        account=account,
        grant=grant,
        platform=PLATFORMS[platform],
        can=frozenset({Capability.PUBLISH}),
        missing=(),
    )
