"""The ways from the forms to pages in the browser, and back: what changes there is shown in the form."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.ops.logs import logger
from bot.services.errors import NotFoundError, PostChangedError, ServiceError, Thing
from bot.services.permissions import Permission
from bot.services.posts.errors import UnsuitedError
from bot.slack.failures import CALL_FAILED, failure
from bot.slack.routes import Answer, Kind, OpenModal, Request, on
from bot.stories.posts.forms import entries_of, page_of
from bot.views import uploads
from bot.views.publishing import settings_page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.services.access import Actor
    from bot.services.posts.composing import Composing
    from bot.services.posts.draft_pages import DraftPages
    from bot.slack.clients import SlackClients
    from bot.stories.posts.forms import Forms
    from storage.models import DraftLink

log = logger(__name__)
TRIES = 3
"""How often a form is drawn that another change of the same draft was faster to draw."""
CHANGED = "hash_conflict"
"""What Slack says of a form that does not show any more what we know of it."""
OVER = frozenset({CHANGED, "not_found", "view_not_found"})
"""What it says of a form that is not ours to draw any more: the person closed it, or went on in it."""


@dataclass(frozen=True)
class DraftPagesStory:
    """The buttons for pages in the browser."""

    composing: Composing
    forms: Forms
    pages: DraftPages
    public_url: str

    @on(Kind.ACTION, "compose.upload", Permission.WRITE_POSTS, changes=False, opens=uploads.TITLE)
    async def upload(self, request: Request) -> Answer:
        """Answer "Add large files" with the address of a page for it, made now: no message keeps one."""
        page = page_of(request)
        written = await self.forms.entered(request, await self.composing.draft(request.actor, page.draft_id))
        with suppress(PostChangedError):  # the page still takes the files
            await self.composing.save(request.actor, page.draft_id, written, page.where)
        token = await self.pages.open(request.actor, page.draft_id, _form(request))
        return OpenModal(uploads.link(f"{self.public_url}/upload/{token}"))

    @on(Kind.ACTION, "compose.settings", Permission.WRITE_POSTS, changes=False, opens=settings_page.TITLE)
    async def settings(self, request: Request) -> Answer:
        """Answer "Choose in the browser" with the address of the page for one account's settings.

        Raises:
            NotFoundError: There is no such draft, or the account is not chosen in it or has no such page.

        """
        page = page_of(request)
        before = await self.composing.resume(request.actor, page.draft_id)
        written = await self.forms.entered(request, before)
        with suppress(PostChangedError):  # publishing says so
            await self.composing.save(request.actor, page.draft_id, written, page.where)
        account_id = str(request.body["actions"][0].get("block_id", "")).partition(":")[2]
        found = await self.forms.suited(request, written)
        one = next((each for each in found if each.account_id == account_id), None)
        if one is None or not one.facts.settings_page:
            raise NotFoundError(Thing.ACCOUNT)
        platform = one.profile.platform
        token = await self.pages.open(
            request.actor, page.draft_id, _form(request), platform=platform.key, account_id=account_id
        )
        url = f"{self.public_url}/compose/{platform.key}/{token}"
        return OpenModal(settings_page.link(url, platform.name))


def _form(request: Request) -> dict[str, Any]:
    """Return what is to be remembered of the form, to draw it again."""
    view = request.body.get("view") or {}
    return {
        "id": str(view.get("id", "")),
        "hash": str(view.get("hash", "")),
        "metadata": str(view.get("private_metadata", "")),
        "turn": entries_of(request).turn,
    }


@dataclass(frozen=True)
class OpenForms:
    """Draws forms again that are open while their draft changes elsewhere (`services.posts.draft_pages.FormWatch`).

    What people have typed stays: Slack keeps the inputs whose names stay, and the draft has the rest.
    """

    composing: Composing
    forms: Forms
    pages: DraftPages
    clients: SlackClients

    async def changed(self, organization_id: str, draft_id: str) -> None:
        """Draw the open forms of a draft again. Does not raise for failures of Slack."""
        for link in await self.pages.open_forms(organization_id, draft_id):
            try:
                await self._show(link)
            except ServiceError as error:  # the member has left, or the draft is gone
                log.info("form.not_drawn", draft=draft_id, code=error.code)
            except CALL_FAILED as error:
                log.info("form.not_drawn", draft=draft_id, code=failure(error).code)

    async def _show(self, link: DraftLink) -> None:
        """Draw one form, unless it was closed, or shows something newer."""
        visit = await self.pages.behind(link)
        client = await self.clients.for_workspace(link.team_id, visit.actor.sender.enterprise_id)
        form: Mapping[str, Any] = link.form
        for _ in range(TRIES):
            view = await self._drawn(visit.actor, link.draft_id, form)
            if view is None:
                return
            try:
                shown = await client.views_update(view_id=form["id"], hash=form["hash"], view=view)
            except CALL_FAILED as error:
                code = failure(error).code
                newer = await self._newer(link, form) if code == CHANGED else None
                if newer is None:
                    if code in OVER:
                        await self.pages.shows(link, {})
                    raise
                form = newer
                continue
            drawn = shown.get("view") or {}
            await self.pages.shows(link, {**form, "hash": str(drawn.get("hash", ""))})
            return

    async def _newer(self, link: DraftLink, form: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the form as another change of the draft has drawn it meanwhile; None: it was the person."""
        known = await self.pages.open_forms(link.organization_id, link.draft_id)
        found = next((one.form for one in known if one.form["id"] == form["id"]), None)
        return found if found is not None and found["hash"] != form["hash"] else None

    async def _drawn(self, actor: Actor, draft_id: str, form: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the form with what is in the draft now; None: not all chosen accounts can take that."""
        written = await self.composing.resume(actor, draft_id)
        parts = str(form["metadata"]).split(":")
        metadata = ":".join(parts[:2])
        if len(parts) < 3:
            return await self.forms.draw_first(actor, written, metadata, turn=int(form["turn"]))
        try:
            chosen = await self.composing.chosen(actor, written)
        except UnsuitedError:
            return None
        found = await self.forms.draw_second(actor, chosen, written, metadata)
        return found[min(int(parts[2]), len(found) - 1)]
