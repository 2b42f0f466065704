"""Which pictures are converted for a platform, and what they become."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.base import (
    Content,
    Conversion,
    Defect,
    Format,
    FormatRule,
    Media,
    MediaKind,
    MediaRule,
    Part,
    PublishingFacts,
    conversions_of,
    problems_of,
    with_files,
)

RULE = MediaRule(
    types=frozenset({"image/jpeg"}),
    most_bytes=1000,
    largest_side=2000,
    most_pixels=1_000_000,
    highest_ratio=2.0,
    converts=True,
)
FACTS = PublishingFacts(
    formats={
        Format.IMAGE: FormatRule(
            media={MediaKind.IMAGE: RULE, MediaKind.GIF: RULE}, fewest=1, most=1, cover=RULE
        ),
        Format.THREAD: FormatRule(fewest=2, most=5, part=FormatRule(media={MediaKind.IMAGE: RULE}, most=1)),
    }
)
JPEG = Media(key="k", kind=MediaKind.IMAGE, type="image/jpeg", size=900, width=800, height=600)
ASKED = Conversion(most_bytes=1000, largest_side=2000, most_pixels=1_000_000)


def post(media: Media) -> Content:
    return Content(format=Format.IMAGE, media=(media,))


@pytest.mark.parametrize(
    ("change", "conversion", "size"),
    [
        pytest.param({}, None, (800, 600), id="fits"),
        pytest.param({"type": "image/png"}, ASKED, (800, 600), id="another type"),
        pytest.param({"size": 5000}, ASKED, (800, 600), id="too many bytes"),
        pytest.param({"width": 4000, "height": 2000}, ASKED, (1414, 707), id="too many pixels"),
        pytest.param({"width": 2500, "height": 100}, ASKED, (2000, 80), id="too long a side"),
    ],
)
def test_a_picture_that_does_not_fit_becomes_a_jpeg_that_does(
    change: dict[str, object], conversion: Conversion | None, size: tuple[int, int]
) -> None:
    media = replace(JPEG, **change)  # type: ignore[arg-type]

    found = conversions_of(FACTS, post(media)).get("k")

    made = found.result_of(media) if found else media
    assert (found, (made.width, made.height), made.type) == (conversion, size, "image/jpeg")
    assert Defect.WRONG_TYPE not in {one.defect for one in problems_of(FACTS, post(media))}
    assert Defect.TOO_BIG not in {one.defect for one in problems_of(FACTS, post(media))}


def test_a_shape_that_the_platform_does_not_take_is_refused_and_never_cropped() -> None:
    wide = replace(JPEG, type="image/png", width=900, height=300)

    assert [one.defect for one in problems_of(FACTS, post(wide))] == [Defect.TOO_WIDE]


def test_a_type_that_cannot_be_stored_is_refused() -> None:
    heic = replace(JPEG, type="image/heic")

    assert [one.defect for one in problems_of(FACTS, post(heic))] == [Defect.WRONG_TYPE]


@pytest.mark.parametrize("kind", [MediaKind.GIF, MediaKind.VIDEO, MediaKind.DOCUMENT])
def test_nothing_but_a_still_picture_is_converted(kind: MediaKind) -> None:
    moving = replace(JPEG, kind=kind, type="image/gif")

    assert conversions_of(FACTS, post(moving)) == {}
    assert [one.defect for one in problems_of(FACTS, post(moving))] == [Defect.WRONG_TYPE]


def test_a_rule_that_does_not_convert_refuses() -> None:
    strict = replace(FACTS.formats[Format.IMAGE], media={MediaKind.IMAGE: replace(RULE, converts=False)})
    facts = PublishingFacts(formats={Format.IMAGE: strict})
    png = replace(JPEG, type="image/png")

    assert conversions_of(facts, post(png)) == {}
    assert [one.defect for one in problems_of(facts, post(png))] == [Defect.WRONG_TYPE]


def test_covers_and_the_parts_of_threads_are_converted_and_keep_their_descriptions() -> None:
    png = replace(JPEG, key="p", type="image/png", alt_text="A mug")
    cover = replace(JPEG, key="c", type="image/webp")
    covered = Content(format=Format.IMAGE, media=(JPEG,), cover=cover)
    thread = Content(format=Format.THREAD, thread=(Part(text="One"), Part(text="Two", media=(png,))))
    made = {"p": replace(JPEG, key="made"), "c": replace(JPEG, key="made too")}

    assert set(conversions_of(FACTS, covered)) == {"c"}
    assert set(conversions_of(FACTS, thread)) == {"p"}
    assert with_files(covered, made).cover == made["c"]
    assert with_files(thread, made).thread[1].media == (replace(made["p"], alt_text="A mug"),)
