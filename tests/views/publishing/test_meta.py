"""Everything that Facebook and Instagram refuse and ask for has its words."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

import pytest

from adapters.base import OutcomeUnknown, PublishingFacts, Rejected
from adapters.facebook import refusals as on_facebook
from adapters.facebook.formats import FACTS as FACEBOOK
from adapters.instagram import refusals as on_instagram
from adapters.instagram.formats import FACTS as INSTAGRAM
from adapters.meta.refusals import UPLOAD_REJECTED, Table
from bot.views.publishing import facebook, instagram
from bot.views.publishing.words import PlatformWords

SAYS_WHAT_TO_DO = re.compile(r"\w[.;] [A-Z].*\.$")
EACH = pytest.mark.parametrize(
    ("words", "facts", "table", "ours"),
    [
        pytest.param(
            facebook.WORDS,
            FACEBOOK,
            on_facebook.PUBLISHING,
            {*UPLOAD_REJECTED, *on_facebook.VIDEO_REJECTED},
            id="facebook",
        ),
        pytest.param(
            instagram.WORDS,
            INSTAGRAM,
            on_instagram.PUBLISHING,
            {*UPLOAD_REJECTED, on_instagram.CONTAINER_FAILED, on_instagram.QUOTA_USED, "not_possible"},
            id="instagram",
        ),
    ],
)


@EACH
def test_every_refusal_has_a_sentence_and_no_sentence_is_left_over(
    words: PlatformWords,
    facts: PublishingFacts,  # noqa: ARG001 - a column
    table: Table,
    ours: AbstractSet[str],
) -> None:
    # A duplicate is refused like everything else before the call that publishes.
    refusals = {code for code, verdict in table.items() if verdict.error in {Rejected, OutcomeUnknown}}

    assert words.refusals.keys() == refusals | ours
    assert [sentence for sentence in words.refusals.values() if not SAYS_WHAT_TO_DO.search(sentence)] == []


@EACH
def test_every_option_has_its_label_and_no_format_is_offered_and_denied(
    words: PlatformWords,
    facts: PublishingFacts,
    table: Table,  # noqa: ARG001 - a column
    ours: AbstractSet[str],  # noqa: ARG001 - a column
) -> None:
    assert words.options.keys() == {option.key for option in facts.options}
    assert all(len(label) <= 48 for label in words.options.values())
    assert not {one.value for one in facts.formats} & words.unavailable.keys()
    assert "story" in words.unavailable
