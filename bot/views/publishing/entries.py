"""What people have entered in the composer's forms: the state of a view in, what is written out.

A form that shows only some fields changes only these, and a view without its state changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from adapters.base import Format, OptionKind
from bot.services.errors import NotFoundError, Thing
from bot.services.posts.candidates import is_live
from bot.services.posts.composing import Where
from bot.services.posts.drafts import ChosenPlace, Extra, ThreadPart
from bot.views.publishing import account_select, attachments, composer, details, fields, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.base import Option, OptionValue
    from bot.services.posts.candidates import Candidate
    from bot.services.posts.drafts import Details, Written

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entries:
    """The inputs of a form."""

    state: Mapping[str, Mapping[str, Entry]]
    """By block id and action id, as Slack sends them."""
    blocks: Sequence[Mapping[str, Any]] = ()
    """Of the form, with what its inputs offer."""

    def __contains__(self, block: str) -> bool:
        """Tell whether the form has this input."""
        return block in self.state

    def of(self, block: str) -> Entry:
        """Return the input of a block; empty if there is none."""
        return next(iter(self.state.get(block, {}).values()), {})

    def line(self, block: str) -> str:
        """Return what was typed; empty if nothing was."""
        return str(self.of(block).get("value") or "")

    def chosen(self, block: str) -> list[str]:
        """Return the values of the options that were chosen or ticked."""
        return [str(option["value"]) for option in self.of(block).get("selected_options") or ()]

    def unticked(self, block: str) -> list[str]:
        """Return the values of the options that the form shows and that are not ticked."""
        if block not in self.state:
            return []
        shown = [each["element"]["options"] for each in self.blocks if each.get("block_id") == block]
        values = [str(option["value"]) for options in shown for option in options]
        return [value for value in values if value not in self.chosen(block)]

    def files(self, block: str) -> Sequence[Entry]:
        """Return the files that were attached."""
        found: Sequence[Entry] = self.of(block).get("files") or ()
        return found

    def text(self, block: str) -> str | None:
        """Return a text of several fields: `<block>`, `<block>:1` and so on; None if the form has none of them."""
        names = [f"{block}:{index}" if index else block for index in range(texts.MOST_FIELDS)]
        found = [self.line(name) for name in names if name in self.state]
        return texts.joined(found) if found else None

    @property
    def turn(self) -> int:
        """How often the first form was submitted before."""
        turns = ([*block.split(":"), ""][:2] for block in self.state)
        return max(
            (int(turn) for name, turn in turns if name in attachments.COUNTED and turn.isdecimal()),
            default=0,
        )

    def named(self, name: str) -> str:
        """Return the id of the first block that begins with this name; empty if there is none."""
        return next((block for block in self.state if block.partition(":")[0] == name), "")


@dataclass(frozen=True, slots=True)
class Page:
    """The form that a request came from."""

    draft_id: str
    where: Where
    """Where it was begun."""
    number: int = 0
    """The page of the second form."""


def page_of(target: str, metadata: str, team_id: str) -> Page:
    """Return which form a request came from; `target`: what it is about, `metadata`: what its view carries.

    Raises:
        NotFoundError: It is about no draft.

    """
    draft_id, channel = [*target.split(":"), ""][:2]
    if not draft_id.startswith("drf_"):
        raise NotFoundError(Thing.FORM)
    number = metadata.rpartition(":")[2]
    return Page(
        draft_id=draft_id,
        where=where_of(channel, team_id),
        number=int(number) if number.isdecimal() else 0,
    )


def where_of(channel: str, team_id: str) -> Where:
    """Return the channel if people share it; a direct message is nowhere."""
    shared = channel.startswith(("C", "G"))
    return Where(slack_id=team_id if shared else "", channel=channel if shared else "")


def first_form(entries: Entries, before: Written) -> Written:
    """Return what is written, with what the first form says. What it does not show stays as it was."""
    text = entries.text(composer.TEXT)
    at = entries.of(composer.WHEN).get("selected_date_time")
    # Only what the form shows can be left out: more may have arrived on the upload page meanwhile.
    unticked = entries.unticked(entries.named(attachments.KEPT))
    extras = tuple(Extra(value) for value in entries.chosen(composer.EXTRAS) if value in set(Extra))
    shown = entries.state.keys()
    return replace(
        before,
        text=before.text if text is None else text,
        media=tuple(one for one in before.media if one.key not in unticked),
        left_out=tuple(dict.fromkeys((*before.left_out, *unticked))),
        accounts=tuple(entries.chosen(account_select.BLOCK))
        if account_select.BLOCK in shown
        else before.accounts,
        due_at=(datetime.fromtimestamp(int(at), UTC) if at else None)
        if composer.WHEN in shown
        else before.due_at,
        extras=extras if composer.EXTRAS in shown else before.extras,
        link=entries.line(composer.LINK) if composer.LINK in shown else before.link,
        first_comment=entries.line(composer.COMMENT) if composer.COMMENT in shown else before.first_comment,
    )


def second_form(entries: Entries, before: Written, chosen: Sequence[Candidate]) -> Written:
    """Return what is written, with what a page of the second form says about the files and the chosen accounts."""
    written = _described(entries, before)
    text = entries.text(composer.TEXT)
    written = replace(written, text=written.text if text is None else text)
    filled = dict(written.details)
    for group in details.groups(chosen):
        for one in group:
            filled[one.account_id] = _details(entries, group[0], one, written)
    return replace(written, details=filled)


def is_outdated(entries: Entries, written: Written, chosen: Sequence[Candidate]) -> bool:
    """Tell whether a page of the second form was drawn before settings were chosen in the browser."""
    return any(
        block.split(":")[:2] == [option.key, one.account_id]
        and block != fields.option_block(option.key, one.account_id, written.of(one.account_id))
        for one in chosen
        if written.of(one.account_id).browser_turns
        for option in one.options
        for block in entries.state
    )


def _described(entries: Entries, written: Written) -> Written:
    """Return the post with what is said about its files."""
    media = list(written.media)
    for index, one in enumerate(media):
        block = f"{attachments.ALT}:{index}"
        if block in entries:
            media[index] = replace(one, alt_text=entries.line(block))
    reel = bool(entries.chosen(attachments.REEL)) if attachments.REEL in entries else written.reel
    return replace(written, media=tuple(media), reel=reel)


def _details(entries: Entries, shown: Candidate, one: Candidate, written: Written) -> Details:
    """Return what the form says about one account; `shown`: the one under which its fields are."""
    before, name = written.of(one.account_id), shown.account_id
    title, cover_kept, draft = (
        f"{field}:{name}" for field in (fields.HEADING, fields.COVER_KEPT, fields.AS_DRAFT)
    )
    own = entries.text(f"{fields.OWN_TEXT}:{name}")
    dropped = cover_kept in entries and not entries.chosen(cover_kept)
    return replace(
        before,
        title=entries.line(title) if title in entries else before.title,
        places=_places(entries, shown, before),
        options=_options(entries, shown, before),
        own_text=before.own_text if own is None else (None if own == written.text else own),
        thread=_thread(entries, shown, before),
        cover=None if dropped else before.cover,
        as_draft=bool(entries.chosen(draft)) if draft in entries else before.as_draft,
    )


def _places(entries: Entries, shown: Candidate, before: Details) -> tuple[ChosenPlace, ...]:
    block = f"{fields.PLACE}:{shown.account_id}"
    if block not in entries:
        return before.places
    known = {place.id: place for place in before.places}
    found = []
    for option in entries.of(block).get("selected_options") or ():
        place_id = str(option["value"])
        place = known.get(place_id, ChosenPlace(id=place_id, name=str(option["text"]["text"])))
        asked = {
            each.key: value
            for each in shown.options
            if is_live(each)
            and (value := _value(entries, f"{each.key}:{shown.account_id}:{place_id}", each)) is not None
        }
        found.append(replace(place, options={**place.options, **asked}))
    return tuple(found)


def _options(entries: Entries, shown: Candidate, before: Details) -> dict[str, OptionValue]:
    """Return the platform's own fields.

    One that was emptied, is switched off there by now or can't be beside the others is gone.
    """
    found = {key: value for key, value in before.options.items() if key not in shown.off}
    for option in shown.options:
        block = fields.option_block(option.key, shown.account_id, before)
        if block not in entries:
            continue
        found.pop(option.key, None)
        if (value := _value(entries, block, option)) is not None:
            found[option.key] = value
    for key, values in shown.facts.forbidden(found).items():
        if found.get(key) in values:
            del found[key]
    return found


def _value(entries: Entries, block: str, option: Option) -> OptionValue | None:
    """Return what was entered in a field; None: nothing."""
    typed, line = entries.of(block), entries.line(block)
    match option.kind:
        case OptionKind.CHOICE:
            value: OptionValue | None = (typed.get("selected_option") or {}).get("value")
            return value
        case OptionKind.SWITCH:
            return bool(typed.get("selected_options")) if "selected_options" in typed else None
        case OptionKind.WORDS:
            return tuple(filter(None, (word.strip() for word in line.split(",")))) or None
        case OptionKind.NUMBER:
            return int(line) if line.isdecimal() else None
        case _:
            return line or None


def _thread(entries: Entries, shown: Candidate, before: Details) -> tuple[ThreadPart, ...]:
    if shown.wanted is not Format.THREAD:
        return before.thread
    found = list(before.thread)
    for number in range(2, fields.MOST_PARTS + 1):
        block = f"{fields.PART}:{shown.account_id}:{number}"
        if block not in entries:
            continue
        files = tuple(entries.chosen(f"{fields.PART_FILES}:{shown.account_id}:{number}"))
        part = ThreadPart(text=entries.line(block), files=files)
        found[number - 2 : number - 1] = [part]
    return tuple(found)
