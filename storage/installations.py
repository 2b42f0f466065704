"""Where our app is installed, with the sealed bot tokens. System sessions only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import col, or_, select, update

from storage.engine.statements import insert_once, now
from storage.models import Installation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.vault import Secret, Vault

_FRESH = {"populate_existing": True}
_UNSYNCHRONIZED = {"synchronize_session": False}


def bot_token(vault: Vault, installation: Installation) -> Secret:
    """Return an installation's bot token. Raises `LookupError` when it was destroyed."""
    if installation.bot_token_sealed is None:
        raise LookupError("the app was uninstalled, its token is gone")
    return _open(vault, installation, "bot_token_sealed", installation.bot_token_sealed)


def _open(vault: Vault, installation: Installation, column: str, sealed: bytes) -> Secret:
    return vault.open(sealed, table="installation", column=column, organization=None, row=installation.id)


class Installations:
    """Where our app is installed, with the sealed bot tokens. System sessions only."""

    def __init__(self, session: AsyncSession, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    async def save(
        self,
        *,
        slack_id: str,
        team_id: str | None,
        enterprise_id: str | None,
        name: str,
        app_id: str,
        bot_user_id: str,
        scopes: Sequence[str],
        bot_token: str,
        refresh_token: str | None = None,
        token_expires_at: datetime | None = None,
        installed_by: str,
    ) -> Installation:
        """Return the installation, new or renewed; one that was uninstalled is back.

        Two that are saved at once both succeed, and the later one's tokens stay.
        """
        values: dict[str, Any] = {
            "team_id": team_id,
            "enterprise_id": enterprise_id,
            "name": name,
            "app_id": app_id,
            "bot_user_id": bot_user_id,
            "scopes": list(scopes),
            "installed_by": installed_by,
        }
        fresh = Installation(slack_id=slack_id, **values)
        known = insert_once(self._session, Installation).values(**fresh.model_dump())
        upsert = known.on_conflict_do_update(
            index_elements=["slack_id"],
            set_={**values, "installed_at": fresh.installed_at, "uninstalled_at": None},
        )
        rows = await self._session.exec(upsert.returning(Installation), execution_options=_FRESH)
        installation: Installation = rows.scalar_one()
        await self.rotate(installation, bot_token, refresh_token, token_expires_at)
        return installation

    async def find(self, team_id: str | None, enterprise_id: str | None) -> Installation | None:
        """Return the workspace's own installation, else its Grid organization's, else None."""
        ids = [each for each in (team_id, enterprise_id) if each]
        found = select(Installation).where(
            col(Installation.slack_id).in_(ids), col(Installation.uninstalled_at).is_(None)
        )
        by_id = {each.slack_id: each for each in await self._session.exec(found)}
        return next((by_id[each] for each in ids if each in by_id), None)

    async def get(self, slack_id: str) -> Installation | None:
        """Return the installation of this workspace or Grid organization, also an uninstalled one."""
        return (
            await self._session.exec(select(Installation).where(Installation.slack_id == slack_id))
        ).first()

    def refresh_token(self, installation: Installation) -> Secret | None:
        """Return the token that renews the bot token, or None where token rotation is off."""
        if installation.refresh_token_sealed is None:
            return None
        return _open(self._vault, installation, "refresh_token_sealed", installation.refresh_token_sealed)

    async def rotate(
        self,
        installation: Installation,
        bot_token: str,
        refresh_token: str | None,
        expires_at: datetime | None,
    ) -> bool:
        """Store a fresh pair of tokens in place of the old one; False if it was uninstalled meanwhile."""
        rotated = (
            update(Installation)
            .where(col(Installation.id) == installation.id, col(Installation.uninstalled_at).is_(None))
            .values(
                token_expires_at=expires_at,
                rotating_until=None,
                **self._sealed(installation.id, bot_token, refresh_token),
            )
            .returning(Installation)
        )
        rows = await self._session.exec(rotated, execution_options=_FRESH | _UNSYNCHRONIZED)
        return rows.scalar_one_or_none() is not None

    def _sealed(self, row: str, bot_token: str, refresh_token: str | None) -> dict[str, bytes | None]:
        tokens = {"bot_token_sealed": bot_token, "refresh_token_sealed": refresh_token}
        return {
            column: self._vault.seal(token, table="installation", column=column, organization=None, row=row)
            if token
            else None
            for column, token in tokens.items()
        }

    async def uninstall(self, installation: Installation) -> bool:
        """Destroy the tokens and return True, unless that was done or the app was installed again since it was read.

        Slack's two events about a removal may come in either order.
        """
        same = (
            col(Installation.id) == installation.id,
            col(Installation.installed_at) == installation.installed_at,
            col(Installation.uninstalled_at).is_(None),
        )
        ended = (
            update(Installation)
            .where(*same)
            .values(
                bot_token_sealed=None, refresh_token_sealed=None, token_expires_at=None, uninstalled_at=now()
            )
            .returning(Installation)
        )
        rows = await self._session.exec(ended, execution_options=_FRESH | _UNSYNCHRONIZED)
        return rows.scalar_one_or_none() is not None

    async def acquire_rotation_lease(
        self, installation: Installation, lease: timedelta
    ) -> Installation | None:
        """Return the installation if its tokens are the caller's to refresh, for `lease`.

        The refresh token works once, so of all processes one may use it. None if the tokens have changed since
        the installation was read, or another process holds the lease.
        """
        free = or_(col(Installation.rotating_until).is_(None), col(Installation.rotating_until) < now())
        same = col(Installation.token_expires_at) == installation.token_expires_at
        taken = update(Installation).where(col(Installation.id) == installation.id, same, free)
        rows = await self._session.exec(
            taken.values(rotating_until=now(lease)).returning(Installation),
            execution_options=_FRESH | _UNSYNCHRONIZED,
        )
        found: Installation | None = rows.scalar_one_or_none()
        return found

    async def release_rotation_lease(self, installation: Installation) -> None:
        """Let other processes refresh the tokens that `acquire_rotation_lease` returned."""
        ours = update(Installation).where(
            col(Installation.id) == installation.id,
            col(Installation.rotating_until) == installation.rotating_until,
        )
        await self._session.exec(ours.values(rotating_until=None), execution_options=_FRESH | _UNSYNCHRONIZED)
