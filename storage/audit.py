"""The audit trail: who did what. Lines are only ever added; a trigger refuses everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import SQLModel

from storage.engine.statements import change
from storage.models import AuditLine

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

SYSTEM = "system"
"""The actor of what no member did."""
_NEW_LINE = SQLModel.metadata.tables["audit_line"].insert()
"""Built once: a line comes with every change, and as an object of the session it costs three times as much."""


class Audit:
    """One organization's trail."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def write(
        self, organization_id: str, actor: str, action: str, subject: str = "", **details: Any
    ) -> AuditLine:
        """Return the new line. `details` hold ids, codes and counts: never tokens, never members' texts."""
        line = AuditLine(
            organization_id=organization_id, actor=actor, action=action, subject=subject, details=details
        )
        await change(self._session, _NEW_LINE, **line.model_dump())
        return line
