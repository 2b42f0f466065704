"""The preview of a post: what stands in it for each platform."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.services.media.previewing import Look
from bot.services.posts.drafts import Written
from bot.views.publishing import preview as views
from tests.composing import account, chosen, picture

SQUARE = picture()
WIDE = replace(picture("p2", "cups.png"), type="image/png", width=4000, height=2500)
WRITTEN = Written(text="Fresh mugs today", media=(SQUARE, WIDE))


def shown(
    *platforms: str, written: Written = WRITTEN, page: str = ""
) -> tuple[list[Look], str, dict[str, Any]]:
    accounts = [account(one, number, name=f"Octa {number}") for number, one in enumerate(platforms)]
    found = views.shown(chosen(written, *accounts), written)
    looks = list(views.looks(found))
    urls = {(one.media.key, one.ratio): f"https://octapost.example/{one.media.key}" for one in looks}
    view = views.preview(found, written, page or urls)
    return looks, str(view["blocks"]), view


def test_a_carousel_is_shown_in_the_shape_of_its_first_picture_where_the_platform_does() -> None:
    instagram, said, _ = shown("instagram")
    facebook, also, _ = shown("facebook")

    assert instagram == [Look(SQUARE), Look(WIDE, 1.0)]
    assert facebook == [Look(SQUARE), Look(WIDE)]
    assert ("shape of the first one" in said, "shape of the first one" in also) == (True, False)


def test_it_says_what_is_converted_and_what_is_sent_unchanged() -> None:
    _, instagram, _ = shown("instagram")
    _, facebook, _ = shown("facebook")

    assert ("cups.png will be converted: PNG to JPEG." in instagram, "Sent unchanged" in instagram) == (
        True,
        False,
    )
    assert ("will be converted" in facebook, "Sent unchanged." in facebook) == (False, True)


def test_accounts_of_a_platform_that_get_the_same_post_stand_over_it_together() -> None:
    _, _, view = shown("facebook", "facebook", "instagram")

    headers = [block["text"]["text"] for block in view["blocks"] if block["type"] == "header"]
    assert headers == ["Facebook: Octa 0, Octa 1", "Instagram: Octa 2"]


def test_a_long_text_says_how_much_of_it_is_not_shown() -> None:
    _, said, _ = shown("facebook", written=replace(WRITTEN, text="m" * 5000))

    assert "(3,000 more characters)" in said


def test_pictures_that_are_on_a_page_are_not_in_slack() -> None:
    _, said, view = shown("facebook", page="https://octapost.example/upload/x/preview")

    assert [block for block in view["blocks"] if block["type"] == "image"] == []
    assert "https://octapost.example/upload/x/preview" in said


def test_without_accounts_it_says_what_to_do() -> None:
    assert views.NOTHING in shown()[1]
