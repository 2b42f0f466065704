"""Submitted posts: the card with the decision, the forms behind its buttons, and what the author is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services.permissions import Permission
from bot.services.posts.drafts import Extra
from bot.services.posts.errors import ProblemsError
from bot.views import kit
from bot.views.kit import Message
from bot.views.paging import Turning
from bot.views.publishing.composer import TIMES, unsuited
from bot.views.publishing.problems import sentence
from bot.views.times import moment
from storage.models import SubmissionStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adapters.base import Platform
    from bot.services.access import Actor
    from bot.services.posts.drafts import Written
    from bot.services.posts.errors import TimeFault, UnsuitedError
    from bot.services.posts.submissions import SubmissionPage, SubmissionReport
    from bot.views.kit import Json

    PlatformOf = Callable[[str], Platform]

STORY, RETURN, PUBLISH = "submissions", "Return post", "Publish post"
REASON, WHEN = "reason", "when"
MOST_TEXT, MOST_PART, EXCERPT = 2500, 1000, 150
"""Characters on a card, where a post can be judged: of its text, and of each other one; and where it is only named."""
PARTS_SHOWN = 30
MOST_REASON = 500
ACCOUNTS_NAMED, PROBLEMS_SHOWN = 8, 5


def card(one: SubmissionReport, platform: PlatformOf) -> Message:
    """Return the card: what is to be published, and the decision, or what has been decided."""
    who = kit.named(one.author)
    match one.status:
        case SubmissionStatus.WAITING:
            text = "A post is waiting for approval"
            blocks = [kit.section(f"📝 {who} would like to publish this:"), *_shown(one, platform)]
            return Message(text=text, blocks=[*blocks, _buttons(one), _fine_print()])
        case SubmissionStatus.PUBLISHED:
            text, said = "Approved", f"✅ {kit.named(one.decided_by)} approved {who}'s post."
        case SubmissionStatus.RETURNED:
            text, said = "Returned", f"↩️ {kit.named(one.decided_by)} returned {who}'s post{_because(one)}"
    return Message(text=text, blocks=[kit.section(said), kit.section(_quoted(one))])


def decided(one: SubmissionReport, _platform: PlatformOf) -> Message:
    """Return what the author is told."""
    by, quoted = kit.named(one.decided_by), kit.section(_quoted(one))
    if one.status == SubmissionStatus.PUBLISHED:
        said = f"✅ {by} approved your post. You'll hear what becomes of it."
        return Message(text="Your post was approved", blocks=[kit.section(said), quoted])
    said = f"↩️ {by} returned your post{_because(one)} It's your draft again, with everything you wrote."
    go_on = kit.button("Continue", "compose.continue", f"{one.organization_id}/{one.draft_id}")
    return Message(text="Your post was returned", blocks=[kit.section(said), quoted, kit.actions(go_on)])


def _because(one: SubmissionReport) -> str:
    """Return why a post was returned, as the end of a sentence."""
    return f": _{kit.escape(' '.join(one.reason.split()))}_" if one.reason else "."


def _quoted(one: SubmissionReport) -> str:
    return f">{kit.escape(kit.cut(one.written.text, EXCERPT)) or '_No text_'}"


def _shown(one: SubmissionReport, platform: PlatformOf) -> list[Json]:
    """Return everything that a post says, where it goes and when."""
    parts = list(_parts(one.written))
    blocks = [kit.words(kit.cut(one.written.text, MOST_TEXT) or "No text")]
    blocks += [kit.words(kit.cut(part, MOST_PART)) for part in parts[:PARTS_SHOWN]]
    if len(parts) > PARTS_SHOWN:
        blocks.append(kit.fine_print(f"and {len(parts) - PARTS_SHOWN} more texts"))
    return [*blocks, _facts(one, platform)]


def _parts(written: Written) -> Iterator[str]:
    """Yield what a post says besides its text; what is the same on several accounts once."""
    if written.link:
        yield f"Link: {written.link}"
    if written.first_comment:
        yield f"First comment: {written.first_comment}"
    said: dict[str, None] = {}
    for account_id in written.accounts:
        details = written.of(account_id)
        said |= {f"Title: {details.title}": None} if details.title else {}
        said |= {f"Another text: {details.own_text}": None} if details.own_text else {}
        said |= {f"Thread, part {number}: {part.text}": None for number, part in enumerate(details.thread, 2)}
    yield from said


def _facts(one: SubmissionReport, platform: PlatformOf) -> Json:
    named = [f"{name} ({platform(key).name})" for name, key in one.accounts]
    facts = [kit.escape(kit.some(named, ACCOUNTS_NAMED)) or "No account"]
    if files := one.written.media:
        facts.append(f"{len(files)} {'file' if len(files) == 1 else 'files'}")
    if Extra.NEXT_SLOT in one.written.extras:
        facts.append("at the next free time")
    else:
        facts.append(moment(one.written.due_at) if one.written.due_at else "as soon as it's approved")
    return kit.section(" · ".join(facts))


def _buttons(one: SubmissionReport, about: str = "") -> Json:
    value = f"{one.organization_id}/{one.id}{about}"
    return kit.actions(
        kit.button("Publish", f"{STORY}.publish", value, style="primary"),
        kit.button("Return", f"{STORY}.return", value),
    )


def _fine_print() -> Json:
    return kit.fine_print("Any admin or owner can decide.")


def listed(page: SubmissionPage, actor: Actor, platform: PlatformOf) -> Message:
    """Return a page of the posts that wait, with the decision for those who may take it."""
    total = page.at.total
    text = f"{actor.organization}: {kit.posts(total)} waiting for approval"
    if not total:
        text = f"{actor.organization}: No post is waiting for approval."
    blocks = [kit.words(text)]
    for one in page.submissions:
        blocks += [kit.section(f"By {kit.named(one.author)}\n{_quoted(one)}"), _facts(one, platform)]
        if actor.may(Permission.PUBLISH):
            blocks.append(_buttons(one, f":{page.at.number}"))
    value = f"{actor.organization_id}/"
    turning = Turning(number=page.at.number, of=page.at.pages, story=STORY, value=value)
    return Message(text=text, blocks=[*blocks, *turning.blocks()])


def return_form(one: SubmissionReport, metadata: str) -> Json:
    """Return the form that asks why a post is returned."""
    element: Json = {
        "type": "plain_text_input",
        "action_id": f"{STORY}.reason",
        "multiline": True,
        "max_length": MOST_REASON,
    }
    return kit.modal(
        RETURN,
        [
            kit.section(_quoted(one)),
            kit.entry(REASON, "What should change?", element, hint="Its author reads this."),
        ],
        callback_id=f"{STORY}.returned",
        submit="Return",
        metadata=metadata,
    )


def returned(one: SubmissionReport) -> Json:
    """Return what is shown when a post was returned."""
    return kit.modal(RETURN, [kit.section(f"↩️ Returned. I've told {kit.named(one.author)} why.")])


def time_form(one: SubmissionReport, fault: TimeFault, metadata: str) -> Json:
    """Return the form that asks for another time, because the one that the author chose is over."""
    element: Json = {"type": "datetimepicker", "action_id": f"{STORY}.when"}
    was = f" It was to go out {moment(one.written.due_at)}." if one.written.due_at else ""
    hint = "In your own time zone. Leave it empty to publish now."
    return kit.modal(
        PUBLISH,
        [
            kit.words(f"⚠️ {TIMES[fault]}"),
            kit.section(f"{_quoted(one)}\n{was}"),
            kit.entry(WHEN, "When", element, hint=hint, optional=True),
        ],
        callback_id=f"{STORY}.timed",
        submit="Publish",
        metadata=metadata,
    )


def published() -> Json:
    """Return what is shown when a post was approved at another time."""
    return kit.modal(PUBLISH, [kit.words("✅ Approved. The post's own message says what becomes of it.")])


def refused_modal(error: ProblemsError | UnsuitedError) -> Json:
    """Return the same as `refused`, for those who chose another time."""
    return kit.modal(PUBLISH, refused(error).blocks)


def refused(error: ProblemsError | UnsuitedError) -> Message:
    """Return why a post can't be published as it is; nothing was decided."""
    if isinstance(error, ProblemsError):
        lines = list(
            dict.fromkeys(
                sentence(problem, one.candidate.profile.platform, one.candidate.facts)
                for one in error.found
                for problem in one.problems
            )
        )
    else:
        lines = unsuited(error.found)
    text = "This post can't be published as it is, so nothing was decided. Return it, so that its author can change it:"
    return Message(
        text=text, blocks=[kit.words(text), *(kit.words(f"⚠️ {line}") for line in lines[:PROBLEMS_SHOWN])]
    )
