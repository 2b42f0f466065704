"""What TikTok takes: lengths, files, and the rules of its audit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from adapters.base import (
    Choice,
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
from adapters.tiktok.account import TikTok
from adapters.tiktok.formats import FACTS, MOST_PHOTOS, live_of, post_info_of
from adapters.tiktok.publishing import TikTokPublisher
from adapters.tiktok.uploads import CHUNK, Chunks

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
PHOTO = Media(key="photo", kind=MediaKind.IMAGE, type="image/jpeg", size=4_000, width=1080, height=1920)
OPTIONS: dict[str, OptionValue] = {"privacy": "PUBLIC_TO_EVERYONE", "music_confirmation": True}
VIDEO = Content(format=Format.VIDEO, text="Our new mug #coffee", media=(CLIP,), options=OPTIONS)
PHOTOS = Content(format=Format.CAROUSEL, title="Autumn", text="Mugs", media=(PHOTO, PHOTO), options=OPTIONS)
DRAFT = Content(format=Format.DRAFT, media=(CLIP,))


@pytest.fixture
def publisher(http: httpx.AsyncClient) -> TikTokPublisher:
    return TikTok(http).publisher


def defects(problems: tuple[Problem, ...]) -> list[tuple[str, str]]:
    return [(problem.field, problem.defect.value) for problem in problems]


def choosing(**options: OptionValue) -> Content:
    return replace(VIDEO, options=OPTIONS | options)


def test_the_adapter_publishes(http: httpx.AsyncClient) -> None:
    assert isinstance(TikTok(http), Publishes)


@pytest.mark.parametrize(
    "content",
    [
        VIDEO,
        PHOTOS,
        replace(PHOTOS, media=(PHOTO,) * MOST_PHOTOS),
        replace(PHOTOS, format=Format.IMAGE, media=(PHOTO,)),
        DRAFT,
        replace(DRAFT, media=(PHOTO, PHOTO), title="Autumn", text="Mugs"),
        replace(VIDEO, text="🎉" * 1100),
        choosing(comments=True, duet=True, stitch=True, ai_generated=True),
        choosing(commercial=True, your_brand=True),
        choosing(commercial=True, branded_content=True, branded_policy=True),
    ],
)
def test_a_whole_post_has_no_problem(publisher: TikTokPublisher, content: Content) -> None:
    assert publisher.check(content) == ()
    assert publisher.steps(content) == (Step(kind=StepKind.POST),)


def test_nothing_is_chosen_for_a_member_that_the_audit_leaves_to_them() -> None:
    defaults = {option.key: option.default for option in FACTS.options}

    assert (defaults.pop("privacy"), defaults.pop("music_confirmation")) == (None, None)
    assert set(defaults.values()) == {False}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (replace(VIDEO, options={}), [("privacy", "missing"), ("music_confirmation", "missing")]),
        (choosing(music_confirmation=False), [("music_confirmation", "missing")]),
        (replace(VIDEO, text="🎉" * 1101), [("text", "too_long")]),
        (replace(VIDEO, title="A title"), [("title", "not_taken")]),
        (replace(PHOTOS, title="t" * 91), [("title", "too_long")]),
        (replace(PHOTOS, text="t" * 4001), [("text", "too_long")]),
        (replace(PHOTOS, media=(PHOTO,) * 36), [("media", "too_many")]),
        (replace(PHOTOS, media=(PHOTO, replace(PHOTO, type="image/png"))), []),  # it is converted
        (replace(PHOTOS, media=(PHOTO, replace(PHOTO, type="image/bmp"))), [("media", "wrong_type")]),
        (replace(PHOTOS, media=(PHOTO, CLIP)), [("media", "wrong_type")]),
        (replace(PHOTOS, media=(PHOTO, replace(PHOTO, height=1921))), []),
        (replace(PHOTOS, options=OPTIONS | {"duet": True}), [("duet", "not_taken")]),
        (replace(VIDEO, media=(replace(CLIP, duration=timedelta(seconds=2)),)), [("media", "too_short")]),
        (
            replace(VIDEO, media=(replace(CLIP, duration=timedelta(seconds=601)),)),
            [("media", "too_long_video")],
        ),
        (replace(VIDEO, media=(replace(CLIP, width=359),)), [("media", "too_small")]),
        (replace(VIDEO, media=(replace(CLIP, frame_rate=61),)), [("media", "too_fast")]),
        (replace(VIDEO, media=(replace(CLIP, frame_rate=22.9),)), [("media", "too_slow")]),
        (replace(DRAFT, media=(replace(CLIP, frame_rate=22.9),)), [("media", "too_slow")]),
        (replace(DRAFT, text="Lost in the inbox"), [("text", "not_taken")]),
        (replace(DRAFT, media=(CLIP, CLIP)), [("media", "too_many")]),
        (replace(DRAFT, media=(CLIP, PHOTO)), [("media", "mixed")]),
        (replace(DRAFT, options=OPTIONS), [("privacy", "not_taken"), ("music_confirmation", "not_taken")]),
        (choosing(commercial=True), [("commercial", "missing")]),
        (choosing(your_brand=True), [("your_brand", "not_taken")]),
        (choosing(commercial=True, branded_content=True), [("branded_policy", "missing")]),
        (
            choosing(commercial=True, branded_content=True, branded_policy=True, privacy="SELF_ONLY"),
            [("privacy", "not_a_choice")],
        ),
        (replace(VIDEO, first_comment="First!"), [("first_comment", "not_taken")]),
        (replace(VIDEO, format=Format.REEL), [("format", "no_format")]),
    ],
)
def test_what_tiktok_refuses_is_said_before_anything_is_sent(
    publisher: TikTokPublisher, changed: Content, expected: list[tuple[str, str]]
) -> None:
    assert defects(publisher.check(changed)) == expected


def test_creator_info_decides_about_privacy_switches_and_length(publisher: TikTokPublisher) -> None:
    live = live_of(
        {
            "privacy_level_options": ["FOLLOWER_OF_CREATOR", "SELF_ONLY", None],
            "comment_disabled": True,
            "duet_disabled": False,
            "stitch_disabled": True,
            "max_video_post_duration_sec": 60,
            "creator_nickname": "Octa Demo",
            "creator_avatar_url": "https://p16.tiktokcdn.com/octa.jpg",
        }
    )
    content = replace(
        choosing(comments=True, duet=True), media=(replace(CLIP, duration=timedelta(seconds=61)),)
    )

    assert live == Live(
        choices={"privacy": (Choice(value="FOLLOWER_OF_CREATOR"), Choice(value="SELF_ONLY"))},
        off=frozenset({"comments", "stitch"}),
        longest_video=timedelta(minutes=1),
        name="Octa Demo",
        picture="https://p16.tiktokcdn.com/octa.jpg",
    )
    assert sorted(defects(publisher.check(content, live))) == [
        ("comments", Defect.NOT_TAKEN.value),
        ("media", Defect.TOO_LONG_VIDEO.value),
        ("privacy", Defect.NOT_A_CHOICE.value),
    ]


def test_whatever_was_not_allowed_is_off() -> None:
    assert post_info_of(VIDEO) == {
        "title": "Our new mug #coffee",
        "privacy_level": "PUBLIC_TO_EVERYONE",
        "disable_comment": True,
        "disable_duet": True,
        "disable_stitch": True,
        "brand_content_toggle": False,
        "brand_organic_toggle": False,
        "is_aigc": False,
    }


@pytest.mark.parametrize(
    ("size", "chunk", "count", "last"),
    [
        (1, 1, 1, 1),
        (4_999_999, 4_999_999, 1, 4_999_999),
        (2 * CHUNK - 1, 2 * CHUNK - 1, 1, 2 * CHUNK - 1),
        (2 * CHUNK, CHUNK, 2, CHUNK),
        (50_000_123, CHUNK, 5, 10_000_123),
        (4_000_000_000, CHUNK, 400, CHUNK),
    ],
)
def test_a_video_is_cut_by_tiktoks_rules(size: int, chunk: int, count: int, last: int) -> None:
    chunks = Chunks(size=size)
    spans = [chunks.span(index) for index in range(chunks.count)]

    assert (chunks.chunk, chunks.count, spans[-1][1]) == (chunk, count, last)
    assert chunks.count == max(size // chunks.chunk, 1)
    assert [start for start, _ in spans] == [index * chunk for index in range(count)]
    assert sum(length for _, length in spans) == size
