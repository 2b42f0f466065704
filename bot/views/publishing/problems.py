"""What must change before a platform takes a post, in one or two short sentences each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.base import Defect, Format, TextField
from bot.views import kit
from bot.views.publishing.attachments import TYPES
from bot.views.publishing.platforms import choice_label, option_label

if TYPE_CHECKING:
    from adapters.base import Platform, Problem, PublishingFacts

FORMATS = {
    Format.TEXT: "texts",
    Format.LINK: "links",
    Format.IMAGE: "pictures",
    Format.CAROUSEL: "carousels",
    Format.GIF: "GIFs",
    Format.VIDEO: "videos",
    Format.REEL: "Reels",
    Format.DOCUMENT: "documents",
    Format.THREAD: "threads",
    Format.DRAFT: "drafts",
}
TEXTS = {
    TextField.TEXT: "text",
    TextField.TITLE: "title",
    TextField.LINK: "link",
    TextField.FIRST_COMMENT: "first comment",
    TextField.ALT_TEXT: "alt text",
}
THREAD, MEDIA = "thread", "media"
FILES = {MEDIA: "file", "cover": "cover picture"}
KNOWN = {*TEXTS, *FILES, "place"}
"""Fields that are called by an ordinary word, not by a platform's label."""
COUNTED = {
    "hashtags": "hashtags",
    "mentions": "mentions",
    THREAD: "posts in a thread",
    MEDIA: "files",
    "place": "places",
}
"""What is counted, for `Defect.TOO_MANY` and `Defect.TOO_FEW`."""
ALWAYS = {
    Defect.BAD_CHARACTER: "{the} has something that {name} doesn't take: {actual}. Remove or replace it.",
    Defect.BAD_LINK: "{the} doesn't work for {name}. Use a public address, such as https://example.com/page.",
    Defect.SAME_TEXT: "{name} doesn't allow the same text on several accounts. Write a different one for this account.",
    Defect.MIXED: "{name} doesn't take these files in one post. Use only pictures, or one video.",
}
"""The defects that are said in the same words for every field and limit."""
UNITS = {"characters": "characters", "bytes": "bytes", "utf16": "characters", "weighted": "characters"}
FULL_HD = "1920"
"""Pixels; a width that an adapter limits beside its facts."""
PLACE_RULES = {
    "no_text_posts": "doesn't take text posts. Choose another {place}.",
    "no_links": "doesn't take links. Choose another {place}.",
    "no_images": "doesn't take pictures. Choose another {place}.",
    "no_galleries": "doesn't take galleries. Use one picture, or choose another {place}.",
    "no_videos": "doesn't take videos. Choose another {place}.",
    "body_required": "needs a text as well as a title. Add one.",
    "body_not_allowed": "takes only a title. Remove the text, or choose another {place}.",
    "title_blacklisted_strings": 'doesn\'t allow "{actual}" in a title. Remove it.',
    "body_blacklisted_strings": 'doesn\'t allow "{actual}" in the text. Remove it.',
    "title_required_strings": "needs one of these in the title: {actual}. Add one.",
    "body_required_strings": "needs one of these in the text: {actual}. Add one.",
    "title_text_min_length": "needs at least {actual} characters in the title. Write more.",
    "title_text_max_length": "takes at most {actual} characters in the title. Shorten it.",
    "body_text_min_length": "needs at least {actual} characters of text. Write more.",
    "body_text_max_length": "takes at most {actual} characters of text. Shorten it.",
    "domain_blacklist": "doesn't allow links to {actual}. Use another link.",
    "domain_whitelist": "only takes links to certain websites, and {actual} isn't one of them. Use another link.",
}
"""The name of a place's rule -> what the place says and what to do."""


def sentence(problem: Problem, platform: Platform, facts: PublishingFacts) -> str:
    """Return what is wrong and what would be right, as plain text."""
    name, allowed = platform.name, problem.allowed
    field = _field(problem, platform)
    match problem.defect:
        case Defect.PLACE_RULE:
            return _place_rule(problem, platform.place or "place")
        case Defect.NO_FORMAT:
            return f"{name} doesn't take this kind of post. It takes {_formats(facts)}."
        case Defect.TOO_LONG if problem.field in {*TEXTS, THREAD}:
            return f"{_the(field)} is {_over(problem, facts)} too long: {name} takes {_number(allowed)}. Shorten it."
        case Defect.MISSING:
            return _missing(problem, field, name)
        case Defect.NOT_TAKEN:
            return f"{name} doesn't take {_named(problem, field)} in this kind of post. Leave it out."
        case Defect.NOT_A_CHOICE:
            return f"Choose again for {field}: {name} takes {_choices(problem, platform)}."
        case _:
            return _measured(problem, platform, facts)


def _missing(problem: Problem, field: str, name: str) -> str:
    if problem.field == THREAD:
        return f"{_the(field)} is empty. Write a text for it, or add a file."
    if problem.field in KNOWN:
        return f"{name} needs {_named(problem, field)}. Add one."
    return f"{name} needs {field}. Fill it in."


def _named(problem: Problem, field: str) -> str:
    """Return a field with its article, and an option by its label."""
    if problem.field not in KNOWN:
        return field
    return f"{'an' if field.startswith('alt') else 'a'} {field}"


def _place_rule(problem: Problem, place: str) -> str:
    fallback = "has a rule against this post. Check its rules, or choose another {place}."
    said = PLACE_RULES.get(problem.allowed, fallback)
    return f"This {place} {said.format(place=place, actual=problem.actual)}"


def _measured(problem: Problem, platform: Platform, facts: PublishingFacts) -> str:
    """Return the sentence about something that is counted or measured, or that has only one."""
    if problem.defect in ALWAYS:
        the = _the(_field(problem, platform))
        return ALWAYS[problem.defect].format(the=the, name=platform.name, actual=problem.actual)
    limit = _number(problem.allowed)
    actual = _number(problem.actual) if problem.actual else "something else"
    what = _the(_field(problem, platform))
    size = _size(problem, facts) if problem.defect in {Defect.TOO_BIG, Defect.TOO_SMALL} else ""
    ways = {
        Defect.WRONG_TYPE: f"is {_type(problem.actual)}. {platform.name} takes {_types(problem.allowed)}",
        Defect.TOO_SHORT: f"is too short: {platform.name} takes at least {limit} seconds",
        Defect.TOO_LONG_VIDEO: f"is too long: {platform.name} takes at most {limit} seconds",
        Defect.TOO_WIDE: f"is too wide: {platform.name} takes a width of at most {limit} times the height. Crop it",
        Defect.TOO_TALL: f"is too tall: {platform.name} takes a width of at least {limit} times the height. Crop it",
        Defect.TOO_FAST: f"has {actual} frames a second. {platform.name} takes at most {limit}",
        Defect.TOO_SLOW: f"has {actual} frames a second. {platform.name} takes at least {limit}",
        Defect.TOO_BIG: f"is too large: {platform.name} takes at most {size}",
        Defect.TOO_SMALL: f"is too small: {platform.name} takes at least {size}",
    }
    if problem.field in FILES and problem.defect in ways:
        return f"{what} {ways[problem.defect]}."
    least = problem.defect in {Defect.TOO_FEW, Defect.TOO_SMALL, Defect.TOO_SHORT, Defect.TOO_SLOW}
    bound = f"{platform.name} takes {'at least' if least else 'at most'} {limit}"
    if problem.field == MEDIA and problem.allowed in _limits(facts, "most_pages"):
        return f"{bound} pages in a document, and this one has {actual}."
    if problem.field in COUNTED:
        return f"{bound} {COUNTED[problem.field]}, and there are {actual}."
    return f"{bound} for {_field(problem, platform)}, not {actual}."


def _field(problem: Problem, platform: Platform) -> str:
    """Return what the field is called inside a sentence."""
    at = "" if problem.index is None else f" {problem.index + 1}"
    if problem.field == THREAD:
        return f"part{at}" if at else "thread"
    if problem.field in FILES:
        return FILES[problem.field] + at
    if problem.field in TEXTS:
        return TEXTS[TextField(problem.field)] + (f" of file{at}" if at else "")
    if problem.field == "place":
        return platform.place or "place"
    return f'"{option_label(platform.key, problem.field)}"'


def _the(field: str) -> str:
    """Return the field as the beginning of a sentence."""
    if field.startswith(('"', "part ", "file ")):
        return field[:1].upper() + field[1:]
    return f"The {field}"


def _number(value: str) -> str:
    """Return a number as people write it, and anything else as it is."""
    try:
        return f"{float(value):,.10g}"
    except ValueError:
        return value


def _over(problem: Problem, facts: PublishingFacts) -> str:
    """Return by how much a text is too long, with the unit."""
    over = int(problem.actual) - int(problem.allowed)
    unit = _unit(problem, facts)
    return f"{over:,} {unit if over != 1 else unit.removesuffix('s')}"


def _unit(problem: Problem, facts: PublishingFacts) -> str:
    field = TextField.TEXT if problem.field == THREAD else TextField(problem.field)
    formats = [one.part or one for one in facts.formats.values()]
    rules = (rule.texts.get(field) for rule in formats)
    unit = next(
        (rule.unit for rule in rules if rule is not None and str(rule.most) == problem.allowed), "characters"
    )
    return UNITS[str(unit)]


def _formats(facts: PublishingFacts) -> str:
    return kit.listed(dict.fromkeys(FORMATS[one] for one in facts.formats))


def _choices(problem: Problem, platform: Platform) -> str:
    values = filter(None, problem.allowed.split(", "))
    named = [choice_label(platform.key, problem.field, value) for value in values]
    return kit.listed(named, "or") or "another value"


def _type(mime: str) -> str:
    """Return what a file is, in words."""
    return TYPES.get(mime, _number(mime) if mime else "something else")


def _types(allowed: str) -> str:
    return kit.listed(dict.fromkeys(_type(one) for one in allowed.split(", ")), "or")


def _size(problem: Problem, facts: PublishingFacts) -> str:
    """Return the limit of a file's size in its unit: pixels of a side, pixels in all, or bytes."""
    value = float(problem.allowed)
    if problem.allowed in _limits(facts, "most_pixels"):
        return f"{value / 1e6:.3g} million pixels"
    if value > 1 and problem.allowed in _limits(facts, "largest_side", "smallest_side") | {FULL_HD}:
        return f"{value:,.0f} pixels on a side"
    for unit, size in (("GB", 1024**3), ("MB", 1024**2), ("KB", 1024)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:g} byte{'s' if value != 1 else ''}"


def _limits(facts: PublishingFacts, *names: str) -> set[str]:
    """Return the limits of files with these names, in all formats, as a `Problem` writes them."""
    rules = [
        rule
        for one in facts.formats.values()
        for each in (one, one.part)
        if each
        for rule in each.media.values()
    ]
    return {f"{limit:g}" for rule in rules for name in names if (limit := getattr(rule, name)) is not None}
