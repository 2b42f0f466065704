"""An organization's accounts with everything that a list shows, in one statement if there are no incidents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from sqlalchemy.orm import aliased
from sqlmodel import and_, bindparam, col, exists

from storage.account_labels import labels
from storage.accounts import CONNECTED
from storage.incidents import Incidents
from storage.memberships import Members
from storage.models import Account, Grant, Incident, Membership

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlmodel.ext.asyncio.session import AsyncSession
    from sqlmodel.sql.expression import Select


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One connected account."""

    account: Account
    label: str
    """What it is called among the organization's accounts (`storage.account_labels`)."""
    grant: Grant | None
    connected_by: str | None
    """The Slack user id of the member who connected it; None: they have left."""
    incident: Incident | None
    """The open incident about it."""
    claimed_by: str | None
    """The Slack user id of the member who claimed that incident, unless they have left."""


_connector = aliased(Membership)
_ANY_OPEN = exists().where(
    col(Incident.organization_id) == bindparam("organization_id"), col(Incident.resolved_at).is_(None)
)
# Built once, like the statement it extends.
_LISTED = cast(
    "Select[Account, Grant | None, str | None, bool]",
    CONNECTED.add_columns(col(_connector.user_id), _ANY_OPEN).outerjoin(
        _connector,
        and_(
            col(_connector.id) == col(Account.connected_by),
            col(_connector.organization_id) == col(Account.organization_id),
            col(_connector.ended_at).is_(None),
        ),
    ),
)


class Listings:
    """The accounts of organizations, as a list shows them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def all(self, organization_id: str) -> list[Listing]:
        """Return the connected accounts, by platform and name.

        Incidents, and the members who claimed them, are read only where there are any.
        """
        found = list(await self._session.exec(_LISTED, params={"organization_id": organization_id}))
        about: dict[str, Incident] = {}
        claimers: dict[str | None, str] = {}
        if any(any_open for *_, any_open in found):
            incidents = await Incidents(self._session).all_open(organization_id, lock=False)
            about = {account_id: one for one in incidents for account_id in one.accounts}
            if any(one.claimed_by for one in incidents):
                members = await Members(self._session).all(organization_id)
                claimers = {each.id: each.user_id for each in members}
        called = labels(row[0] for row in found)
        return [
            _listing(row[0], called[row[0].id], row[1], row[2], about.get(row[0].id), claimers)
            for row in found
        ]


def _listing(
    account: Account,
    label: str,
    grant: Grant | None,
    connected_by: str | None,
    incident: Incident | None,
    claimers: Mapping[str | None, str],
) -> Listing:
    return Listing(
        account=account,
        label=label,
        grant=grant,
        connected_by=connected_by,
        incident=incident,
        claimed_by=claimers.get(incident.claimed_by) if incident else None,
    )
