"""What must change before a platform takes a post, in one sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.base import Defect, TextField
from bot.views.publishing.platforms import option_label

if TYPE_CHECKING:
    from adapters.base import Platform, Problem, PublishingFacts

FIELDS = {
    TextField.TEXT: "The text",
    TextField.TITLE: "The title",
    TextField.LINK: "The link",
    TextField.FIRST_COMMENT: "The first comment",
    TextField.ALT_TEXT: "The alt text",
}
UNITS = {"characters": "characters", "bytes": "bytes", "utf16": "characters", "weighted": "characters"}


def sentence(problem: Problem, platform: Platform, facts: PublishingFacts) -> str:
    """Return what is wrong and what would be right, as plain text."""
    field = _field(problem, platform)
    match problem.defect:
        case Defect.TOO_LONG if problem.field in FIELDS:
            over = int(problem.actual) - int(problem.allowed)
            unit = _unit(problem, facts)
            return f"{field} is {over:,} {unit} too long for {platform.name}, which takes {int(problem.allowed):,}."
        case Defect.TOO_LONG:
            return f"{field} takes at most {problem.allowed}."
        case Defect.MISSING:
            return f"{platform.name} needs {field[0].lower()}{field[1:]}."
        case Defect.NOT_TAKEN:
            return f"{platform.name} doesn't take {field[0].lower()}{field[1:]} in this kind of post."
        case Defect.NOT_A_CHOICE:
            return f"{field} must be one of: {problem.allowed}."
        case Defect.BAD_CHARACTER:
            return f"{field} has a character that {platform.name} doesn't take: {problem.actual}"
        case Defect.BAD_LINK:
            return f"{field} is not a link that {platform.name} takes."
        case Defect.PLACE_RULE:
            return f"{platform.name} has a rule there that this breaks: {problem.allowed}."
        case Defect.NO_FORMAT:
            return f"{platform.name} doesn't take this kind of post."
        case _:
            return f"{platform.name} doesn't take this file: {problem.actual} (it takes {problem.allowed})."


def _field(problem: Problem, platform: Platform) -> str:
    if problem.field in FIELDS:
        return FIELDS[TextField(problem.field)]
    if problem.field == "place":
        return f"A {platform.place}"
    if problem.field == "thread":
        return f"Part {(problem.index or 0) + 1}"
    return option_label(platform.key, problem.field)


def _unit(problem: Problem, facts: PublishingFacts) -> str:
    rules = (rule.texts.get(TextField(problem.field)) for rule in facts.formats.values())
    unit = next(
        (rule.unit for rule in rules if rule is not None and str(rule.most) == problem.allowed), "characters"
    )
    return UNITS[str(unit)]
