"""What `octapost doctor` says: what is offered, what to register where, and what looks wrong."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from slack_sdk.errors import SlackApiError

from bot import app
from bot.ops.start_checks import ROLE_FAULTS
from bot.services.accounts.health import HealthReader
from bot.slack.failures import CALL_FAILED, failure
from bot.views import diagnosis
from bot.views.samples import samples
from storage.key_rotation import remaining

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.settings import Settings

RATE_LIMITED = "ratelimited"
MOST_WAITS, UNTOLD_WAIT = 5, timedelta(seconds=30)
"""How often a rate limit is waited for, and how long where Slack doesn't say: its limits are by the minute."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """What Slack said about the samples of our views."""

    asked: int
    refused: list[str]
    """Each fault: the view, the place in it, and what is wrong."""


class SlackDidNotAnswer(Exception):
    """Slack refused to validate, or could not be reached. Its code says why."""


async def validate(settings: Settings) -> Validated:
    """Ask Slack's `blocks.validate` about a sample of everything that we show. It takes no token.

    https://docs.slack.dev/reference/methods/blocks.validate (read 2026-11-30).

    Raises:
        SlackDidNotAnswer: It said nothing about a sample.

    """
    asked, refused = 0, []
    async with app.parts_of(settings, write=False) as parts:
        client = parts.slack_clients.without_token()
        for sample in samples(settings.platforms()):
            asked += 1
            errors = await _errors(client, {sample.surface.value: json.dumps(sample.payload)})
            refused += [f"{sample.name} {each.get('pointer')}: {each.get('message')}" for each in errors]
    return Validated(asked=asked, refused=refused)


async def _errors(client: AsyncWebClient, form: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """Return what Slack would refuse in a payload, waiting where it limits us."""
    for left in reversed(range(MOST_WAITS)):
        try:
            await client.api_call("blocks.validate", data=dict(form))
        except CALL_FAILED as error:
            failed = failure(error)
            if errors := error.response.get("errors") if isinstance(error, SlackApiError) else None:
                return list(errors)
            if failed.code != RATE_LIMITED or not left:
                raise SlackDidNotAnswer(failed.code) from None
            await asyncio.sleep((failed.retry_after or UNTOLD_WAIT).total_seconds())
        else:
            return []
    raise AssertionError
