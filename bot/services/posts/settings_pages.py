"""The settings of one account's post, chosen on a page in the browser: TikTok's audit wants such a page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adapters.base import OptionKind
from bot.services.acting import acting
from bot.services.errors import NotFoundError, Thing
from bot.services.permissions import Permission
from bot.services.posts.drafts import dump, load, with_uploads
from bot.services.posts.formats import contents_for
from storage.drafts import Drafts
from storage.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.base import Content, Live, Media, Option, OptionValue, Problem
    from bot.services.media.library import MediaLibrary
    from bot.services.posts.candidates import Candidate
    from bot.services.posts.composing import Composing
    from bot.services.posts.draft_pages import FormWatch, Visit
    from bot.services.posts.drafts import Details, Written
    from storage.engine.db import Database
    from storage.models import StoredFile


@dataclass(frozen=True, slots=True, kw_only=True)
class PostSettings:
    """What the page shows."""

    organization: str
    candidate: Candidate
    details: Details
    content: Content
    """What the account gets, for the preview."""
    problems: tuple[Problem, ...]
    refused: str
    """The code with which the platform would refuse any post now. Empty: it takes posts."""

    @property
    def options(self) -> tuple[Option, ...]:
        """Every field of this format, those included that can't be chosen now."""
        return tuple(one for one in self.candidate.facts.options if self.content.format in one.formats)

    @property
    def live(self) -> Live | None:
        """What the platform said a moment ago; None: it did not answer."""
        return self.details.live


@dataclass(frozen=True)
class SettingsPages:
    """The use cases of the page. Built once, in `bot.publishing`."""

    composing: Composing
    library: MediaLibrary
    forms: FormWatch
    database: Database

    async def open(self, visit: Visit) -> PostSettings | None:
        """Return the settings as they are, after the platform was asked; None: there is no such post any more."""
        link = visit.link
        try:
            written = await self.composing.resume(visit.actor, link.draft_id)
            one = await self._candidate(visit, written)
            if one is None:
                return None
            asked = await self.composing.ask([one], written, anew=True)
            written = await self._fill(visit, asked.of(link.account_id))
        except NotFoundError:
            return None
        return await self._settings(visit, written)

    async def save(self, visit: Visit, chosen: Mapping[str, str]) -> PostSettings | None:
        """Store what was chosen, and return the settings with what is still missing. The form in Slack shows it.

        `chosen`: by the key of the field, a value or that the box is ticked; what can't be chosen is left out.
        """
        shown = await self.open(visit)
        if shown is None:
            return None
        options = _taken(shown, chosen)
        details = replace(shown.details, options=options, browser_turns=shown.details.browser_turns + 1)
        link = visit.link
        try:
            written = await self._fill(visit, details)
        except NotFoundError:
            return None
        await self.forms.changed(link.organization_id, link.draft_id)
        return await self._settings(visit, written)

    async def file(self, visit: Visit, number: int) -> StoredFile | None:
        """Return a file of the post for its preview; None: it has none of this number."""
        try:
            written = await self.composing.resume(visit.actor, visit.link.draft_id)
        except NotFoundError:
            return None
        media: tuple[Media, ...] = written.media
        if not 0 <= number < len(media):
            return None
        return await self.library.find(visit.link.organization_id, media[number].key)

    async def _fill(self, visit: Visit, details: Details) -> Written:
        """Store what the account needs, in a draft that may be changed meanwhile, and return all that is in it.

        Raises:
            NotFoundError: The draft is gone, or something was decided about the post that it changes.

        """
        actor, link = visit.actor, visit.link
        async with acting(self.database, actor, Permission.WRITE_POSTS) as session:
            drafts = Drafts(session)
            found = await drafts.get(actor.organization_id, actor.membership_id, link.draft_id)
            if found is None:
                raise NotFoundError(Thing.DRAFT)
            uploads = await Uploads(session).all(actor.organization_id, link.draft_id)
            written = load(found.written)
            written = replace(written, details={**written.details, link.account_id: details})
            try:
                await drafts.save(
                    actor.organization_id,
                    actor.membership_id,
                    link.draft_id,
                    dump(written),
                    slack_id=found.slack_id,
                    channel=found.channel,
                )
            except LookupError:
                raise NotFoundError(Thing.DRAFT) from None
        return with_uploads(written, uploads)

    async def _candidate(self, visit: Visit, written: Written) -> Candidate | None:
        account_id = visit.link.account_id
        if account_id not in written.accounts:
            return None
        found = await self.composing.candidates(visit.actor, written)
        return next((one for one in found if one.account_id == account_id and one.unsuited is None), None)

    async def _settings(self, visit: Visit, written: Written) -> PostSettings | None:
        one = await self._candidate(visit, written)
        contents = contents_for(one.facts, written, one.account_id) if one is not None else ()
        if one is None or not contents:
            return None
        found = self.composing.problems([one], written)
        return PostSettings(
            organization=visit.organization,
            candidate=one,
            details=written.of(one.account_id),
            content=contents[0],
            problems=tuple(problem for each in found for problem in each.problems),
            refused=next((each.refused for each in found if each.refused), ""),
        )


def _taken(shown: PostSettings, chosen: Mapping[str, str]) -> dict[str, OptionValue]:
    """Return what was chosen, without what the platform does not offer now or what the other fields forbid."""
    live, facts = shown.live, shown.candidate.facts
    off = live.off if live is not None else frozenset()
    found: dict[str, OptionValue] = {}
    for option in shown.options:
        if option.key in off:
            continue
        if option.kind is OptionKind.SWITCH:
            found[option.key] = option.key in chosen
        elif option.kind is OptionKind.CHOICE and live is not None:
            offered = {one.value for one in live.choices.get(option.key, ())}
            if chosen.get(option.key) in offered:
                found[option.key] = chosen[option.key]
    for key, values in facts.forbidden(found).items():
        if found.get(key) in values:
            del found[key]
    counting = {option.key for option in shown.options if facts.counts(option, found)}
    return {key: value for key, value in found.items() if key in counting}
