"""The composer: the form in which a post is written, and what is still missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.base import Defect, OptionKind
from bot.services.posts.composing import TimeFault, Unsuited
from bot.services.posts.drafts import Details
from bot.views import diagnosis, kit
from bot.views.publishing import attachments
from bot.views.publishing.platforms import choice_label, option_label
from bot.views.publishing.problems import sentence
from bot.views.times import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from adapters.base import Option, Problem, PublishingFacts
    from bot.services.posts.composing import Candidate
    from bot.services.posts.drafts import Written
    from bot.views.kit import Json

TITLE = "New post"
TEXT, ACCOUNTS, WHEN = "text", "accounts", "when"
PLACE, HEADING = "place", "title"
MOST_TEXT = 3000
"""Characters that Slack takes in one field."""
IN_TEXT = frozenset({"text", "hashtags", "mentions"})
"""The fields of problems that a member solves by changing the text."""
MOST_OPTIONS = 100
UNSUITED_SHOWN = 10
TIMES = {
    TimeFault.PAST: "That time has passed. Choose a later one, or clear it to publish now.",
    TimeFault.TOO_FAR: "Choose a time within the next twelve months.",
}


def form(
    candidates: Sequence[Candidate],
    written: Written,
    metadata: str,
    *,
    may_attach: bool,
    alerts: Sequence[str] = (),
    turn: int = 0,
) -> Json:
    """Return the form with what has been written so far. `metadata` names the organization and the draft.

    `may_attach`: the workspace lets the app read files; `alerts`: what is wrong with what was sent;
    `turn`: how often the form was shown before.
    """
    able = [one for one in candidates if one.unsuited is None]
    blocks = [attachments.alert(text) for text in alerts]
    blocks.append(_text(written.text))
    blocks += attachments.files(written, metadata, turn, allowed=may_attach)
    if able:
        blocks.append(_accounts(able, written.accounts))
    blocks.append(
        kit.entry(
            WHEN,
            "When",
            {"type": "datetimepicker", "action_id": "compose.when"}
            | ({"initial_date_time": int(written.due_at.timestamp())} if written.due_at else {}),
            hint="In your own time zone. Leave it empty to publish now.",
            optional=True,
        )
    )
    blocks += _unable([one for one in candidates if one.unsuited is not None])
    return kit.modal(
        TITLE,
        blocks,
        callback_id="compose.written",
        submit="Next" if any(_asks_more(one) for one in able) else "Publish",
        close="Close",
        metadata=metadata,
    )


def no_accounts(candidates: Sequence[Candidate]) -> Json:
    """Return what is shown where no account can take a post."""
    blocks = [kit.words("None of your connected accounts can take a post right now.")]
    if not candidates:
        blocks = [kit.words("Nothing is connected yet. Connect your first account with `/octapost connect`.")]
    return kit.modal(TITLE, [*blocks, *_unable(candidates)])


def _asks_more(one: Candidate) -> bool:
    return one.needs_place or one.needs_title or bool(one.options)


def needs_details(chosen: Sequence[Candidate], written: Written) -> bool:
    """Tell whether something is left to ask after the first form."""
    if any(_asks_more(one) for one in chosen) or attachments.offers_reel(written):
        return True
    return any(one.needs_alt_text for one in chosen) and bool(attachments.described(written))


def unsuited(candidates: Sequence[Candidate]) -> list[str]:
    """Return why each of these accounts can't take the post."""
    return [_reason(one) for one in candidates]


def _reason(one: Candidate) -> str:
    return f"{_name(one)}: {_why(one)}"


def _text(text: str) -> Json:
    element: Json = {
        "type": "plain_text_input",
        "action_id": "compose.text",
        "multiline": True,
        "max_length": MOST_TEXT,
        "dispatch_action_config": {"trigger_actions_on": ["on_character_entered"]},
        "placeholder": kit.plain("What do you want to say?", 150),
    }
    initial = {"initial_value": text[:MOST_TEXT]} if text else {}
    entry = kit.entry(TEXT, "Text", element | initial, optional=True)
    return entry | {"dispatch_action": True}


def _accounts(able: Sequence[Candidate], chosen: Sequence[str]) -> Json:
    options = [_option(one) for one in able[:MOST_OPTIONS]]
    picked = [option for option in options if option["value"] in chosen]
    element: Json = {
        "type": "multi_static_select",
        "action_id": "compose.accounts",
        "placeholder": kit.plain("Choose accounts", 150),
        "options": options,
    }
    return kit.entry(ACCOUNTS, "Accounts", element | ({"initial_options": picked} if picked else {}))


def _name(one: Candidate) -> str:
    return f"{one.profile.label} ({one.profile.platform.name})"


def _option(one: Candidate) -> Json:
    return kit.option(_name(one), one.account_id)


def _unable(candidates: Sequence[Candidate]) -> list[Json]:
    """Return the accounts that can't take the post, each with its reason."""
    if not candidates:
        return []
    lines = [_reason(one) for one in candidates[:UNSUITED_SHOWN]]
    if len(candidates) > UNSUITED_SHOWN:
        lines.append(f"and {len(candidates) - UNSUITED_SHOWN} more")
    return [kit.divider(), kit.fine_print("You can't choose these:", *lines)]


def _why(one: Candidate) -> str:
    match one.unsuited:
        case Unsuited.NEEDS_MEDIA:
            return "needs a picture or video"
        case Unsuited.NO_SUCH_FILES:
            return "doesn't take these files in one post"
        case Unsuited.NOT_YET:
            return "Octapost can't publish there yet"
        case _:
            return diagnosis.status(one.profile.diagnosis)


def details(
    chosen: Sequence[Candidate],
    written: Written,
    facts: dict[str, PublishingFacts],
    problems: dict[str, tuple[Problem, ...]],
    metadata: str,
) -> Json:
    """Return the second form: what single platforms need besides the text. `facts`, `problems`: by account id."""
    blocks: list[Json] = []
    if any(one.needs_alt_text for one in chosen):
        blocks += attachments.alt_texts(written)
    if attachments.offers_reel(written):
        blocks.append(attachments.reel(written))
    in_text: list[str] = []
    for one in chosen:
        said: list[str] = []
        for problem in problems.get(one.account_id, ()):
            its = in_text if problem.field in IN_TEXT else said
            if problem.defect is not Defect.MISSING or problem.field not in _asked(one):
                its.append(sentence(problem, one.profile.platform, facts[one.account_id]))
        if not _asks_more(one) and not said:
            continue
        blocks.append(kit.header(_name(one)))
        if said:
            blocks.append(_warnings(said))
        blocks += _fields(one, written.details.get(one.account_id, Details()))
    if in_text:
        blocks = [_text(written.text), _warnings(dict.fromkeys(in_text)), *blocks]
    return kit.modal(
        TITLE,
        blocks,
        callback_id="compose.detailed",
        submit="Schedule" if written.due_at else "Publish",
        close="Close",
        metadata=metadata,
    )


def _warnings(sentences: Iterable[str]) -> Json:
    return kit.words("\n".join(f"⚠️ {each}" for each in sentences))


def _asked(one: Candidate) -> set[str]:
    """Return the fields that this form asks for."""
    return {
        *([HEADING] if one.needs_title else []),
        *([PLACE] if one.needs_place else []),
        *(option.key for option in one.options),
    }


def _fields(one: Candidate, filled: Details) -> list[Json]:
    blocks: list[Json] = []
    if one.needs_title:
        element: Json = {"type": "plain_text_input", "action_id": "compose.title", "max_length": 300}
        blocks.append(
            kit.entry(
                f"{HEADING}:{one.account_id}",
                "Title",
                element | ({"initial_value": filled.title} if filled.title else {}),
            )
        )
    if one.needs_place:
        element = {"type": "external_select", "action_id": "compose.place", "min_query_length": 0}
        initial = {"initial_option": kit.option(filled.place_name, filled.place)} if filled.place else {}
        blocks.append(
            kit.entry(f"{PLACE}:{one.account_id}", one.profile.platform.place.capitalize(), element | initial)
        )
    blocks += [
        kit.entry(
            f"{option.key}:{one.account_id}",
            option_label(one.profile.platform.key, option.key),
            made,
            optional=not option.required,
        )
        for option in one.options
        if (made := _option_element(one, option, filled)) is not None
    ]
    return blocks


def _option_element(one: Candidate, option: Option, filled: Details) -> Json | None:
    """Return the input for a platform's own field; None where its values are known only to the platform."""
    chosen = filled.options.get(option.key, option.default)
    match option.kind:
        case OptionKind.CHOICE if option.choices:
            made = [
                kit.option(choice_label(one.profile.platform.key, option.key, v), v) for v in option.choices
            ]
            initial = [each for each in made if each["value"] == chosen]
            element: Json = {"type": "static_select", "action_id": "compose.option", "options": made}
            return element | ({"initial_option": initial[0]} if initial else {})
        case OptionKind.SWITCH:
            box = kit.option("Yes", "yes")
            element = {"type": "checkboxes", "action_id": "compose.option", "options": [box]}
            return element | ({"initial_options": [box]} if chosen else {})
        case OptionKind.LINE | OptionKind.WORDS:
            text = ", ".join(chosen) if isinstance(chosen, tuple) else str(chosen or "")
            element = {"type": "plain_text_input", "action_id": "compose.option"}
            return element | ({"initial_value": text} if text else {})
        case _:
            return None


def decided(count: int, due_at: datetime | None, channel: str) -> Json:
    """Return what is shown when the post was decided."""
    many = f"{count} accounts" if count > 1 else "1 account"
    goes = f"It goes out to {many} {moment(due_at)}." if due_at else f"It's on its way to {many}."
    where = (
        f"I'll post the result in <#{channel}>, or message you if I'm not in that channel."
        if channel
        else "I'll send you the result."
    )
    return kit.modal(TITLE, [kit.section(f"✅ {goes} {where}")])
