"""Each account gets what is written in the format that suits its platform, and nothing is left out silently."""

from __future__ import annotations

import pytest

from adapters.base import Format, Media, MediaKind, OptionValue, Part
from bot.services.posts.drafts import ChosenPlace, Details, Extra, ThreadPart, Written
from bot.services.posts.formats import contents_for, format_for
from tests.composing import picture, publisher, video

PAPER = Media(key="d1", kind=MediaKind.DOCUMENT, type="application/pdf", size=9_000, pages=3)
LINKED = Written(text="Mugs", extras=(Extra.LINK,), link="https://example.com/mugs")
THREADED = Written(text="One", extras=(Extra.THREAD,))
A = "acc_1"


@pytest.mark.parametrize(
    ("platform", "written", "wanted"),
    [
        ("facebook", LINKED, Format.LINK),
        ("linkedin", LINKED, Format.LINK),
        ("reddit", LINKED, Format.LINK),
        ("x", LINKED, Format.TEXT),
        ("x", THREADED, Format.THREAD),
        ("facebook", THREADED, Format.TEXT),
        ("youtube", Written(media=(video(),)), Format.VIDEO),
        ("youtube", Written(media=(video(),), reel=True), Format.REEL),
        ("youtube", Written(media=(video(width=1080, height=1080),), reel=True), Format.REEL),
        ("instagram", Written(media=(video(width=1920, height=1080),)), Format.REEL),
        ("linkedin", Written(media=(PAPER,)), Format.DOCUMENT),
        ("instagram", LINKED, None),
    ],
)
def test_the_format_follows_from_files_and_what_was_added(
    platform: str, written: Written, wanted: Format | None
) -> None:
    assert format_for(publisher(platform).facts, written, Details()) is wanted


def test_a_draft_is_one_only_where_the_platform_has_drafts() -> None:
    written = Written(media=(video(),), details={A: Details(as_draft=True)})

    assert [one.format for one in contents_for(publisher("tiktok").facts, written, A)] == [Format.DRAFT]
    assert [one.format for one in contents_for(publisher("facebook").facts, written, A)] == [Format.VIDEO]


@pytest.mark.parametrize(
    ("platform", "text", "link"),
    [("facebook", "Mugs", "https://example.com/mugs"), ("x", "Mugs\n\nhttps://example.com/mugs", "")],
)
def test_a_link_stands_beside_the_text_or_at_its_end(platform: str, text: str, link: str) -> None:
    [content] = contents_for(publisher(platform).facts, LINKED, A)

    assert (content.text, content.link) == (text, link)


def test_a_link_that_was_unticked_again_goes_nowhere() -> None:
    [content] = contents_for(publisher("facebook").facts, Written(text="Mugs", link="https://example.com"), A)

    assert (content.format, content.link) == (Format.TEXT, "")


def test_a_thread_has_its_files_where_they_were_put() -> None:
    first, second, third = picture("p1"), picture("p2"), picture("p3")
    parts = (ThreadPart(text="Two", files=("p2",)), ThreadPart(), ThreadPart(files=("p3", "gone")))
    written = Written(
        text="One", media=(first, second, third), extras=(Extra.THREAD,), details={A: Details(thread=parts)}
    )

    [content] = contents_for(publisher("x").facts, written, A)

    assert content.thread == (
        Part(text="One", media=(first,)),
        Part(text="Two", media=(second,)),
        Part(media=(third,)),
    )
    assert (content.text, content.media) == ("", ())


def test_the_same_files_are_one_post_where_there_are_no_threads() -> None:
    written = Written(text="One", media=(picture("p1"), picture("p2")), extras=(Extra.THREAD,))

    [content] = contents_for(publisher("facebook").facts, written, A)

    assert (content.format, len(content.media), content.thread) == (Format.CAROUSEL, 2, ())


def test_an_account_with_a_text_of_its_own_gets_that() -> None:
    written = Written(text="Mugs", details={A: Details(own_text="Mugs for X")})

    assert [one.text for one in contents_for(publisher("x").facts, written, A)] == ["Mugs for X"]
    assert [one.text for one in contents_for(publisher("x").facts, written, "acc_2")] == ["Mugs"]


def test_each_place_gets_a_post_with_its_own_flair() -> None:
    places = (ChosenPlace(id="mugs", options={"flair": "f1"}), ChosenPlace(id="cups"))
    written = Written(text="Mugs", details={A: Details(title="T", places=places, options={"nsfw": True})})

    found = contents_for(publisher("reddit").facts, written, A)

    assert [(one.place, one.options) for one in found] == [
        ("mugs", {"nsfw": True, "flair": "f1"}),
        ("cups", {"nsfw": True}),
    ]


def test_a_box_below_one_that_is_unticked_does_not_count() -> None:
    options: dict[str, OptionValue] = {
        "commercial": False,
        "branded_content": True,
        "branded_policy": True,
        "privacy": "SELF_ONLY",
    }
    written = Written(media=(video(),), details={A: Details(options=options)})

    [content] = contents_for(publisher("tiktok").facts, written, A)

    assert content.options == {"commercial": False, "privacy": "SELF_ONLY"}


def test_only_platforms_that_have_first_comments_get_one() -> None:
    written = Written(text="Mugs", extras=(Extra.COMMENT,), first_comment="More in the shop")

    comments = {
        platform: contents_for(publisher(platform).facts, written, A)[0].first_comment
        for platform in ("x", "facebook")
    }

    assert comments == {"x": "More in the shop", "facebook": ""}
