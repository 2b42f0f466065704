"""The workspaces and Grid organizations where the app is installed, with sealed bot tokens. System sessions only."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import BindParameter, bindparam
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
_IDS: BindParameter[Sequence[str]] = bindparam("ids", expanding=True)
_INSTALLED = select(Installation).where(
    col(Installation.slack_id).in_(_IDS), col(Installation.uninstalled_at).is_(None)
)
_INSTALLATION = select(Installation).where(col(Installation.slack_id) == bindparam("asked"))


def bot_token(vault: Vault, installation: Installation) -> Secret:
    """Return an installation's bot token.

    Raises:
        LookupError: The app was uninstalled, and its token destroyed.

    """
    if installation.bot_token_sealed is None:
        raise LookupError("the app was uninstalled, its token is gone")
    return _open(vault, installation, "bot_token_sealed", installation.bot_token_sealed)


def _open(vault: Vault, installation: Installation, column: str, sealed: bytes) -> Secret:
    return vault.open(sealed, table="installation", column=column, organization=None, row=installation.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledApp:
    """An installation as Slack describes it."""

    slack_id: str
    """The workspace's id, or the Grid organization's for an org-wide installation."""
    team_id: str | None
    enterprise_id: str | None
    name: str
    app_id: str
    bot_user_id: str
    scopes: Sequence[str]
    installed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BotTokenPair:
    """A bot token, and what refreshes it where token rotation is on."""

    access: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None


class Installations:
    """The workspaces and Grid organizations where the app is installed, with their tokens."""

    def __init__(self, session: AsyncSession, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    async def save(self, app: InstalledApp, tokens: BotTokenPair) -> Installation:
        """Return the installation, new or updated; one that was uninstalled is installed again.

        If it is saved twice at once, both calls succeed and the tokens of the later one are kept.
        """
        values: dict[str, Any] = asdict(app) | {"scopes": list(app.scopes)}
        slack_id = values.pop("slack_id")
        fresh = Installation(slack_id=slack_id, **values)
        known = insert_once(self._session, Installation).values(**fresh.model_dump())
        upsert = known.on_conflict_do_update(
            index_elements=["slack_id"],
            set_={**values, "installed_at": fresh.installed_at, "uninstalled_at": None},
        )
        rows = await self._session.exec(upsert.returning(Installation), execution_options=_FRESH)
        installation: Installation = rows.scalar_one()
        await self.rotate(installation, tokens)
        return installation

    async def find(self, team_id: str | None, enterprise_id: str | None) -> Installation | None:
        """Return the workspace's own installation, else its Grid organization's, else None."""
        ids = [each for each in (team_id, enterprise_id) if each]
        by_id = {each.slack_id: each for each in await self._session.exec(_INSTALLED, params={"ids": ids})}
        return next((by_id[each] for each in ids if each in by_id), None)

    async def get(self, slack_id: str) -> Installation | None:
        """Return the installation of this workspace or Grid organization, also an uninstalled one."""
        return (await self._session.exec(_INSTALLATION, params={"asked": slack_id})).first()

    def refresh_token(self, installation: Installation) -> Secret | None:
        """Return the token that refreshes the bot token; None where token rotation is off."""
        if installation.refresh_token_sealed is None:
            return None
        return _open(self._vault, installation, "refresh_token_sealed", installation.refresh_token_sealed)

    async def rotate(self, installation: Installation, tokens: BotTokenPair) -> bool:
        """Store newer tokens; return False if the app was uninstalled since the installation was read."""
        rotated = (
            update(Installation)
            .where(col(Installation.id) == installation.id, col(Installation.uninstalled_at).is_(None))
            .values(
                token_expires_at=tokens.expires_at,
                rotating_until=None,
                **self._sealed(installation.id, tokens),
            )
            .returning(Installation)
        )
        rows = await self._session.exec(rotated, execution_options=_FRESH | _UNSYNCHRONIZED)
        return rows.scalar_one_or_none() is not None

    def _sealed(self, row: str, tokens: BotTokenPair) -> dict[str, bytes | None]:
        columns = {"bot_token_sealed": tokens.access, "refresh_token_sealed": tokens.refresh}
        return {
            column: self._vault.seal(token, table="installation", column=column, organization=None, row=row)
            if token
            else None
            for column, token in columns.items()
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
