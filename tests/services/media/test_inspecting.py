"""What the child process finds in files, and what it takes out of them."""

from __future__ import annotations

import pytest

from bot.services.media.findings import Change, FileFault, Findings
from bot.services.media.inspecting import fits
from tests.counts import sampled
from tests.media import gif, jpeg, mp4, pdf, png
from tests.services.media.looking import look
from tests.services.media.pictures import GPS, MAKE, ORIENTATION, animated, colour_at, exif_of, film, picture

WHERE = {1: "N", 2: (52.0, 31.0, 12.0)}


@pytest.mark.parametrize(
    ("content", "found"),
    sampled(
        [
            pytest.param(jpeg(), Findings(kind="image", type="image/jpeg", width=640, height=640), id="jpeg"),
            pytest.param(png(), Findings(kind="image", type="image/png", width=640, height=640), id="png"),
            pytest.param(
                picture("WEBP"), Findings(kind="image", type="image/webp", width=40, height=20), id="webp"
            ),
            pytest.param(
                gif(frames=2),
                Findings(kind="gif", type="image/gif", width=64, height=64, duration_ms=200, frame_rate=10.0),
                id="gif",
            ),
            pytest.param(
                gif(frames=1), Findings(kind="image", type="image/gif", width=64, height=64), id="still-gif"
            ),
            pytest.param(
                mp4(),
                Findings(
                    kind="video", type="video/mp4", width=360, height=640, duration_ms=3200, frame_rate=10.0
                ),
                id="mp4",
            ),
            pytest.param(pdf(3), Findings(kind="document", type="application/pdf", pages=3), id="pdf"),
        ],
        3,
    ),
)
async def test_a_file_is_what_its_content_says_and_goes_out_as_it_is(content: bytes, found: Findings) -> None:
    seen = await look(content)

    assert (seen.found, seen.copy) == (found, b"")


@pytest.mark.parametrize("form", ["mov", "webm", "matroska"])
async def test_other_containers_of_video_are_known(form: str) -> None:
    codec = "matroska" if form == "webm" else form  # WebM takes no H.264

    seen = await look(film(codec))

    assert seen.found is not None
    assert (seen.found.kind, seen.found.width, seen.found.height) == ("video", 360, 640)


@pytest.mark.parametrize(
    ("content", "fault"),
    sampled(
        [
            pytest.param(b"", FileFault.EMPTY, id="empty"),
            pytest.param(b"Hello, this is a text.\n" * 20, FileFault.UNSUPPORTED, id="text"),
            pytest.param(b"MZ" + bytes(600), FileFault.UNSUPPORTED, id="program"),
            pytest.param(jpeg()[:-300], FileFault.TRUNCATED, id="half-a-jpeg"),
            pytest.param(png()[:-60], FileFault.TRUNCATED, id="half-a-png"),
            pytest.param(mp4()[:-500], FileFault.TRUNCATED, id="half-a-video"),
            pytest.param(pdf()[:60], FileFault.TRUNCATED, id="half-a-pdf"),
            pytest.param(animated("WEBP"), FileFault.ANIMATED, id="animated-webp"),
            pytest.param(animated("PNG"), FileFault.ANIMATED, id="animated-png"),
        ],
        3,
    ),
)
async def test_a_file_that_cannot_be_published_is_refused_with_the_reason(
    content: bytes, fault: FileFault
) -> None:
    seen = await look(content)

    assert seen.fault is fault


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "exif", sampled([pytest.param({GPS: WHERE}, id="place"), pytest.param({MAKE: "Canon"}, id="device")], 2)
)
async def test_a_picture_that_says_where_or_with_what_it_was_made_loses_that(
    form: str, exif: dict[int, object]
) -> None:
    seen = await look(picture(form, exif=exif))

    assert seen.found is not None
    assert seen.found.change is Change.CLEANED
    assert exif_of(seen.copy) == {}
    assert (await look(seen.copy)).copy == b""


async def test_the_pixels_of_a_cleaned_jpeg_are_not_encoded_again() -> None:
    plain, personal = picture("JPEG"), picture("JPEG", exif={MAKE: "Canon"})

    seen = await look(personal)

    assert seen.copy[-100:] == plain[-100:]
    assert len(seen.copy) <= len(plain)


async def test_a_turned_picture_stands_upright_after_its_orientation_is_gone() -> None:
    seen = await look(picture("JPEG", exif={MAKE: "Canon", ORIENTATION: 6}))

    assert seen.found is not None
    assert (seen.found.width, seen.found.height) == (20, 40)
    assert colour_at(seen.copy, 10, 2)[0] > 200  # the red half is on top
    assert colour_at(seen.copy, 10, 38)[2] > 200


async def test_an_orientation_alone_is_left_in_the_picture() -> None:
    seen = await look(picture("JPEG", exif={ORIENTATION: 6}))

    assert seen.found is not None
    assert (seen.found.width, seen.found.height, seen.copy) == (20, 40, b"")


async def test_a_picture_of_a_phone_becomes_a_jpeg() -> None:
    seen = await look(picture("HEIF", size=(640, 320), exif={MAKE: "Apple", GPS: WHERE}))

    assert seen.found == Findings(
        kind="image", type="image/jpeg", width=640, height=320, change=Change.CONVERTED
    )
    assert exif_of(seen.copy) == {}


async def test_a_video_loses_its_place_and_keeps_its_streams() -> None:
    seen = await look(film(location="+52.5200+013.4050/", make="Apple"))

    assert seen.found is not None
    assert seen.found.change is Change.CLEANED
    assert b"+52.52" not in seen.copy
    again = await look(seen.copy)
    assert again.found is not None
    assert (again.found.width, again.found.duration_ms, again.copy) == (360, seen.found.duration_ms, b"")


@pytest.mark.parametrize(
    ("name", "found", "converted", "goes"),
    [
        ("mugs.jpg", "image/jpeg", False, True),
        ("MUGS.JPEG", "image/jpeg", False, True),
        ("mugs", "image/jpeg", False, True),
        ("mugs.v2", "image/png", False, True),
        ("mugs.jpg", "image/png", False, False),
        ("mugs.mp4", "application/pdf", False, False),
        ("clip.mov", "video/mp4", False, True),
        ("mugs.heic", "image/jpeg", True, True),
        ("mugs.jpg", "image/jpeg", True, False),
    ],
)
def test_a_name_goes_with_what_is_in_the_file(name: str, found: str, converted: bool, goes: bool) -> None:
    assert fits(name, found, converted=converted) is goes
