"""Storing a grant's newer tokens: one UPDATE, built once, that can be a transaction of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Float, Integer, LargeBinary, String, bindparam, case, func, null, update
from sqlmodel import SQLModel

from storage.engine.statements import AsJson, Now, now, rows
from storage.models import FRESH, GrantStatus

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.engine.autocommit import AutocommitRunner
    from storage.models import Grant
    from storage.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """Newer tokens for a grant, and when to look at it again."""

    access: str
    refresh: str | None
    """None: the refresh token we have keeps working."""
    access_expires_in: timedelta | None
    refresh_expires_in: timedelta | None
    due_in: timedelta
    scopes: Collection[str] | None = None
    """What the platform says is granted now. None: it said nothing, and nothing changes."""


def _in(name: str) -> ColumnElement[Any]:
    """Return the time so many seconds from now, or NULL when none are given."""
    seconds = bindparam(name, type_=Float)
    return case((seconds.is_(None), null()), else_=Now(seconds))


_GRANTS = SQLModel.metadata.tables["grant_"]
_READ = bindparam("read_generation", type_=Integer)
_RENEW = (
    update(_GRANTS)
    .where(_GRANTS.c.id == bindparam("grant_id", type_=String), _GRANTS.c.generation == _READ)
    .values(
        access_sealed=bindparam("access", type_=LargeBinary),
        refresh_sealed=func.coalesce(bindparam("refresh", type_=LargeBinary), _GRANTS.c.refresh_sealed),
        access_expires_at=_in("access_expires_in"),
        refresh_expires_at=func.coalesce(_in("refresh_expires_in"), _GRANTS.c.refresh_expires_at),
        due_at=Now(bindparam("due_in", type_=Float)),
        scopes=func.coalesce(AsJson(bindparam("scopes", type_=String)), _GRANTS.c.scopes),
        generation=_READ + 1,
        # Newer tokens don't tell whose consent it is: a pending grant stays pending until that is known.
        status=case(
            (_GRANTS.c.status == GrantStatus.PENDING.value, GrantStatus.PENDING.value),
            else_=GrantStatus.HEALTHY.value,
        ),
        reason="",
        last_outcome=FRESH,
        last_error_code="",
        checked_at=now(),
        renewed_at=now(),
        lease_until=None,
        failures=0,
        suspected_at=None,
        in_doubt=False,
    )
    .returning(_GRANTS.c.id)
)
"""Built once: it runs with every refresh."""


async def renew(
    session: AsyncSession | AutocommitRunner, vault: Vault, grant: Grant, renewal: Renewal
) -> bool:
    """Store newer tokens; return False if the grant has been refreshed by another process since it was read.

    One UPDATE, so that it can be a transaction of its own: nothing happens between the platform's answer and the
    commit.
    """
    place: dict[str, Any] = {"table": "grant_", "organization": None, "row": grant.id}
    refresh = renewal.refresh
    stored = await rows(
        session,
        _RENEW,
        grant_id=grant.id,
        read_generation=grant.generation,
        access=vault.seal(renewal.access, column="access_sealed", **place),
        refresh=None if refresh is None else vault.seal(refresh, column="refresh_sealed", **place),
        access_expires_in=_seconds(renewal.access_expires_in),
        refresh_expires_in=_seconds(renewal.refresh_expires_in),
        due_in=renewal.due_in.total_seconds(),
        scopes=None if renewal.scopes is None else json.dumps(sorted(renewal.scopes)),
    )
    return bool(stored)


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()
