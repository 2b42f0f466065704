"""How the platforms' refreshes have gone lately, for every page and gauge that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, bindparam
from sqlalchemy import select as columns
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import col

from storage.engine.db import rows
from storage.models import VerdictTally
from storage.refreshes import Tally

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlmodel.ext.asyncio.session import AsyncSession

    from storage.engine.autocommit import AutocommitRunner


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
