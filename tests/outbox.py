"""Rows of the outbox as tests need them: a plain text, or a whole message as older releases stored it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import col, update

from bot.services.incidents.incidents import IncidentService
from bot.services.incidents.notifications import (
    ReplyText,
)
from bot.slack.sender import Renderer
from storage.models import Notice
from storage.outbox import NewNotice, Notices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlmodel.ext.asyncio.session import AsyncSession

    from bot.services.accounts.catalog import PlatformCatalog
    from storage.engine.db import Database
    from storage.vault import Vault


async def put_text(
    session: AsyncSession, *, key: str, slack_id: str, channel: str, text: str, **more: Any
) -> bool:
    """Put a message that says exactly `text`."""
    facts = ReplyText(text=text).dump()
    new = NewNotice(key=key, slack_id=slack_id, channel=channel, kind=ReplyText.KIND, facts=facts, **more)
    return await Notices(session).put(new)


async def put_body(
    session: AsyncSession, *, key: str, slack_id: str, channel: str, body: Mapping[str, Any], **more: Any
) -> None:
    """Put a whole message, as releases did that stored no kinds."""
    await put_text(session, key=key, slack_id=slack_id, channel=channel, text="", **more)
    old = update(Notice).where(col(Notice.key) == key).values(kind="", facts={}, body=dict(body))
    await session.exec(old, execution_options={"synchronize_session": False})


def renderer_of(database: Database, catalog: PlatformCatalog, vault: Vault) -> Renderer:
    """Return a renderer that reads cards, requests and digests as the product does."""
    return Renderer(database, catalog.platform, IncidentService(catalog, vault).readers)


async def rendered(renderer: Renderer, notice: Notice) -> dict[str, Any]:
    """Return what the sender would send for a row now."""
    body = await renderer.body(notice)
    assert body is not None, f"{notice.key}: nothing left to say"
    return body
