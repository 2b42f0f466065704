"""How many statements the database gets for what happens often."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from storage.refreshes import Refreshes
from tests.stories.test_incidents import ready
from tests.stories.told import grants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.application import Office

MOST = 12
CODE = "190_460"
NOT_COUNTED = ("BEGIN", "COMMIT", "SET LOCAL", "SELECT set_config")
"""Transaction control, and what tells the database for whom a transaction works."""
counted = ContextVar("counted", default=False)
"""Whether a statement comes from the test's own task: the app's loops use the database meanwhile."""


@contextmanager
def statements() -> Iterator[list[str]]:
    """Give the list of the statements that this task runs within the block."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if counted.get() and not statement.startswith(NOT_COUNTED):
            found.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    token = counted.set(True)
    try:
        yield found
    finally:
        counted.reset(token)
        event.remove(Engine, "before_cursor_execute", note)


async def test_the_death_of_a_grant_costs_few_statements_and_reads_the_settings_once(
    either_office: Office,
) -> None:
    await ready(either_office)
    [grant] = await grants(either_office, "x")

    async with either_office.database.system() as session:
        with statements() as found:
            assert await Refreshes(session).dead(grant, CODE)
            await either_office.parts.incidents.grant_died(session, grant, CODE)
            await session.flush()

    assert len(found) <= MOST, "\n".join(found)
    assert len([one for one in found if "FROM alert_settings" in one]) == 1
