"""Where and when each organization wants to be alerted that a person is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam
from sqlmodel import col, select

from storage.engine.statements import insert_once, now
from storage.models import AlertSettings, Organization

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel.ext.asyncio.session import AsyncSession

_FRESH = {"populate_existing": True}
_SETTINGS = select(AlertSettings).where(col(AlertSettings.organization_id) == bindparam("organization_id"))


class Alerts:
    """The alert settings of organizations."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, organization_id: str) -> AlertSettings:
        """Return the organization's settings; what it never chose is the default."""
        asked = {"organization_id": organization_id}
        with self._session.no_autoflush:  # the session never holds a change of them
            found = await self._session.exec(_SETTINGS, params=asked, execution_options=_FRESH)
        chosen = found.one_or_none()
        return chosen or AlertSettings(organization_id=organization_id)

    async def save(self, organization_id: str, **chosen: Any) -> AlertSettings:
        """Change these columns and return the settings; the last change wins."""
        fresh = AlertSettings(organization_id=organization_id)
        values = fresh.model_dump() | {"digest_sent_at": now()} | chosen
        statement = insert_once(self._session, AlertSettings).values(**values)
        await self._session.exec(
            statement.on_conflict_do_update(index_elements=["organization_id"], set_=chosen)
            if chosen
            else statement.on_conflict_do_nothing()
        )
        return await self.get(organization_id)

    async def set_channel_error(self, organization_id: str, channel_id: str, code: str) -> None:
        """Store why Slack refused a message in the alerts channel; an empty `code`: it was posted."""
        settings = await self.get(organization_id)
        if settings.channel_id != channel_id or settings.channel_error == code:
            return
        since: Any = None
        if code:
            since = settings.channel_error_since or now()
        await self.save(organization_id, channel_error=code, channel_error_since=since)

    async def with_digest(self) -> list[AlertSettings]:
        """Return the settings of living organizations that have a channel and want a digest. System session."""
        found = (
            select(AlertSettings)
            .join(Organization, col(Organization.id) == col(AlertSettings.organization_id))
            .where(
                AlertSettings.channel_id != "",
                AlertSettings.digest != "off",
                col(Organization.deleted_at).is_(None),
            )
        )
        return list(await self._session.exec(found))

    async def claim_digest(self, organization_id: str, before: datetime) -> bool:
        """Store that the digest is sent now; False if another process has sent it since `before`."""
        found = select(AlertSettings).where(
            AlertSettings.organization_id == organization_id, AlertSettings.digest_sent_at == before
        )
        settings = (await self._session.exec(found.with_for_update(), execution_options=_FRESH)).one_or_none()
        if settings is None:
            return False
        await self.save(organization_id, digest_sent_at=now())
        return True
