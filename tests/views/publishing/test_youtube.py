"""Everything that YouTube refuses and asks for has its words."""

from __future__ import annotations

import re

from adapters.base import Rejected
from adapters.youtube.formats import FACTS
from adapters.youtube.refusals import PUBLISHING
from bot.views.publishing.youtube import WORDS

SAYS_WHAT_TO_DO = re.compile(r"\w[.;] [A-Z].*\.$")
OURS = frozenset({"missing_scope", "channel_missing", "not_possible"})
"""The codes that the adapter makes itself."""


def test_every_refusal_has_a_sentence_and_no_sentence_is_left_over() -> None:
    refusals = {code for code, error in PUBLISHING.items() if error is Rejected}

    assert WORDS.refusals.keys() == refusals | OURS
    assert [words for words in WORDS.refusals.values() if not SAYS_WHAT_TO_DO.search(words)] == []


def test_every_option_and_choice_has_its_label() -> None:
    assert WORDS.options.keys() == {option.key for option in FACTS.options}
    assert all(len(label) <= 48 for label in WORDS.options.values())
    assert {key: set(labels) for key, labels in WORDS.choices.items()} == {
        option.key: set(option.choices) for option in FACTS.options if option.choices
    }
    assert all(len(label) <= 75 for labels in WORDS.choices.values() for label in labels.values())


def test_a_changed_visibility_is_said_whichever_it_is() -> None:
    [privacy] = [option for option in FACTS.options if option.key == "privacy"]

    assert WORDS.notes.keys() == {f"made_{choice}" for choice in privacy.choices}


def test_a_format_is_either_offered_or_explained() -> None:
    assert not {one.value for one in FACTS.formats} & WORDS.unavailable.keys()
