"""What the commands about the database do and say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot import app

if TYPE_CHECKING:
    from bot.settings import Settings

NEEDS_OWNER = (
    "The role in OCTAPOST_DATABASE_URL doesn't own the tables. For this command only, set"
    " OCTAPOST_DATABASE_MIGRATION_URL to the same database with the role that does. Nothing changed."
)
ANOTHER_DATABASE = (
    "I upgraded OCTAPOST_DATABASE_MIGRATION_URL, but OCTAPOST_DATABASE_URL is another database."
    " Set both to the same one."
)


async def look_up_what_was_due(settings: Settings) -> int:
    """Let everything that was due be looked up instead of sent, and return how many deliveries that are."""
    async with app.parts_of(settings) as parts:
        return await parts.posts.restoring.restored()
