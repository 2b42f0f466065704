"""The inputs for what single accounts need besides the text. Their block ids are `<field>:<account>[:<more>]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.base import Choice, Format, OptionKind, TextField
from bot.services.posts.candidates import is_live
from bot.services.posts.drafts import ThreadPart
from bot.views import kit
from bot.views.publishing import texts
from bot.views.publishing.platforms import choice_label, option_label, words_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from adapters.base import Live, Media, Option, OptionValue
    from bot.services.posts.candidates import Candidate
    from bot.services.posts.drafts import Details, Written
    from bot.views.kit import Json

HEADING, PLACE, OWN_TEXT, PART, PART_FILES = "title", "place", "own", "part", "part_files"
COVER, COVER_KEPT, AS_DRAFT = "cover", "cover_kept", "draft"
MOST_PARTS = 25
MOST_CHOICES = 100
LISTED = 50
"""The most values that stand in the form itself: three lists of more could be larger than a view may be."""
MOST_LINE = 500


def title(one: Candidate, filled: Details) -> list[Json]:
    """Return the input for a title, where the format has one."""
    rule = one.rule.texts.get(TextField.TITLE) if one.rule is not None else None
    if rule is None:
        return []
    element: Json = {"type": "plain_text_input", "action_id": "compose.title", "max_length": MOST_LINE}
    initial = {"initial_value": filled.title[:MOST_LINE]} if filled.title else {}
    return [kit.entry(f"{HEADING}:{one.account_id}", "Title", element | initial, optional=not rule.required)]


def places(one: Candidate, filled: Details) -> list[Json]:
    """Return the input for places in an account, and the fields of each that was chosen."""
    if not one.needs_place:
        return []
    most, noun = one.facts.places_per_post, one.profile.platform.place
    element: Json = {
        "type": "multi_external_select",
        "action_id": "compose.place",
        "min_query_length": 0,
        "max_selected_items": most,
        "placeholder": kit.plain(f"Find a {noun}", 150),
    }
    chosen = [kit.option(place.name or place.id, place.id) for place in filled.places]
    initial = {"initial_options": chosen} if chosen else {}
    label = noun.capitalize() if most == 1 else f"{noun.capitalize()} (up to {most})"
    blocks = [kit.entry(f"{PLACE}:{one.account_id}", label, element | initial) | {"dispatch_action": True}]
    for place in filled.places:
        if place.live is None:
            continue
        for option in (each for each in one.options if is_live(each)):
            offered = place.live.choices.get(option.key, ())
            name = f"{option_label(one.profile.platform.key, option.key)} in {place.name or place.id}"
            if offered:
                asked = _choice(one, option, offered, place.options.get(option.key))
                blocks.append(
                    kit.entry(
                        f"{option.key}:{one.account_id}:{place.id}",
                        name,
                        asked,
                        optional=option.key not in place.live.required and not option.required,
                    )
                )
    return blocks


def options(one: Candidate, filled: Details) -> list[Json]:
    """Return the inputs for the platform's own fields."""
    above = {option.within for option in one.facts.options if option.within}
    forbidden = one.facts.forbidden(filled.options)
    blocks: list[Json] = []
    for option in one.options:
        if is_live(option) and one.needs_place:
            continue
        left_out = forbidden.get(option.key, {})
        made = _element(one, option, filled, left_out)
        if made is None:
            continue
        platform = one.profile.platform.key
        entry = kit.entry(
            option_block(option.key, one.account_id, filled),
            option_label(platform, option.key),
            made,
            hint=_why_left_out(platform, option.key, left_out)
            or words_of(platform).hints.get(option.key, ""),
            optional=not option.required,
        )
        blocks.append(entry | ({"dispatch_action": True} if option.key in above else {}))
    return blocks


def option_block(key: str, account_id: str, filled: Details) -> str:
    """Return the id of the input for a platform's own field.

    It changes whenever settings were chosen in the browser: a form that was drawn before doesn't undo that.
    """
    turns = f":~{filled.browser_turns}" if filled.browser_turns else ""
    return f"{key}:{account_id}{turns}"


def _why_left_out(platform: str, key: str, left_out: Mapping[str, str]) -> str:
    """Return which values can't be chosen, and beside what; `left_out`: each with the switch that forbids it."""
    return " ".join(
        f"“{choice_label(platform, key, value)}” can't be chosen with “{option_label(platform, switch)}”."
        for value, switch in left_out.items()
    )


def _element(one: Candidate, option: Option, filled: Details, left_out: Collection[str]) -> Json | None:
    """Return the input for a platform's own field; None where the platform did not say which values it has."""
    chosen = filled.options.get(option.key, option.default)
    match option.kind:
        case OptionKind.CHOICE:
            offered = [each for each in _offered(option, filled.live) if each.value not in left_out]
            return _choice(one, option, offered, chosen) if offered else None
        case OptionKind.SWITCH:
            box = kit.option("Yes", "yes")
            element: Json = {"type": "checkboxes", "action_id": "compose.option", "options": [box]}
            return element | ({"initial_options": [box]} if chosen else {})
        case OptionKind.NUMBER:
            element = {"type": "number_input", "action_id": "compose.option", "is_decimal_allowed": False}
            element |= {"min_value": "0"} | ({"max_value": str(option.most)} if option.most else {})
            return element | ({"initial_value": str(chosen)} if isinstance(chosen, int) else {})
        case _:
            text = ", ".join(chosen) if isinstance(chosen, tuple) else str(chosen or "")
            element = {"type": "plain_text_input", "action_id": "compose.option", "max_length": MOST_LINE}
            return element | ({"initial_value": text[:MOST_LINE]} if text else {})


def _offered(option: Option, live: Live | None) -> Sequence[Choice]:
    """Return the values that the platform offers now."""
    known = tuple(Choice(value=value) for value in option.choices)
    return live.choices.get(option.key, known) if live is not None else known


def _choice(one: Candidate, option: Option, offered: Sequence[Choice], chosen: OptionValue | None) -> Json:
    """Return a select of these values; of more than the form has room for, a typeahead."""
    platform = one.profile.platform.key
    made = choices(platform, option.key, offered)
    picked = [each for each in made if each["value"] == chosen]
    initial: Json = {"initial_option": picked[0]} if picked else {}
    if len(made) > LISTED:
        return {"type": "external_select", "action_id": "compose.choice", "min_query_length": 0} | initial
    return {"type": "static_select", "action_id": "compose.option", "options": made} | initial


def choices(platform: str, key: str, offered: Sequence[Choice]) -> list[Json]:
    """Return the options of a select."""
    return [kit.option(each.label or choice_label(platform, key, each.value), each.value) for each in offered]


def matching(written: Written, block: str, typed: str) -> list[Json]:
    """Return the first values of a field that contain what was typed, as the platform said them."""
    key, account_id, place_id = [*block.split(":", 2), "", ""][:3]
    filled = written.of(account_id)
    live = next((each.live for each in filled.places if each.id == place_id), filled.live)
    offered = live.choices.get(key, ()) if live is not None else ()
    wanted = typed.strip().casefold()
    found = [each for each in offered if wanted in each.label.casefold()]
    return [kit.option(each.label or each.value, each.value) for each in found[:MOST_CHOICES]]


def own_text(one: Candidate, written: Written, filled: Details) -> list[Json]:
    """Return the inputs for another text than the others get."""
    text = written.text if filled.own_text is None else filled.own_text
    return texts.fields(f"{OWN_TEXT}:{one.account_id}", "Text for this one", "compose.own_text", text)


def first_part(one: Candidate, written: Written, filled: Details) -> list[Json]:
    """Return the inputs for the first part of a thread."""
    text = written.text if filled.own_text is None else filled.own_text
    return texts.fields(f"{OWN_TEXT}:{one.account_id}", "Part 1", "compose.own_text", text)


def later_parts(one: Candidate, written: Written, filled: Details) -> list[list[Json]]:
    """Return the inputs for each further part of a thread: those that there are, or an empty one."""
    found = []
    for number, part in enumerate(filled.thread[: MOST_PARTS - 1] or (ThreadPart(),), 2):
        name = f"{PART}:{one.account_id}:{number}"
        blocks = [texts.typed_into(name, f"Part {number}", "compose.part", part.text)]
        if written.media:
            blocks.append(_part_files(one, written.media, number, part))
        found.append(blocks)
    return found


def _part_files(one: Candidate, media: Sequence[Media], number: int, part: ThreadPart) -> Json:
    options = [kit.option(each.name, each.key) for each in media]
    chosen = [option for option in options if option["value"] in part.files]
    element: Json = {"type": "multi_static_select", "action_id": "compose.part_files", "options": options}
    return kit.entry(
        f"{PART_FILES}:{one.account_id}:{number}",
        f"Files of part {number}",
        element | ({"initial_options": chosen} if chosen else {}),
        hint="Files that you choose for no part go out with the first one.",
        optional=True,
    )


def cover_block(one: Candidate, filled: Details) -> str:
    """Return the id of the input for a cover. One that was taken has another, or Slack would send the file again."""
    return f"{COVER}:{one.account_id}:{filled.cover.key if filled.cover is not None else ''}"


def cover(one: Candidate, filled: Details, *, required: bool, may_attach: bool) -> list[Json]:
    """Return the input for a cover, and the cover that there is."""
    if not one.takes_cover:
        return []
    name = "Picture of the link" if one.wanted is Format.LINK else "Cover picture"
    blocks: list[Json] = []
    if filled.cover is not None:
        kept = [kit.option(filled.cover.name, filled.cover.key)]
        element: Json = {
            "type": "checkboxes",
            "action_id": "compose.cover_kept",
            "options": kept,
            "initial_options": kept,
        }
        hint = "Untick it to go without, or attach another one."
        blocks.append(kit.entry(f"{COVER_KEPT}:{one.account_id}", name, element, hint=hint, optional=True))
    if may_attach:
        element = {"type": "file_input", "action_id": "compose.cover", "max_files": 1}
        label = f"Another {name[:1].lower()}{name[1:]}" if filled.cover is not None else name
        optional = filled.cover is not None or not required
        blocks.append(kit.entry(cover_block(one, filled), label, element, optional=optional))
    return blocks


def as_draft(one: Candidate, filled: Details) -> list[Json]:
    """Return the box that sends it as a draft, where the platform has drafts."""
    if Format.DRAFT not in one.facts.formats:
        return []
    name = one.profile.platform.name
    box = kit.option(f"Send it as a draft, to finish in the {name} app", "yes")
    element: Json = {"type": "checkboxes", "action_id": "compose.draft", "options": [box]}
    initial = {"initial_options": [box]} if filled.as_draft else {}
    return [
        kit.entry(f"{AS_DRAFT}:{one.account_id}", "Draft", element | initial, optional=True)
        | {"dispatch_action": True}
    ]


def asked(one: Candidate, filled: Details) -> frozenset[str]:
    """Return the names of the fields that the form asks for, as problems call them."""
    answers = (filled.live, *(place.live for place in filled.places))
    live = {key for answer in answers if answer is not None for key in answer.choices}
    return frozenset(
        {
            *([HEADING] if one.takes(TextField.TITLE) else []),
            *([PLACE] if one.needs_place else []),
            *([COVER] if one.takes_cover else []),
            *(option.key for option in one.options if not is_live(option) or option.key in live),
        }
    )
