"""What `octapost doctor` says: what is offered, what to register where, and what looks wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot import app
from bot.ops.start_checks import ROLE_FAULTS
from bot.services.accounts.health import HealthReader
from bot.views import diagnosis
from storage.key_rotation import remaining

if TYPE_CHECKING:
    from bot.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address of ours, and the field of the console it is entered in."""

    console: str
    field: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What was found in the database."""

    sealed: str
    """The database's kind, and how many values each key seals."""
    troubles: list[str]


def addresses(settings: Settings) -> list[Address]:
    """Return every address to register, console by console. Slack's are those of the manifest."""

    def at(console: str, field: str, path: str) -> Address:
        return Address(console=console, field=field, url=f"{settings.public_url}{path}")

    found = [
        at("Slack", "Request URL (events, commands, interactivity)", "/slack/events"),
        at("Slack", "Redirect URL", "/slack/oauth_redirect"),
        at("Slack", "Redirect URL", "/slack/identity"),
    ]
    for each in settings.platforms().values():
        name = each.platform.name
        found.append(at(name, "Redirect URI", f"/oauth/{each.callback_slug}/callback"))
        found += [at(name, webhook.field, webhook.path) for webhook in each.platform.webhooks]
    return found


async def look(settings: Settings) -> Stored:
    """Open the database and the vault, write nothing, and return what was found."""
    async with app.parts_of(settings, write=False) as parts:
        counts = await remaining(parts.database, parts.vault)
        used = ", ".join(f"key {key}: {rows}" for key, rows in sorted(counts.items()) if rows)
        platform = parts.connecting.catalog.platform
        health = await HealthReader(parts.database).now()
        troubles = [diagnosis.health(each, platform(key)) for key, each in health.items()]
        troubles += [ROLE_FAULTS[fault] for fault in await parts.database.role_faults()]
        return Stored(
            sealed=f"{parts.database.dialect}, sealed values: {used or 'none yet'}", troubles=troubles
        )
