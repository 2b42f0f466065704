"""What YouTube takes: lengths as it counts them, tags, Shorts, and the fields that nobody may choose for a member."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from adapters.base import (
    Content,
    Defect,
    Format,
    Live,
    Media,
    MediaKind,
    OptionValue,
    Problem,
    Publishes,
    Step,
    StepKind,
)
from adapters.youtube.account import YouTube
from adapters.youtube.formats import FACTS, description_of, tags_length
from adapters.youtube.publishing import YouTubePublisher
from tests.media import StoredMedia

CLIP = Media(
    key="clip",
    kind=MediaKind.VIDEO,
    type="video/mp4",
    size=4_000,
    width=360,
    height=640,
    duration=timedelta(seconds=3),
    frame_rate=30,
)
OPTIONS: dict[str, OptionValue] = {"privacy": "unlisted", "made_for_kids": "no"}
VIDEO = Content(
    format=Format.VIDEO,
    title="Mug launch",
    text="All colours.",
    media=(CLIP,),
    options=OPTIONS,
)
SHORT = replace(VIDEO, format=Format.REEL)


@pytest.fixture
def publisher(http: httpx.AsyncClient) -> YouTubePublisher:
    return YouTube(http).publisher


def defects(problems: tuple[Problem, ...]) -> list[tuple[str, str]]:
    return [(problem.field, problem.defect.value) for problem in problems]


def test_the_adapter_publishes(http: httpx.AsyncClient) -> None:
    assert isinstance(YouTube(http), Publishes)


@pytest.mark.parametrize("content", [VIDEO, SHORT])
def test_a_whole_video_has_no_problem(publisher: YouTubePublisher, content: Content) -> None:
    assert publisher.check(content) == ()


def test_privacy_and_made_for_kids_are_never_chosen_for_a_member(publisher: YouTubePublisher) -> None:
    required = {option.key: option.default for option in FACTS.options if option.required}

    assert required == {"privacy": None, "made_for_kids": None}
    assert defects(publisher.check(replace(VIDEO, options={}))) == [
        ("privacy", "missing"),
        ("made_for_kids", "missing"),
    ]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (replace(VIDEO, title=""), ("title", "missing")),
        (replace(VIDEO, title="t" * 101), ("title", "too_long")),
        (replace(VIDEO, title="1 < 2"), ("title", "bad_character")),
        (replace(VIDEO, text="a -> b"), ("text", "bad_character")),
        (replace(VIDEO, text="é" * 2501), ("text", "too_long")),
        (replace(VIDEO, media=()), ("media", "too_few")),
        (replace(VIDEO, media=(CLIP, CLIP)), ("media", "too_many")),
        (replace(VIDEO, media=(replace(CLIP, type="application/zip"),)), ("media", "wrong_type")),
        (replace(SHORT, media=(replace(CLIP, width=641),)), ("media", "too_wide")),
        (
            replace(SHORT, media=(replace(CLIP, duration=timedelta(seconds=181)),)),
            ("media", "too_long_video"),
        ),
        (replace(VIDEO, first_comment="First!"), ("first_comment", "not_taken")),
        (replace(VIDEO, format=Format.TEXT), ("format", "no_format")),
        (replace(VIDEO, options=OPTIONS | {"tags": ("t" * 250, "u" * 250)}), ("tags", "too_long")),
        (replace(VIDEO, options=OPTIONS | {"tags": ("<b>",)}), ("tags", "bad_character")),
        (replace(VIDEO, options=OPTIONS | {"category": "99"}), ("category", "not_a_choice")),
    ],
)
def test_what_youtube_refuses_is_said_before_anything_is_sent(
    publisher: YouTubePublisher, changed: Content, expected: tuple[str, str]
) -> None:
    assert defects(publisher.check(changed)) == [expected]


def test_the_longest_texts_that_fit_are_taken(publisher: YouTubePublisher) -> None:
    longest = replace(VIDEO, title="🎉" * 100, text="é" * 2500, options=OPTIONS | {"tags": ("t" * 500,)})

    assert publisher.check(longest) == ()


def test_a_square_short_of_three_minutes_is_taken(publisher: YouTubePublisher) -> None:
    square = replace(CLIP, width=640, duration=timedelta(minutes=3))

    assert publisher.check(replace(SHORT, media=(square,))) == ()


def test_a_channel_that_is_not_verified_is_limited_to_a_quarter_of_an_hour(
    publisher: YouTubePublisher,
) -> None:
    long = replace(VIDEO, media=(replace(CLIP, duration=timedelta(minutes=16)),))

    assert publisher.check(long) == ()
    assert defects(publisher.check(long, Live(longest_video=timedelta(minutes=15)))) == [
        ("media", Defect.TOO_LONG_VIDEO.value)
    ]


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("", "#Shorts"),
        ("All colours.", "All colours.\n\n#Shorts"),
        ("All #shorts colours.", "All #shorts colours."),
        ("#Shorts", "#Shorts"),
        ("#shortstories", "#shortstories\n\n#Shorts"),
        ("example.com/#Shorts", "example.com/#Shorts\n\n#Shorts"),
    ],
)
def test_a_short_says_so_exactly_once(text: str, sent: str) -> None:
    assert description_of(replace(SHORT, text=text)) == sent
    assert description_of(replace(VIDEO, text=text)) == text


def test_a_short_is_never_longer_than_5000_bytes_with_its_tag(publisher: YouTubePublisher) -> None:
    fits, tagged = replace(SHORT, text="d" * 4991), replace(SHORT, text="d" * 4992 + " #Shorts")
    over = replace(SHORT, text="d" * 4992)

    assert len(description_of(fits).encode()) == len(description_of(tagged).encode()) == 5000
    assert publisher.check(fits) == publisher.check(tagged) == ()
    assert publisher.check(over) == (
        Problem(defect=Defect.TOO_LONG, field="text", allowed="5000", actual="5001"),
    )


@pytest.mark.parametrize(
    ("tags", "length"), [((), 0), (("mug",), 3), (("mug", "blue"), 8), (("blue mug", "mug"), 14)]
)
def test_tags_are_counted_with_commas_and_quotes(tags: tuple[str, ...], length: int) -> None:
    assert tags_length(tags) == length


def test_a_thumbnail_is_a_step_of_its_own_that_may_fail(publisher: YouTubePublisher) -> None:
    with_cover = replace(VIDEO, cover=StoredMedia().image())
    steps = publisher.steps(with_cover)

    assert publisher.check(with_cover) == ()
    assert publisher.steps(VIDEO) == (Step(kind=StepKind.POST),)
    assert [(step.kind, step.required) for step in steps] == [
        (StepKind.POST, True),
        (StepKind.THUMBNAIL, False),
    ]


def test_a_thumbnail_of_another_type_is_refused(publisher: YouTubePublisher) -> None:
    animated = replace(VIDEO, cover=StoredMedia().gif())

    assert defects(publisher.check(animated)) == [("cover", "wrong_type")]
