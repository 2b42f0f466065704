"""How many refreshes of each platform ended how, minute by minute. System sessions only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, bindparam
from sqlalchemy import select as columns
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import col, delete, select

from storage.engine.statements import database_time, insert_once, rows
from storage.models import VerdictTally

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.engine.autocommit import AutocommitRunner


class Outcome(StrEnum):
    """How one refresh ended, as the breaker counts it."""

    FRESH = "fresh"
    DEAD = "dead"
    BUSY = "busy"
    """No answer that tells anything."""
    OTHER = "other"
    """Our app was refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a platform's refreshes came to over some minutes."""

    fresh: int
    dead: int
    busy: int
    other: int

    @property
    def total(self) -> int:
        """Every refresh counted."""
        return self.fresh + self.dead + self.busy + self.other


class Minute(FunctionElement[int]):
    """The minute it is at the database: Unix time divided by 60."""

    type = BigInteger()
    inherit_cache = True
    name = "octapost_minute"


@compiles(Minute, "sqlite")
def _minute_sqlite(_element: Minute, _compiler: SQLCompiler, **_kw: Any) -> str:
    return "(CAST(strftime('%s', 'now') AS INTEGER) / 60)"


@compiles(Minute, "postgresql")
def _minute_postgresql(_element: Minute, _compiler: SQLCompiler, **_kw: Any) -> str:
    return "CAST(floor(extract(epoch FROM statement_timestamp()) / 60) AS BIGINT)"


_NOW = columns(Minute().label("minute")).subquery("now")
_RECENT = columns(
    _NOW.c.minute,
    col(VerdictTally.platform),
    col(VerdictTally.minute),
    col(VerdictTally.fresh),
    col(VerdictTally.dead),
    col(VerdictTally.busy),
    col(VerdictTally.other),
).select_from(
    _NOW.outerjoin(
        VerdictTally, col(VerdictTally.minute) >= _NOW.c.minute - bindparam("minutes", type_=BigInteger)
    )
)


async def recent_tallies(
    session: AsyncSession | AutocommitRunner, minutes: int
) -> tuple[int, dict[str, dict[int, Tally]]]:
    """Return the current minute, and what all replicas counted in the last `minutes`, by platform and minute.

    One statement. A minute is Unix time divided by 60, by the database's clock. Needs a system session.
    """
    found = await rows(session, _RECENT, minutes=minutes)
    tallies: dict[str, dict[int, Tally]] = {}
    for _, platform, minute, fresh, dead, busy, other in found:
        if platform is not None:  # the row that only tells the time
            tally = Tally(fresh=fresh, dead=dead, busy=busy, other=other)
            tallies.setdefault(platform, {})[minute] = tally
    return int(found[0][0]), tallies


class Tallies:
    """How many refreshes of each platform ended how, counted by all processes."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def minute(self) -> int:
        """Return the minute it is at the database: Unix time divided by 60."""
        return int((await database_time(self._session)).timestamp() // 60)

    async def count(self, platform: str, minute: int, outcomes: Mapping[Outcome, int]) -> None:
        """Add outcomes to a platform's minute."""
        fresh = insert_once(self._session, VerdictTally).values(
            platform=platform, minute=minute, **{o: outcomes.get(o, 0) for o in Outcome}
        )
        await self._session.exec(
            fresh.on_conflict_do_update(
                index_elements=["platform", "minute"],
                set_={o: getattr(VerdictTally, o) + outcomes.get(o, 0) for o in Outcome},
            ),
            execution_options={"synchronize_session": False},
        )

    async def forget(self, before_minute: int) -> int:
        """Delete what was counted before a minute; return how many rows were deleted."""
        old = delete(VerdictTally).where(col(VerdictTally.minute) < before_minute)
        return (await self._session.exec(old, execution_options={"synchronize_session": False})).rowcount

    async def since(self, platform: str, first_minute: int) -> dict[int, Tally]:
        """Return what all processes counted for a platform since a minute, by minute."""
        counted = select(VerdictTally).where(
            VerdictTally.platform == platform, VerdictTally.minute >= first_minute
        )
        return {
            row.minute: Tally(fresh=row.fresh, dead=row.dead, busy=row.busy, other=row.other)
            for row in await self._session.exec(counted)
        }
