"""Accounts and incidents in one state or another, for tests that need no database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from adapters.base import Capability
from bot.services.accounts.diagnosis import AccountState
from bot.services.incidents.card_facts import IncidentCard
from storage.models import Account, Grant, GrantStatus, Incident, IncidentKind
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


def incident_card(platform: str = "linkedin", *, ends: datetime | None = None) -> IncidentCard:
    """Return the card of an open incident: of a grant that ends then, or that has ended."""
    incident = Incident(
        id="inc_1",
        organization_id="org_1",
        generation=1,
        kind=IncidentKind.NEEDS_RECONNECT if ends is None else IncidentKind.EXPIRING,
        platform=platform,
        accounts={"acc_1": "Ana Ruiz"},
        connected_by="mem_1",
        deadline=ends,
    )
    return IncidentCard(incident=incident, platform=PLATFORMS[platform], organization="Acme", connector=None)
