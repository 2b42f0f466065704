"""The page of formats and limits in the docs, made from the adapters' facts.

`uv run python -m tests.formats` writes it; tests/test_docs.py compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import httpx

from adapters.base import (
    Format,
    FormatRule,
    MediaKind,
    MediaRule,
    Platform,
    Publishes,
    PublishingFacts,
    TextField,
    TextRule,
    Unit,
)
from adapters.base.rules import GIBIBYTE, MEBIBYTE
from adapters.registry import REGISTRY
from bot.views.publishing.platforms import option_label, words_of
from bot.views.publishing.problems import FORMATS, TEXTS

PAGE = Path(__file__).parent.parent / "docs" / "formats.md"
HEAD = """# Formats and limits

What Octapost publishes on each platform, and what it checks before anything is sent. A post that breaks a limit is
refused in the form, with the reason beside the field. No text is ever shortened for you.

Where it says "other pictures are converted", a picture that the platform doesn't take, because of its type, its bytes
or its pixels, is made a JPEG that it does. The form says so before. Nothing is ever cropped, and animated GIFs, videos
and documents are never converted.

The page is made from the facts in `adapters/` by `uv run python -m tests.formats`. The source of each number stands in
the `formats.py` of its platform.
"""
UNITS = {
    Unit.CHARACTERS: "characters",
    Unit.BYTES: "bytes of UTF-8",
    Unit.UTF16: "characters (most emoji count as two)",
    Unit.WEIGHTED: "characters (a link counts as 23, an emoji as two)",
}
KINDS = {
    MediaKind.IMAGE: "Picture",
    MediaKind.GIF: "Animated GIF",
    MediaKind.VIDEO: "Video",
    MediaKind.DOCUMENT: "Document",
}
TYPES = {
    "video/quicktime": "MOV",
    "video/x-matroska": "MKV",
    "video/x-msvideo": "AVI",
    "video/x-ms-wmv": "WMV",
    "video/x-flv": "FLV",
    "video/x-m4v": "M4V",
    "video/3gpp": "3GP",
}
"""MIME types whose ordinary name is not their second half."""


def page() -> str:
    """Return the page as Markdown."""
    adapters = REGISTRY.adapters(httpx.AsyncClient())
    known = [
        (adapter.platform, adapter.publisher.facts)
        for adapter in adapters.values()
        if isinstance(adapter, Publishes)
    ]
    return "\n".join([HEAD, overview(known), *(section(*each) for each in known)])


def overview(known: Sequence[tuple[Platform, PublishingFacts]]) -> str:
    """Return the table of all formats on all platforms."""
    names = [platform.name for platform, _ in known]
    rows = [[_title(name), *(_cell(facts.formats.get(name)) for _, facts in known)] for name in Format]
    return "\n".join([_row(["", *names]), _row(["---"] * (len(names) + 1)), *map(_row, rows), ""])


def section(platform: Platform, facts: PublishingFacts) -> str:
    """Return the section of one platform."""
    rows = [[_title(name), _texts(rule), _files(rule)] for name, rule in facts.formats.items()]
    notes = dict.fromkeys([*_habits(platform, facts), *words_of(platform.key).unavailable.values()])
    table = [_row(["", "Texts", "Files"]), _row(["---"] * 3), *map(_row, rows)]
    return "\n".join([f"## {platform.name}", "", *table, "", *(f"- {note}" for note in notes), ""])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _title(name: Format) -> str:
    title = FORMATS[name]
    return title[:1].upper() + title[1:]


def _cell(rule: FormatRule | None) -> str:
    if rule is None:
        return ""
    return f"{_range(rule.fewest, rule.most)} {'parts' if rule.part else ''}".strip() if rule.most else "yes"


def _texts(rule: FormatRule) -> str:
    if rule.part is None:
        return _lines(_text(name, text) for name, text in rule.texts.items())
    each = (f"each part: {_text(name, text)}" for name, text in rule.part.texts.items())
    return _lines([*each, *(_text(name, text) for name, text in rule.texts.items())])


def _text(name: TextField, rule: TextRule) -> str:
    needed = ", required" if rule.required else ""
    return f"{TEXTS[name]}: {rule.most:,} {UNITS[rule.unit]}{needed}"


def _files(rule: FormatRule) -> str:
    part = rule.part or rule
    count = _range(part.fewest, part.most)
    lines = [f"{count} {'in each part' if rule.part else ''}".strip()] if part.most else []
    lines += [f"{KINDS[kind]}: {_limits(each)}" for kind, each in part.media.items()]
    if rule.part is not None:
        lines.insert(0, f"{_range(rule.fewest, rule.most)} parts")
    if rule.cover is not None:
        lines.append(f"Cover: {_limits(rule.cover)}")
    return _lines(lines)


def _range(fewest: int, most: int) -> str:
    return str(most) if fewest == most else f"{fewest} to {most}"


def _limits(rule: MediaRule) -> str:
    types = ", ".join(sorted(TYPES.get(each, each.partition("/")[2].upper()) for each in rule.types))
    limits = [types, f"at most {_size(rule.most_bytes)}", _duration(rule), _shape(rule), _sides(rule)]
    if rule.most_pages is not None:
        limits.append(f"at most {rule.most_pages} pages")
    if rule.highest_frame_rate is not None:
        limits.append(f"at most {rule.highest_frame_rate:g} frames a second")
    if rule.converts:
        limits.append("other pictures are converted")
    return "; ".join(filter(None, limits))


def _size(count: int) -> str:
    if count % 1_000_000 == 0:
        return f"{count // 1_000_000:,} MB"
    return f"{count // GIBIBYTE} GiB" if count % GIBIBYTE == 0 else f"{count // MEBIBYTE} MiB"


def _duration(rule: MediaRule) -> str:
    return _between(*("" if span is None else _span(span) for span in (rule.shortest, rule.longest)))


def _span(span: timedelta) -> str:
    seconds = span.total_seconds()
    if seconds >= 3600 and seconds % 3600 == 0:
        return f"{seconds / 3600:g} h"
    return f"{seconds / 60:g} min" if seconds >= 120 and seconds % 60 == 0 else f"{seconds:g} s"


def _shape(rule: MediaRule) -> str:
    if rule.lowest_ratio and rule.highest_ratio and rule.highest_ratio / rule.lowest_ratio < 1.05:
        middle = Fraction((rule.lowest_ratio + rule.highest_ratio) / 2).limit_denominator(20)
        return f"shape {middle.numerator}:{middle.denominator}"
    shape = _between(
        *("" if ratio is None else _ratio(ratio) for ratio in (rule.lowest_ratio, rule.highest_ratio))
    )
    return f"shape {shape}" if shape else ""


def _ratio(ratio: float) -> str:
    exact = Fraction(ratio).limit_denominator(10)
    return f"{exact.numerator}:{exact.denominator}" if abs(exact - ratio) < 0.001 else f"{ratio:g}:1"


def _sides(rule: MediaRule) -> str:
    sides = [
        f"shorter side at least {rule.smallest_side} pixels" if rule.smallest_side else "",
        f"longer side at most {rule.largest_side} pixels" if rule.largest_side else "",
        f"at most {rule.most_pixels / 1e6:.3g} million pixels" if rule.most_pixels else "",
    ]
    return ", ".join(filter(None, sides))


def _between(lowest: str, highest: str) -> str:
    if lowest and highest:
        return f"{lowest} to {highest}"
    if lowest:
        return f"at least {lowest}"
    return f"at most {highest}" if highest else ""


def _options(platform: Platform, facts: PublishingFacts) -> Iterator[str]:
    """Yield the label of each field that only this platform has."""
    for one in facts.options:
        more = [] if one.formats >= set(facts.formats) else sorted(FORMATS[each] for each in one.formats)
        more += ["required"] if one.required else []
        yield option_label(platform.key, one.key) + (f" ({', '.join(more)})" if more else "")


def _lines(lines: Iterable[str]) -> str:
    return "<br>".join(lines) or "none"


def _habits(platform: Platform, facts: PublishingFacts) -> Iterator[str]:
    """Yield what holds for all formats."""
    if facts.options:
        yield f"Fields of its own: {'; '.join(_options(platform, facts))}."
    if (cap := facts.daily_cap) is not None:
        whose = "all accounts of one installation together" if cap.whole_app else "one account"
        yield f"At most {cap.posts:,} posts in 24 hours for {whose}."
    if facts.daily_units:
        yield f"Its quota of {facts.daily_units:,} units in 24 hours is for all accounts of one installation together."
    if facts.spaced:
        yield f"At least {_span(facts.spaced)} between two posts of one account."
    if facts.places_per_post > 1:
        yield f"One post goes to at most {facts.places_per_post} {platform.place}s."
    if facts.same_text_once:
        yield "The same text can't go to several accounts."
    if facts.cents_per_post is not None:
        plain, linked = facts.cents_per_post("Hello"), facts.cents_per_post("https://example.com")
        yield f"{platform.name} charges the operator ${plain / 100:.3f} a post, ${linked / 100:.2f} with a link."
    if not facts.readable:
        yield "What was published can't be read back: if an answer is lost, a person is asked."


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
