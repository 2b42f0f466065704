"""Everything that TikTok refuses and asks for has its words."""

from __future__ import annotations

import re

from adapters.base import Rejected
from adapters.tiktok.formats import FACTS
from adapters.tiktok.publishing import REFUSES_ALL
from adapters.tiktok.refusals import FAILURES, MISSING_SCOPE, PUBLISHING
from bot.views.publishing.tiktok import WORDS

SAYS_WHAT_TO_DO = re.compile(r"\w[.;] [A-Z].*\.$", re.DOTALL)
OURS = frozenset({"missing_scope", "settings_changed", "failed", "not_possible"})
"""The codes that the adapter makes itself."""


def test_every_refusal_has_a_sentence_and_no_sentence_is_left_over() -> None:
    refused = {code for code, error in PUBLISHING.items() if error is Rejected} - MISSING_SCOPE

    assert WORDS.refusals.keys() == refused | FAILURES.keys() | REFUSES_ALL | OURS
    assert [words for words in WORDS.refusals.values() if not SAYS_WHAT_TO_DO.search(words)] == []


def test_an_app_that_is_not_audited_is_explained_with_the_ways_out() -> None:
    words = WORDS.refusals["unaudited_client_can_only_post_to_private_accounts"]

    assert "audited" in words
    assert all(way in words for way in ("private", '"Only me"', "draft", "operator"))


def test_every_option_and_choice_has_its_label() -> None:
    assert WORDS.options.keys() == {option.key for option in FACTS.options}
    assert all(len(label) <= 48 for label in WORDS.options.values())
    assert all(len(label) <= 75 for labels in WORDS.choices.values() for label in labels.values())
    assert WORDS.choices["privacy"].keys() == {
        "PUBLIC_TO_EVERYONE",
        "FOLLOWER_OF_CREATOR",
        "MUTUAL_FOLLOW_FRIENDS",
        "SELF_ONLY",
    }


def test_a_format_is_either_offered_or_explained() -> None:
    assert not {one.value for one in FACTS.formats} & WORDS.unavailable.keys()
