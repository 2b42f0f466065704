"""What the checks that all platforms share find in a content."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.base import (
    Choice,
    Content,
    Defect,
    Format,
    FormatRule,
    Live,
    Media,
    MediaKind,
    MediaRule,
    Option,
    OptionKind,
    Part,
    Problem,
    PublishingFacts,
    TextField,
    TextRule,
    Unit,
    problems_of,
    utf8_length,
    utf16_length,
)

PHOTO = MediaRule(types=frozenset({"image/jpeg"}), most_bytes=1000, lowest_ratio=0.5, highest_ratio=2.0)
CLIP = MediaRule(
    types=frozenset({"video/mp4"}),
    most_bytes=5000,
    shortest=timedelta(seconds=3),
    longest=timedelta(seconds=60),
    highest_frame_rate=60,
)
TEXT = TextRule(most=10)
ALT = TextRule(most=5)
FACTS = PublishingFacts(
    formats={
        Format.TEXT: FormatRule(texts={TextField.TEXT: replace(TEXT, required=True)}),
        Format.IMAGE: FormatRule(
            texts={TextField.TEXT: TEXT, TextField.ALT_TEXT: ALT},
            media={MediaKind.IMAGE: PHOTO},
            fewest=1,
            most=1,
        ),
        Format.VIDEO: FormatRule(
            texts={TextField.TITLE: TextRule(most=4, required=True)},
            media={MediaKind.VIDEO: CLIP},
            fewest=1,
            most=1,
            cover=PHOTO,
        ),
        Format.THREAD: FormatRule(
            fewest=2,
            most=3,
            part=FormatRule(
                texts={TextField.TEXT: TEXT, TextField.ALT_TEXT: ALT}, media={MediaKind.IMAGE: PHOTO}, most=1
            ),
        ),
    },
    options=(
        Option(key="privacy", kind=OptionKind.CHOICE, formats=frozenset({Format.VIDEO}), required=True),
        Option(key="tags", kind=OptionKind.WORDS, formats=frozenset({Format.VIDEO}), most=2),
    ),
)
A_PHOTO = Media(key="p", kind=MediaKind.IMAGE, type="image/jpeg", size=900, width=100, height=100)
A_CLIP = Media(
    key="v",
    kind=MediaKind.VIDEO,
    type="video/mp4",
    size=900,
    width=90,
    height=160,
    duration=timedelta(seconds=10),
    frame_rate=30,
)
A_VIDEO = Content(format=Format.VIDEO, title="Mugs", media=(A_CLIP,), options={"privacy": "public"})


def found(content: Content, live: Live | None = None) -> set[tuple[Defect, str, int | None]]:
    return {(one.defect, one.field, one.index) for one in problems_of(FACTS, content, live)}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(Content(format=Format.TEXT, text="Ten letter"), id="a text at the limit"),
        pytest.param(Content(format=Format.IMAGE, media=(A_PHOTO,)), id="a picture without a text"),
        pytest.param(A_VIDEO, id="a video"),
        pytest.param(replace(A_VIDEO, cover=A_PHOTO), id="a video with a cover"),
        pytest.param(
            Content(format=Format.THREAD, thread=(Part(text="One"), Part(media=(A_PHOTO,)))), id="a thread"
        ),
    ],
)
def test_a_content_that_keeps_the_limits_has_no_problem(content: Content) -> None:
    assert problems_of(FACTS, content) == ()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (Content(format=Format.REEL), (Defect.NO_FORMAT, "format", None)),
        (Content(format=Format.TEXT, text=" \n"), (Defect.MISSING, "text", None)),
        (Content(format=Format.TEXT, text="Eleven char"), (Defect.TOO_LONG, "text", None)),
        (Content(format=Format.TEXT, text="Hi", title="No"), (Defect.NOT_TAKEN, "title", None)),
        (Content(format=Format.TEXT, text="Hi", media=(A_PHOTO,)), (Defect.TOO_MANY, "media", None)),
        (Content(format=Format.TEXT, text="Hi", cover=A_PHOTO), (Defect.NOT_TAKEN, "cover", None)),
        (Content(format=Format.IMAGE), (Defect.TOO_FEW, "media", None)),
        (Content(format=Format.IMAGE, media=(A_CLIP,)), (Defect.WRONG_TYPE, "media", 0)),
        (
            Content(format=Format.IMAGE, media=(replace(A_PHOTO, alt_text="Too long"),)),
            (Defect.TOO_LONG, "alt_text", 0),
        ),
        (replace(A_VIDEO, cover=replace(A_PHOTO, size=1001)), (Defect.TOO_BIG, "cover", None)),
        (replace(A_VIDEO, options={}), (Defect.MISSING, "privacy", None)),
        (replace(A_VIDEO, options={"privacy": "public", "mood": "good"}), (Defect.NOT_TAKEN, "mood", None)),
        (
            replace(A_VIDEO, options={"privacy": "public", "tags": ("a", "b", "c")}),
            (Defect.TOO_LONG, "tags", None),
        ),
        (Content(format=Format.THREAD, thread=(Part(text="One"),)), (Defect.TOO_FEW, "thread", None)),
        (Content(format=Format.THREAD, thread=(Part(text="One"),) * 4), (Defect.TOO_MANY, "thread", None)),
        (Content(format=Format.THREAD, thread=(Part(text="One"), Part())), (Defect.MISSING, "thread", 1)),
        (
            Content(format=Format.THREAD, thread=(Part(text="One"), Part(text="Eleven char"))),
            (Defect.TOO_LONG, "thread", 1),
        ),
        (
            Content(format=Format.THREAD, thread=(Part(text="One"), Part(media=(A_PHOTO, A_PHOTO)))),
            (Defect.TOO_MANY, "media", 1),
        ),
    ],
)
def test_one_thing_that_does_not_fit_is_the_one_problem(
    content: Content, expected: tuple[Defect, str, int | None]
) -> None:
    assert expected in found(content)


@pytest.mark.parametrize(
    ("changes", "defect"),
    [
        ({"size": 5001}, Defect.TOO_BIG),
        ({"size": 0}, Defect.TOO_SMALL),
        ({"type": "video/webm"}, Defect.WRONG_TYPE),
        ({"duration": timedelta(seconds=61)}, Defect.TOO_LONG_VIDEO),
        ({"duration": timedelta(seconds=2)}, Defect.TOO_SHORT),
        ({"frame_rate": 120.0}, Defect.TOO_FAST),
    ],
)
def test_a_file_outside_one_limit_has_that_problem(changes: dict[str, object], defect: Defect) -> None:
    clip = replace(A_CLIP, **changes)  # type: ignore[arg-type]

    assert found(replace(A_VIDEO, media=(clip,))) == {(defect, "media", 0)}


@pytest.mark.parametrize(("width", "defect"), [(49, Defect.TOO_TALL), (201, Defect.TOO_WIDE)])
def test_a_picture_outside_the_ratios_has_that_problem(width: int, defect: Defect) -> None:
    picture = replace(A_PHOTO, width=width, height=100)

    assert found(Content(format=Format.IMAGE, media=(picture,))) == {(defect, "media", 0)}


def test_what_the_platform_says_now_goes_before_the_facts() -> None:
    private = Live(choices={"privacy": (Choice(value="private"),)}, longest_video=timedelta(seconds=5))
    off = Live(off=frozenset({"privacy"}))

    assert found(A_VIDEO, private) == {
        (Defect.NOT_A_CHOICE, "privacy", None),
        (Defect.TOO_LONG_VIDEO, "media", 0),
    }
    assert found(A_VIDEO, off) == {(Defect.NOT_TAKEN, "privacy", None)}
    assert found(replace(A_VIDEO, options={}), off) == set()


def test_a_problem_names_the_limit_and_the_value_in_the_unit_of_the_rule() -> None:
    rule = TextRule(most=3, unit=Unit.BYTES, count=utf8_length)
    facts = PublishingFacts(formats={Format.TEXT: FormatRule(texts={TextField.TEXT: rule})})

    assert problems_of(facts, Content(format=Format.TEXT, text="éé")) == (
        Problem(defect=Defect.TOO_LONG, field="text", allowed="3", actual="4"),
    )


@pytest.mark.parametrize(("text", "utf8", "utf16"), [("", 0, 0), ("a", 1, 1), ("é", 2, 1), ("👋", 4, 2)])
def test_lengths_are_those_of_the_encodings(text: str, utf8: int, utf16: int) -> None:
    assert (utf8_length(text), utf16_length(text)) == (utf8, utf16)


@pytest.mark.parametrize(
    ("link", "good"),
    [
        ("https://example.com", True),
        ("http://example.com:8080/a?b=c#d", True),
        ("https://пример.рф/страница", True),
        ("https://shop.example.com./", True),
        ("https://ana:secret@example.com/", False),
        ("https://ana@example.com/", False),
        ("ftp://example.com/a", False),
        ("javascript:alert(1)", False),
        ("example.com", False),
        ("https://localhost/a", False),
        ("https://10.0.0.1/a", False),
        ("https://[::1]/a", False),
        ("https://example.com:port/", False),
        ("https://exa mple.com/", False),
        ("https://example.com/\u202egnp", False),
        ("https://.com", False),
        ("https://", False),
    ],
)
def test_a_link_is_a_web_address_that_anybody_can_open(link: str, good: bool) -> None:
    facts = PublishingFacts(
        formats={Format.LINK: FormatRule(texts={TextField.LINK: TextRule(most=100, required=True)})}
    )
    problems = problems_of(facts, Content(format=Format.LINK, link=link))

    assert [problem.defect for problem in problems] == ([] if good else [Defect.BAD_LINK])
