"""The composer's second form: what single accounts need besides the text, on as many pages as it takes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.base import Defect, Format, TextField
from bot.services.posts.candidates import AccountProblems
from bot.services.posts.drafts import Extra
from bot.views import kit
from bot.views.publishing import attachments, fields, texts
from bot.views.publishing.composer import SUBMIT, TEXT, TITLE, name_of, warnings
from bot.views.publishing.counters import counters
from bot.views.publishing.platforms import option_label, refusal, words_of
from bot.views.publishing.problems import sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bot.services.posts.candidates import Candidate
    from bot.services.posts.drafts import Details, Written
    from bot.views.kit import Json

IN_TEXT = frozenset({"text", "hashtags", "mentions"})
"""The fields of problems that a member solves by changing the text."""
MOST_BLOCKS, MOST_BYTES = 90, 150_000
"""What one page holds: Slack takes 100 blocks and 250 kB."""
NAMES_SHOWN = 5
CHOSEN_ELSEWHERE = "What you chose in the browser is in the form now. Look through it, then go on."


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondForm:
    """What the second form shows besides what has been written."""

    metadata: str
    """Names the organization and the draft, without the page."""
    may_attach: bool
    problems: Sequence[AccountProblems] = ()
    alerts: Sequence[str] = ()
    may_publish: bool = True
    """As in the first form."""


def groups(chosen: Iterable[Candidate]) -> list[list[Candidate]]:
    """Return the accounts by what is filled in together: those of a platform, unless each has fields of its own."""
    found: dict[tuple[object, ...], list[Candidate]] = {}
    for one in chosen:
        platform, options = one.profile.platform.key, tuple(option.key for option in one.options)
        key = (one.account_id,) if one.alone else (platform, one.wanted, options)
        found.setdefault(key, []).append(one)
    return list(found.values())


def asks_more(chosen: Sequence[Candidate], written: Written) -> bool:
    """Tell whether something is left to ask after the first form."""
    return any(True for _ in _sections(chosen, written, SecondForm(metadata="", may_attach=True)))


def pages(chosen: Sequence[Candidate], written: Written, shown: SecondForm) -> list[Json]:
    """Return every page of the form; at least one."""
    found: list[list[Json]] = [[]]
    size = 0
    for blocks in _sections(chosen, written, shown):
        weight = len(json.dumps(blocks))
        if found[-1] and (len(found[-1]) + len(blocks) > MOST_BLOCKS or size + weight > MOST_BYTES):
            found.append([])
            size = 0
        found[-1] += blocks
        size += weight
    if written.files:
        found[-1].append(kit.actions(attachments.preview_button(shown.metadata)))
    found[0][:0] = [attachments.alert(text) for text in shown.alerts]
    if not any(found):
        found[0].append(kit.words("Nothing more to fill in."))
    found[-1].append(attachments.large_files(shown.metadata))
    last = "Schedule" if written.due_at or Extra.NEXT_SLOT in written.extras else "Publish"
    last = last if shown.may_publish else SUBMIT
    return [
        kit.modal(
            TITLE,
            blocks,
            callback_id="compose.detailed",
            submit=last if number == len(found) - 1 else "Next",
            close="Close",
            metadata=f"{shown.metadata}:{number}",
        )
        | {"notify_on_close": True}
        for number, blocks in enumerate(found)
    ]


def first_with_problems(found: Sequence[Json]) -> Json:
    """Return the first page on which something is to be changed, or the first one."""
    return next((page for page in found if "⚠️" in json.dumps(page, ensure_ascii=False)), found[0])


def _sections(chosen: Sequence[Candidate], written: Written, shown: SecondForm) -> Iterator[list[Json]]:
    """Yield the parts of the form, each of which stays on one page."""
    every = _in_text(chosen, shown.problems)
    if every:
        yield [*texts.fields(TEXT, "Text", "compose.text", written.text), warnings(every)]
    if any(one.takes(TextField.ALT_TEXT) for one in chosen) and (asked := attachments.alt_texts(written)):
        yield asked
    if attachments.offers_reel(written):
        yield [attachments.reel(written)]
    for group in groups(chosen):
        yield from _group(group, written, shown, text_above=bool(every))


def _in_text(chosen: Sequence[Candidate], problems: Sequence[AccountProblems]) -> list[str]:
    """Return what is wrong with the text if every account finds something: then the text of all is changed."""
    having = {
        one.candidate.account_id
        for one in problems
        if any(
            problem.field in IN_TEXT and problem.defect is not Defect.SAME_TEXT for problem in one.problems
        )
    }
    if not chosen or len(having) < len(chosen) or any(one.wanted is Format.THREAD for one in chosen):
        return []
    found = dict.fromkeys(
        sentence(problem, one.candidate.profile.platform, one.candidate.facts)
        for one in problems
        for problem in one.problems
        if problem.field in IN_TEXT and problem.defect is not Defect.SAME_TEXT
    )
    return list(found)


def _heading(group: Sequence[Candidate]) -> str:
    if len(group) == 1:
        return name_of(group[0])
    names = [one.profile.label for one in group[:NAMES_SHOWN]]
    rest = f" and {len(group) - NAMES_SHOWN} more" if len(group) > NAMES_SHOWN else ""
    return f"{group[0].profile.platform.name}: {', '.join(names)}{rest}"


def _group(
    group: Sequence[Candidate], written: Written, shown: SecondForm, *, text_above: bool
) -> Iterator[list[Json]]:
    """Yield what is asked for accounts that are filled in together; nothing if there is nothing to ask or say."""
    one, ids = group[0], {each.account_id for each in group}
    filled = written.of(one.account_id)
    its = [each for each in shown.problems if each.candidate.account_id in ids]
    found = [problem for each in its for problem in each.problems]
    said = list(dict.fromkeys(_said(its, fields.asked(one, filled), text_above=text_above)))
    in_text = any(problem.field in IN_TEXT for problem in found) and not text_above
    threaded = one.wanted is Format.THREAD
    above = [*fields.as_draft(one, filled), *fields.title(one, filled)]
    if threaded:
        above += fields.first_part(one, written, filled)
    elif Extra.OWN_TEXT in written.extras or filled.own_text is not None or in_text:
        above += fields.own_text(one, written, filled)
    needs_cover = any(problem.field == fields.COVER for problem in found)
    below = [
        *fields.cover(one, filled, required=needs_cover, may_attach=shown.may_attach),
        *fields.places(one, filled),
        *fields.options(one, filled),
    ]
    if not (above or below or said or _silent(one, filled)):
        return
    head = [kit.header(_heading(group)), *([warnings(said)] if said else []), *above]
    notes = [*_notes(one, filled, shown.metadata), *counters([one], written)]
    if threaded:
        yield head
        yield from _thread(one, written, filled, shown.metadata)
        yield [*below, *notes]
    else:
        yield [*head, *below, *notes]


def _thread(one: Candidate, written: Written, filled: Details, metadata: str) -> Iterator[list[Json]]:
    yield from fields.later_parts(one, written, filled)
    if len(filled.thread) < fields.MOST_PARTS - 1:
        button = kit.button("Add a part", "compose.more_parts", metadata)
        yield [kit.actions(button, block_id=f"more:{one.account_id}")]


def _said(its: Sequence[AccountProblems], asked: frozenset[str], *, text_above: bool) -> Iterator[str]:
    """Yield what must change. What is only missing, and asked for here, needs no words."""
    for each in its:
        one = each.candidate
        platform = one.profile.platform
        before = f"{each.place}: " if each.place else ""
        if each.refused:
            yield f"{before}{refusal(platform.key, platform.name, each.refused)}"
        for problem in each.problems:
            if text_above and problem.field in IN_TEXT and problem.defect is not Defect.SAME_TEXT:
                continue
            if problem.defect is Defect.MISSING and problem.field in asked:
                continue
            yield f"{before}{sentence(problem, platform, one.facts)}"


def _silent(one: Candidate, filled: Details) -> bool:
    """Tell whether the platform did not say what the form needs."""
    if not one.asks_platform or (one.wanted is Format.DRAFT and not one.options):
        return False
    if one.needs_place:
        return any(place.live is None for place in filled.places)
    return filled.live is None


def _notes(one: Candidate, filled: Details, metadata: str) -> list[Json]:
    """Return what people should know about the account's platform before they decide."""
    platform = one.profile.platform
    blocks: list[Json] = []
    if one.off:
        names = kit.listed([option_label(platform.key, key) for key in one.off])
        blocks.append(kit.fine_print(f"Switched off in this account's settings on {platform.name}: {names}."))
    if (notice := words_of(platform.key).notice) and one.options:
        blocks.append(kit.section(notice))
    if one.facts.settings_page and one.options:
        button = kit.button("Choose in the browser", "compose.settings", metadata)
        blocks.append(kit.actions(button, block_id=f"settings:{one.account_id}"))
    if _silent(one, filled):
        button = kit.button("Try again", "compose.ask", metadata)
        said = f"{platform.name} isn't answering, so some fields are missing here. Nothing you wrote is lost."
        blocks.append(kit.words(said, accessory=button))
    return blocks
