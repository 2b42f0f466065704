"""How long the texts are as each platform counts, what a post costs, and what a platform leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.base import Format, TextField, Unit
from bot.services.posts.candidates import targets
from bot.services.posts.formats import comment_of, is_finished_elsewhere, link_of
from bot.views import kit
from bot.views.publishing.conversions import conversions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapters.base import Content, TextRule
    from bot.services.posts.candidates import Candidate, Target
    from bot.services.posts.drafts import Written
    from bot.views.kit import Json

MOST_LINES = 12


def counters(chosen: Sequence[Candidate], written: Written) -> list[Json]:
    """Return a block with a line for each platform and text; nothing if no account was chosen."""
    lines = dict.fromkeys(line for target in targets(chosen, written) for line in _lines(target, written))
    shown = list(lines)[:MOST_LINES]
    if len(lines) > MOST_LINES:
        shown.append(f"and {len(lines) - MOST_LINES} more")
    return [kit.fine_print(*shown)] if shown else []


def _lines(target: Target, written: Written) -> Iterator[str]:
    one, content = target.candidate, target.content
    name, rule = one.profile.platform.name, one.rule
    if rule is None:
        return
    if content.format is Format.THREAD and rule.part is not None:
        counted = [_count(rule.part.texts[TextField.TEXT], part.text) for part in content.thread]
        many = f"{len(counted)} part{'s' if len(counted) > 1 else ''}"
        yield f"{name}, {many}: {' · '.join(counted)}"
    elif (limit := rule.texts.get(TextField.TEXT)) is not None and not is_finished_elsewhere(
        content.format, content.media
    ):
        yield f"{name}: {_count(limit, content.text)}"
    yield from _said(target, written)
    if one.facts.cents_per_post is not None:
        yield _cost(target)


def _count(limit: TextRule, text: str) -> str:
    length, unit = limit.count(text), " bytes" if limit.unit is Unit.BYTES else ""
    if length > limit.most:
        return f"⚠️ {length:,} of {limit.most:,}{unit}, {length - limit.most:,} too many"
    return f"{length:,} of {limit.most:,}{unit}"


def _said(target: Target, written: Written) -> Iterator[str]:
    """Yield what becomes of something that the platform does not take as it was entered."""
    one, content, name = target.candidate, target.content, target.candidate.profile.platform.name
    if link_of(written) and content.format is not Format.LINK:
        yield f"{name}: the link goes at the end of the text."
    if comment_of(written).strip() and not one.takes(TextField.FIRST_COMMENT):
        yield f"{name} doesn't let apps write the first comment. Add it there once the post is live."
    yield from conversions(target)
    if is_finished_elsewhere(content.format, content.media):
        yield f"{name}: video drafts have no text. Write it in the {name} app."


def _texts(content: Content) -> list[str]:
    texts = [part.text for part in content.thread] or [content.text]
    return [*texts, *([content.first_comment] if content.first_comment else [])]


def _cost(target: Target) -> str:
    cents = target.candidate.facts.cents_per_post
    texts, name = _texts(target.content), target.candidate.profile.platform.name
    if cents is None:
        return ""
    costs, without = sum(cents(text) for text in texts), sum(cents("") for _ in texts)
    link = f" with this link, {_dollars(without)} without" if costs > without else ""
    return f"{name} charges {_dollars(costs)}{link}."


def _dollars(cents: float) -> str:
    """Return an amount in dollars: $0.20, $0.015."""
    return f"${cents / 100:.3f}".removesuffix("0")
