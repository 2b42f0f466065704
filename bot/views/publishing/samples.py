"""Examples of the composer's forms, for tests that every payload is one that Slack takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.base import (
    Format,
    FormatRule,
    Media,
    MediaKind,
    MediaRule,
    Option,
    OptionKind,
    PublishingFacts,
    TextField,
    TextRule,
)
from bot.services.posts.candidates import Candidate
from bot.services.posts.drafts import Extra, Written
from bot.views.publishing import composer as first
from bot.views.publishing import details, preview

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.services.accounts.profiles import AccountProfile

PICTURE = Media(key="picture", kind=MediaKind.IMAGE, type="image/jpeg", size=250_000, name="mugs.jpg")


def composer(profile: AccountProfile, value: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield both forms, for one account; `value` is what a form carries."""
    written = Written(
        text="Mugs", media=(PICTURE,), accounts=(profile.account.id,), extras=(Extra.LINK, Extra.COMMENT)
    )
    facts = PublishingFacts(
        formats={
            Format.IMAGE: FormatRule(
                texts={TextField.TITLE: TextRule(most=100), TextField.TEXT: TextRule(most=300)},
                media={MediaKind.IMAGE: MediaRule(types=frozenset({"image/jpeg"}), most_bytes=1)},
                fewest=1,
                most=1,
            )
        },
        places_per_post=3,
    )
    switch = Option(key="nsfw", kind=OptionKind.SWITCH, formats=frozenset({Format.IMAGE}))
    asked = Candidate(profile=profile, facts=facts, wanted=Format.IMAGE, needs_place=True, options=(switch,))
    alerts = ["cups.jpg is empty. Attach it again."]
    form = first.FirstForm(metadata=value, may_attach=True, alerts=alerts)
    yield "publishing.composer.form", first.form([asked], written, form)
    second = details.SecondForm(metadata=value, may_attach=True)
    yield "publishing.details.pages", details.pages([asked], written, second)[0]
    found, seen = preview.shown([asked], written), "https://octapost.example.com/mugs.jpg"
    yield "publishing.preview.preview", preview.preview(found, written, {(PICTURE.key, 0.0): seen})
