"""Writing a post, publishing it, and deciding about what did not go as planned."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from adapters.base import OptionKind, PlatformError
from bot.services.errors import NotFoundError, PostChangedError, PostOutError, Thing
from bot.services.media.intake import Incoming, RefusedFile, Taken
from bot.services.permissions import Permission
from bot.services.posts.composing import ProblemsError, TimeError, UnsuitedError, Where
from bot.services.posts.decisions import Decision
from bot.services.posts.drafts import Details, Written
from bot.slack.plain_text import plain_text
from bot.slack.refusals import BadInputError
from bot.slack.routes import Answer, Done, Kind, OpenModal, Options, Request, UpdateModal, command, on
from bot.views import accounts as account_views
from bot.views import uploads
from bot.views.errors import sentence
from bot.views.publishing import attachments
from bot.views.publishing import composer as views
from storage.engine import time_limit
from storage.models import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapters.base import Option, OptionValue
    from bot.services.accounts.places import PlaceService
    from bot.services.media.intake import Intake
    from bot.services.media.uploading import Uploading
    from bot.services.posts.changing import PostChanges
    from bot.services.posts.composing import Candidate, Composing
    from bot.services.posts.decisions import DeliveryDecider
    from bot.slack.files import SlackFiles

TOPIC = "Posts"
MOST_ALERTS = 10


@dataclass(frozen=True)
class PostsStory:
    """The composer, and the buttons of results."""

    composing: Composing
    decider: DeliveryDecider
    changes: PostChanges
    places: PlaceService
    intake: Intake
    files: SlackFiles
    uploading: Uploading
    public_url: str

    @command(
        "post",
        Permission.PUBLISH,
        hint="[text]",
        topic=TOPIC,
        help="Write a post and publish it on your accounts, now or later.",
        aliases=("publish", "compose"),
        opens=views.TITLE,
    )
    async def write(self, request: Request) -> Answer:
        """Answer `/octapost post [text]` with the form: the text is in it, and the channel's account set chosen."""
        where = _where(request, request.sender.channel_id or "")
        written = await self.composing.begun(request.actor, where, plain_text(request.words))
        return await self._open(request, written)

    @on(Kind.ACTION, "compose.start", Permission.PUBLISH, changes=False, opens=views.TITLE)
    @on(Kind.SHORTCUT, "octapost_compose", Permission.PUBLISH, changes=False, opens=views.TITLE)
    async def start(self, request: Request) -> Answer:
        """Answer the button and the global shortcut with the form: empty, or what the actor was writing."""
        found = await self.composing.latest(request.actor)
        if found is None:
            return await self._open(request, Written())
        written = await self.composing.draft(request.actor, found.id)
        return await self._open(request, written, found.id)

    @on(Kind.ACTION, "compose.continue", Permission.PUBLISH, changes=False, opens=views.TITLE)
    async def go_on(self, request: Request) -> Answer:
        """Answer a draft's Continue with the form, as it was left."""
        draft_id, _ = _about(request)
        return await self._open(request, await self.composing.resume(request.actor, draft_id), draft_id)

    @on(Kind.ACTION, "posts.edit", Permission.PUBLISH, changes=False, opens=views.TITLE)
    async def edit(self, request: Request) -> Answer:
        """Answer a post's Edit with the form, and in it everything that is not out yet."""
        found = await self.changes.open(request.actor, request.target.partition(":")[0])
        return await self._open(request, found.written, found.draft_id)

    @on(Kind.ACTION, "posts.duplicate", Permission.PUBLISH)
    async def duplicate(self, request: Request) -> Answer:
        """Answer a post's Duplicate with the form for another post that says the same."""
        post_id = request.target.partition(":")[0]
        found = await self.changes.duplicate(
            request.actor, post_id, _where(request, request.sender.channel_id)
        )
        return await self._open(request, found.written, found.draft_id)

    async def _open(self, request: Request, written: Written, draft_id: str = "") -> Answer:
        may_attach = await self.files.allowed(request.sender)
        candidates = await self.composing.candidates(request.actor, written, may_attach=True)
        if all(one.unsuited for one in candidates) and not written.media:
            return OpenModal(views.no_accounts(candidates))
        metadata = _metadata(request, draft_id or new_id("drf"))
        return OpenModal(views.form(candidates, written, metadata, may_attach=may_attach))

    async def _again(self, request: Request, written: Written, alerts: Sequence[str]) -> Answer:
        """Show the first form again with everything in it, and what is wrong."""
        may_attach = await self.files.allowed(request.sender)
        candidates = await self.composing.candidates(request.actor, written, may_attach=True)
        metadata = str(request.body["view"]["private_metadata"])
        return UpdateModal(
            views.form(
                candidates,
                written,
                metadata,
                may_attach=may_attach,
                alerts=alerts[:MOST_ALERTS],
                turn=_turn(request) + 1,
            )
        )

    @on(Kind.ACTION, "compose.text", Permission.PUBLISH)
    @on(Kind.ACTION, "compose.accounts", Permission.PUBLISH)
    @on(Kind.ACTION, "compose.when", Permission.PUBLISH)
    async def keep(self, request: Request) -> Answer:
        """Store what is in the form while it is being filled in."""
        draft_id, where = _about(request)
        written = _written(request, await self.composing.draft(request.actor, draft_id))
        # Somebody else's draft, of which no answer tells; or a form that says on submission that it is outdated.
        with suppress(NotFoundError, PostChangedError):
            await self.composing.save(request.actor, draft_id, written, where)
        return Done()

    @on(Kind.ACTION, "compose.upload", Permission.PUBLISH, changes=False, opens=uploads.TITLE)
    async def upload(self, request: Request) -> Answer:
        """Answer "Add large files" with the address of a page for it, made now: no message keeps one."""
        draft_id, where = _about(request)
        written = _written(request, await self.composing.draft(request.actor, draft_id))
        await self.composing.save(request.actor, draft_id, written, where)
        token = await self.uploading.open_link(request.actor, draft_id)
        return OpenModal(uploads.link(f"{self.public_url}/upload/{token}"))

    @on(Kind.SUBMISSION, "compose.written", Permission.PUBLISH)
    async def submit(self, request: Request) -> Answer:
        """Publish, or ask for what single platforms need besides."""
        draft_id, where = _about(request)
        if views.TEXT not in request.state:
            raise NotFoundError(Thing.FORM)
        written = _written(request, await self.composing.draft(request.actor, draft_id))
        try:
            await self.composing.save(request.actor, draft_id, written, where)
        except PostChangedError as error:
            return await self._again(request, written, [sentence(error)])
        if not written.accounts:
            raise BadInputError("Choose at least one account.", field=views.ACCOUNTS)
        attached = _attached(request)
        with time_limit.unlimited():  # files take longer than a request may: the form is filled afterwards
            return await self._continue(request, written, attached)

    async def _continue(
        self, request: Request, written: Written, attached: Sequence[Mapping[str, Any]]
    ) -> Answer:
        """Take in the files, then publish or ask for what is missing; on a fault show the form again."""
        draft_id, where = _about(request)
        taken = [await self.intake.take(request.actor, self._incoming(request, one)) for one in attached]
        if stored := [one.media for one in taken if isinstance(one, Taken)]:
            written = replace(written, media=written.media + tuple(stored))
            await self.composing.save(request.actor, draft_id, written, where)
        if refused := [one for one in taken if isinstance(one, RefusedFile)]:
            return await self._again(request, written, attachments.alerts(refused))
        if left := await self.uploading.unfinished(request.actor, draft_id):
            return await self._again(request, written, [uploads.unfinished(one) for one in left])
        if not written.text.strip() and not written.media:
            raise BadInputError("Write something or attach a file.", field=views.TEXT)
        try:
            chosen = await self.composing.chosen(request.actor, written)
            await self.composing.check_time(request.actor, written)
        except UnsuitedError as error:
            return await self._again(request, written, views.unsuited(error.found))
        except TimeError as error:
            raise BadInputError(views.TIMES[error.fault], field=views.WHEN) from None
        if views.needs_details(chosen, written):
            return await self._details(request, chosen, written)
        return await self._publish(request, chosen, written, draft_id, where)

    def _incoming(self, request: Request, file: Mapping[str, Any]) -> Incoming:
        return Incoming(
            name=str(file.get("name") or "The file"),
            read=partial(self.files.read, request.sender, str(file.get("id", ""))),
            most=attachments.MOST_BYTES,
            alt_text=str(file.get("alt_txt") or ""),
        )

    @on(Kind.SUBMISSION, "compose.detailed", Permission.PUBLISH)
    async def submit_details(self, request: Request) -> Answer:
        """Publish with what the second form asked for."""
        draft_id, where = _about(request)
        before = _written(request, await self.composing.resume(request.actor, draft_id))
        written = _described(request, before)
        accounts = await self.composing.candidates(request.actor, written)
        filled = {
            one.account_id: _details(request, one, written)
            for one in accounts
            if one.account_id in written.accounts
        }
        written = replace(written, details=filled)
        await self.composing.save(request.actor, draft_id, written, where)
        try:
            chosen = await self.composing.chosen(request.actor, written)
        except UnsuitedError as error:
            return await self._again(request, written, views.unsuited(error.found))
        return await self._publish(request, chosen, written, draft_id, where)

    @on(Kind.OPTIONS, "compose.place", Permission.PUBLISH, changes=False)
    async def place(self, request: Request) -> Answer:
        """Answer the typeahead of places inside an account."""
        account_id = str(request.body.get("block_id", "")).partition(":")[2]
        found = await self.places.search(request.actor, account_id, request.words)
        return Options(account_views.place_options(found))

    async def _publish(
        self, request: Request, chosen: list[Candidate], written: Written, draft_id: str, where: Where
    ) -> Answer:
        try:
            post = await self.composing.publish(request.actor, draft_id, written, where)
        except ProblemsError:
            return await self._details(request, chosen, written)
        except TimeError as error:
            field = views.WHEN if views.WHEN in request.state else None
            raise BadInputError(views.TIMES[error.fault], field=field) from None
        except (PostChangedError, PostOutError) as error:
            return await self._again(request, written, [sentence(error)])
        return UpdateModal(views.decided(len(chosen), written.due_at, post.channel))

    async def _details(self, request: Request, chosen: list[Candidate], written: Written) -> Answer:
        """Ask for what single platforms need besides the text, and say what is wrong with it."""
        for one in chosen:
            if one.needs_place:
                with suppress(PlatformError):  # then the list that is stored has to do
                    await self.places.count(request.actor, one.profile.account, one.profile.grant)
        found = self.composing.problems(chosen, written)
        return UpdateModal(
            views.details(
                chosen,
                written,
                {one.account_id: self.composing.facts(one) for one in chosen},
                {one.candidate.account_id: one.problems for one in found},
                str(request.body["view"]["private_metadata"]),
            )
        )

    @on(Kind.ACTION, f"post.{Decision.PUBLISH}", Permission.PUBLISH)
    async def publish(self, request: Request) -> Answer:
        """Send a delivery now."""
        return await self._decide(request, Decision.PUBLISH)

    @on(Kind.ACTION, f"post.{Decision.CANCEL}", Permission.PUBLISH)
    async def cancel(self, request: Request) -> Answer:
        """Cancel a delivery."""
        return await self._decide(request, Decision.CANCEL)

    @on(Kind.ACTION, f"post.{Decision.LIVE}", Permission.PUBLISH)
    async def live(self, request: Request) -> Answer:
        """Store that the actor saw it live."""
        return await self._decide(request, Decision.LIVE)

    @on(Kind.ACTION, f"post.{Decision.NOT_LIVE}", Permission.PUBLISH)
    async def not_live(self, request: Request) -> Answer:
        """Send what the actor did not see."""
        return await self._decide(request, Decision.NOT_LIVE)

    @on(Kind.ACTION, f"post.{Decision.LOOK}", Permission.PUBLISH)
    async def look(self, request: Request) -> Answer:
        """Look at the platform once more."""
        return await self._decide(request, Decision.LOOK)

    async def _decide(self, request: Request, decision: Decision) -> Answer:
        await self.decider.decide(request.actor, request.target, decision)
        return Done()


def _metadata(request: Request, draft_id: str) -> str:
    """Return what the form carries: the organization, the draft, and the channel where it was begun."""
    return f"{request.actor.organization_id}/{draft_id}:{request.sender.channel_id}"


def _about(request: Request) -> tuple[str, Where]:
    """Return the draft that a form is about, and where it was begun."""
    draft_id, _, channel = request.target.partition(":")
    if not draft_id.startswith("drf_"):
        raise NotFoundError(Thing.FORM)
    return draft_id, _where(request, channel)


def _where(request: Request, channel: str) -> Where:
    """Return the channel if people share it; a direct message is nowhere."""
    shared = channel.startswith(("C", "G"))
    return Where(slack_id=request.sender.team_id if shared else "", channel=channel if shared else "")


def _turn(request: Request) -> int:
    """Return how often the form was shown before."""
    turns = (block.partition(":") for block in request.state)
    return max(
        (int(turn) for name, _, turn in turns if name in attachments.COUNTED and turn.isdecimal()), default=0
    )


def _attached(request: Request) -> Sequence[Mapping[str, Any]]:
    """Return the files that were attached in the form."""
    found: Sequence[Mapping[str, Any]] = (
        request.typed(f"{attachments.FILES}:{_turn(request)}").get("files") or []
    )
    return found


def _unticked(request: Request) -> list[str]:
    """Return the keys of the files that the form shows and that are to be left out.

    Only what it shows can be left out: more may have arrived on the upload page meanwhile.
    """
    block_id = f"{attachments.KEPT}:{_turn(request)}"
    kept = request.typed(block_id).get("selected_options")
    if kept is None:
        return []
    blocks = request.body["view"]["blocks"]
    shown = [block["element"]["options"] for block in blocks if block.get("block_id") == block_id]
    keys = [str(option["value"]) for options in shown for option in options]
    return [key for key in keys if key not in {str(option["value"]) for option in kept}]


def _written(request: Request, before: Written) -> Written:
    """Return what is in the form. What it does not show stays as it was."""
    at = request.typed(views.WHEN).get("selected_date_time")
    accounts = [
        str(option["value"]) for option in request.typed(views.ACCOUNTS).get("selected_options") or ()
    ]
    unticked = _unticked(request)
    due_at = datetime.fromtimestamp(int(at), UTC) if at else None
    return replace(
        before,
        media=tuple(one for one in before.media if one.key not in unticked),
        left_out=tuple(dict.fromkeys((*before.left_out, *unticked))),
        text=str(request.typed(views.TEXT).get("value") or "")
        if views.TEXT in request.state
        else before.text,
        accounts=tuple(accounts) if views.ACCOUNTS in request.state else before.accounts,
        due_at=due_at if views.WHEN in request.state else before.due_at,
    )


def _described(request: Request, written: Written) -> Written:
    """Return the post with what the second form says about its files."""
    media = list(written.media)
    for index, one in enumerate(media):
        block = f"{attachments.ALT}:{index}"
        if block in request.state:
            media[index] = replace(one, alt_text=str(request.typed(block).get("value") or ""))
    reel = request.typed(attachments.REEL)
    asked = bool(reel.get("selected_options")) if reel else written.reel
    return replace(written, media=tuple(media), reel=asked)


def _details(request: Request, one: Candidate, written: Written) -> Details:
    """Return what the second form says about one account."""
    before = written.details.get(one.account_id, Details())
    place = request.typed(f"{views.PLACE}:{one.account_id}").get("selected_option") or {}
    options = {option.key: _chosen(request, option, one) for option in one.options}
    return replace(
        before,
        title=str(request.typed(f"{views.HEADING}:{one.account_id}").get("value") or ""),
        place=str(place.get("value") or ""),
        place_name=str((place.get("text") or {}).get("text") or ""),
        options={key: value for key, value in options.items() if value is not None},
    )


def _chosen(request: Request, option: Option, one: Candidate) -> OptionValue | None:
    """Return what was chosen for a platform's own field; None: nothing."""
    typed = request.typed(f"{option.key}:{one.account_id}")
    match option.kind:
        case OptionKind.CHOICE:
            return (typed.get("selected_option") or {}).get("value")
        case OptionKind.SWITCH:
            return bool(typed.get("selected_options")) if "selected_options" in typed else None
        case OptionKind.WORDS:
            words = [word.strip() for word in str(typed.get("value") or "").split(",")]
            return tuple(filter(None, words)) or None
        case _:
            return typed.get("value") or None
