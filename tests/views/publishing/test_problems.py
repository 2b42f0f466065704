"""Every problem that a platform's check can report has a sentence that names what would be right."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from adapters.base import (
    Content,
    Defect,
    Format,
    Media,
    MediaKind,
    Problem,
    PublishingFacts,
    TextField,
)
from adapters.reddit.requirements import KINDS, LENGTHS, LISTS
from adapters.registry import REGISTRY
from bot.views.publishing.problems import COUNTED, FILES, FORMATS, PLACE_RULES, sentence
from tests.composing import publisher

LIMIT, FOUND = "77", "99"
LIMITED = set(Defect) - {
    Defect.NO_FORMAT,
    Defect.MISSING,
    Defect.NOT_TAKEN,
    Defect.NOT_A_CHOICE,
    Defect.BAD_CHARACTER,
    Defect.BAD_LINK,
    Defect.MIXED,
    Defect.SAME_TEXT,
    Defect.PLACE_RULE,
}
WHAT_TO_DO = re.compile(
    r"\. (Add one|Fill it in|Write|Remove|Use|Leave it out|It takes|Check|Shorten it)|^Choose again for|Choose"
)


def facts_of(platform: str) -> PublishingFacts:
    found = import_module(f"adapters.{platform}.formats").FACTS
    assert isinstance(found, PublishingFacts)
    return found


@pytest.mark.parametrize("platform", REGISTRY.platforms)
@pytest.mark.parametrize("defect", Defect)
def test_every_defect_of_every_field_names_what_would_be_right(platform: str, defect: Defect) -> None:
    facts = facts_of(platform)
    options = [one.key for one in facts.options]
    fields = {*TextField, *COUNTED, *FILES, "place", "format", *options}

    wrong = []
    for field in fields:
        for index in (None, 0):
            problem = Problem(defect=defect, field=field, index=index, allowed=LIMIT, actual=FOUND)
            said = sentence(problem, REGISTRY.platforms[platform], facts)
            right = LIMIT in said if defect in LIMITED else WHAT_TO_DO.search(said)
            if not right or not re.fullmatch(r"[A-Z\"][^{}_]{10,250}\.", said) or "  " in said:
                wrong.append((field, index, said))
    assert wrong == []


def test_every_rule_of_a_subreddit_has_its_sentence_and_none_is_left_over() -> None:
    kinds = {rule for rule, _ in KINDS.values()}

    assert PLACE_RULES.keys() == {*LISTS, *LENGTHS, *kinds, "body_required", "body_not_allowed"}
    assert FORMATS.keys() == set(Format)


@pytest.mark.parametrize(
    ("platform", "problem", "said"),
    [
        (
            "x",
            Problem(defect=Defect.TOO_LONG, field="text", allowed="280", actual="281"),
            "The text is 1 character too long: X takes 280. Shorten it.",
        ),
        (
            "x",
            Problem(defect=Defect.MISSING, field="thread", index=1),
            "Part 2 is empty. Write a text for it, or add a file.",
        ),
        (
            "x",
            Problem(defect=Defect.TOO_BIG, field="media", index=0, allowed="5.24288e+06", actual="6.1e+06"),
            "File 1 is too large: X takes at most 5 MB.",
        ),
        (
            "reddit",
            Problem(defect=Defect.PLACE_RULE, field="link", allowed="domain_blacklist", actual="a.com"),
            "This subreddit doesn't allow links to a.com. Use another link.",
        ),
        ("reddit", Problem(defect=Defect.MISSING, field="place"), "Reddit needs a subreddit. Add one."),
        (
            "reddit",
            Problem(defect=Defect.MISSING, field="flair"),
            'Reddit needs "Flair". Fill it in.',
        ),
    ],
)
def test_a_problem_reads_like_this(platform: str, problem: Problem, said: str) -> None:
    assert sentence(problem, REGISTRY.platforms[platform], facts_of(platform)) == said


def test_a_file_of_a_type_that_a_platform_does_not_take_is_named_in_words() -> None:
    scan = Media(key="p1", kind=MediaKind.IMAGE, type="application/pdf", size=9_000, width=640, height=640)
    content = Content(format=Format.IMAGE, text="Mugs", media=(scan,))

    [problem] = publisher("instagram").check(content)

    said = sentence(problem, REGISTRY.platforms["instagram"], facts_of("instagram"))
    assert said == "File 1 is a PDF. Instagram takes a JPEG."
