"""What the child process draws of files, and what is stored of it."""

from __future__ import annotations

import asyncio
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image, ImageCms
from sqlmodel import select

from adapters.base import Conversion, Media, MediaKind
from bot.services.media.drawing import Drawings
from bot.services.media.findings import Drawing, FileFault, Findings, RefusedFileError
from bot.services.media.inspecting import Inspector
from storage.engine.db import Database
from storage.media import Files
from storage.media_store import MediaStore
from storage.models import PostFile, StoredFile, utc_now
from storage.vault import Vault
from tests.counts import in_full, sampled
from tests.media import gif, jpeg, mp4, pdf, png
from tests.services.media.pictures import GPS, MAKE, ORIENTATION, animated, colour_at, exif_of, picture
from tests.storage.world import build

PLENTY = Drawing(most_bytes=8_000_000, most_pixels=40_000_000)


async def draw(content: bytes, drawing: Drawing = PLENTY) -> tuple[Findings, bytes]:
    """Return what a drawing of a file is, and the drawing."""
    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as made:
        file.write(content)
        found = await Inspector().draw(file, made, drawing)
        made.seek(0)
        return found, made.read()


def saved(image: Image.Image, form: str = "PNG", **more: object) -> bytes:
    made = io.BytesIO()
    image.save(made, form, **more)
    return made.getvalue()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize(
    ("content", "size"),
    sampled(
        [
            pytest.param(png(64, 32), (64, 32), id="png"),
            pytest.param(picture("WEBP"), (40, 20), id="webp"),
            pytest.param(picture("HEIF", size=(64, 32)), (64, 32), id="heic"),
            pytest.param(gif(), (64, 64), id="gif"),
            pytest.param(mp4(), (360, 640), id="video"),
            pytest.param(pdf(2), (1414, 2000), id="pdf"),
        ],
        2,
    ),
)
async def test_every_kind_of_file_is_drawn_as_a_jpeg(content: bytes, size: tuple[int, int]) -> None:
    found, made = await draw(content)

    image = opened(made)
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", size)
    assert found == Findings(kind="image", type="image/jpeg", width=size[0], height=size[1])


@pytest.mark.parametrize("form", sampled(["JPEG", "PNG", "WEBP"], 3))
async def test_a_drawing_stands_upright_and_says_nothing_about_place_or_device(form: str) -> None:
    fields = {MAKE: "Canon", GPS: {1: "N", 2: (52.0, 31.0, 12.0)}, ORIENTATION: 6}

    _, made = await draw(picture(form, size=(64, 32), exif=fields))

    image = opened(made)
    assert (image.size, exif_of(made), set(image.info) & {"exif", "xmp", "comment"}) == ((32, 64), {}, set())
    assert colour_at(made, 16, 4)[0] > 200  # the red half is on top
    assert colour_at(made, 16, 60)[2] > 200


@pytest.mark.parametrize("mode", sampled(["RGBA", "LA", "P"], 3))
async def test_what_is_transparent_becomes_white(mode: str) -> None:
    clear = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    clear.paste((0, 0, 0, 255), (20, 0, 40, 40))
    content = saved(clear.convert(mode) if mode != "P" else clear.quantize())

    _, made = await draw(content)

    assert min(colour_at(made, 5, 20)) > 250
    assert max(colour_at(made, 35, 20)) < 5


async def test_sixteen_bits_of_grey_become_eight() -> None:
    deep = Image.new("I;16", (20, 20), 32768)

    _, made = await draw(saved(deep))

    assert all(abs(value - 128) < 3 for value in colour_at(made, 10, 10))


async def test_the_colours_of_print_become_those_of_screens() -> None:
    _, made = await draw(saved(Image.new("CMYK", (20, 20), (0, 255, 255, 0)), "JPEG"))

    red, green, blue = colour_at(made, 10, 10)
    assert (red > 200, green < 60, blue < 60) == (True, True, True)


@pytest.mark.parametrize(
    "profile", sampled([b"no profile", ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))], 2, 1)
)
async def test_a_colour_profile_is_applied_or_ignored_if_it_is_damaged(
    profile: bytes | ImageCms.ImageCmsProfile,
) -> None:
    stored = profile if isinstance(profile, bytes) else profile.tobytes()

    _, made = await draw(saved(Image.new("RGB", (20, 20), "red"), icc_profile=stored))

    assert colour_at(made, 10, 10)[0] > 250
    assert "icc_profile" not in opened(made).info


@pytest.mark.parametrize(
    ("drawing", "size"),
    sampled(
        [
            pytest.param(
                Drawing(most_bytes=10**6, most_pixels=10**6, largest_side=100), (100, 50), id="side"
            ),
            pytest.param(Drawing(most_bytes=10**6, most_pixels=5000), (100, 50), id="pixels"),
            pytest.param(Drawing(most_bytes=10**6, most_pixels=10**6, ratio=1.0), (200, 200), id="shape"),
            pytest.param(Drawing(most_bytes=10**6, most_pixels=10**6, ratio=4.0), (400, 100), id="wide"),
        ],
        2,
    ),
)
async def test_a_drawing_keeps_its_limits(drawing: Drawing, size: tuple[int, int]) -> None:
    _, made = await draw(saved(Image.new("RGB", (400, 200), "red")), drawing)

    assert opened(made).size == size


async def test_what_is_cut_off_is_as_much_on_both_sides() -> None:
    striped = Image.new("RGB", (300, 100), "red")
    striped.paste("blue", (100, 0, 200, 100))

    _, made = await draw(saved(striped), Drawing(most_bytes=10**6, most_pixels=10**6, ratio=1.0))

    assert min(colour_at(made, 3, 50)[2], colour_at(made, 96, 50)[2]) > 200


async def test_a_picture_gets_fewer_pixels_when_no_quality_makes_it_small_enough() -> None:
    noise = Image.effect_noise((800, 800), 100)

    found, made = await draw(saved(noise), Drawing(most_bytes=60_000, most_pixels=10**6))

    assert len(made) <= 60_000
    assert 100 < found.width == found.height < 800


@in_full
async def test_a_hundred_million_transparent_pixels_are_converted_within_the_childs_memory() -> None:
    found, made = await draw(saved(Image.new("RGBA", (10_000, 10_000), (9, 99, 9, 128)), compress_level=1))

    assert (found.width, found.height, opened(made).size) == (6324, 6324, (6324, 6324))


@pytest.mark.parametrize(
    ("content", "fault"),
    sampled(
        [
            (jpeg()[:-300], FileFault.TRUNCATED),
            (mp4()[:200], FileFault.UNSUPPORTED),
            (pdf()[:60], FileFault.TRUNCATED),
            (b"text" * 100, FileFault.UNSUPPORTED),
        ],
        2,
    ),
)
async def test_what_cannot_be_read_is_not_drawn(content: bytes, fault: FileFault) -> None:
    with pytest.raises(RefusedFileError) as refused:
        await draw(content)

    assert refused.value.fault is fault


async def test_an_animation_is_drawn_by_its_first_frame() -> None:
    _, made = await draw(animated("GIF"))

    assert colour_at(made, 5, 5)[0] < 30


# What is stored


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """An organization's picture in a store, and what draws it."""

    drawings: Drawings
    store: MediaStore
    organization_id: str
    post_id: str
    media: Media

    async def convert(self, conversion: Conversion) -> Media:
        """Return the picture converted, by a process of its own."""
        drawings = Drawings(
            database=self.drawings.database, store=self.store, inspector=self.drawings.inspector
        )
        return await drawings.convert(self.organization_id, self.post_id, self.media, conversion)

    async def made(self) -> list[StoredFile]:
        """Return what was made of the picture."""
        async with self.drawings.database.system(write=False) as session:
            return list(await session.exec(select(StoredFile).where(StoredFile.made_from == self.media.key)))


@pytest.fixture
async def shelf(sqlite_database: Database, vault: Vault, tmp_path: Path) -> Shelf:
    world = await build(sqlite_database, vault, "1")
    store, content = MediaStore(str(tmp_path)), png(64, 64)
    await store.write("mug", io.BytesIO(content))
    async with sqlite_database.system() as session:
        await Files(session).add(
            StoredFile(
                organization_id=world.organization_id,
                key="mug",
                name="mug.png",
                kind="image",
                type="image/png",
                size=len(content),
                sha256=bytes(32),
                width=64,
                height=64,
                used_at=utc_now(),
            )
        )
    return Shelf(
        drawings=Drawings(database=sqlite_database, store=store, inspector=Inspector()),
        store=store,
        organization_id=world.organization_id,
        post_id=world.post_id,
        media=Media(
            key="mug",
            kind=MediaKind.IMAGE,
            type="image/png",
            size=len(content),
            name="mug.png",
            alt_text="A mug",
            width=64,
            height=64,
        ),
    )


SMALL = Conversion(most_bytes=8_000_000, largest_side=32)


async def test_a_converted_picture_is_a_file_of_its_own_and_of_the_post(shelf: Shelf) -> None:
    made = await shelf.convert(SMALL)

    [row] = await shelf.made()
    async with shelf.drawings.database.system(write=False) as session:
        kept = list(await session.exec(select(PostFile.media_id).where(PostFile.media_id == row.id)))
        gone = await Files(session).due_removals()
    assert (made.key, made.type, made.name, made.alt_text) == (row.key, "image/jpeg", "mug.jpg", "A mug")
    assert (made.width, made.height, made.size) == (32, 32, row.size)
    assert opened(b"".join([piece async for piece in shelf.store.read(row.key, 0, row.size)])).size == (
        32,
        32,
    )
    assert (kept, gone, await shelf.store.has("mug")) == ([row.id], [], True)


async def test_each_conversion_is_made_once(shelf: Shelf) -> None:
    async def convert(conversion: Conversion) -> Media:
        return await shelf.drawings.convert(shelf.organization_id, shelf.post_id, shelf.media, conversion)

    together = await asyncio.gather(*(convert(SMALL) for _ in range(5)))
    later, another = await shelf.convert(SMALL), await shelf.convert(Conversion(most_bytes=8_000_000))

    assert {one.key for one in together} == {later.key}
    assert another.key != later.key
    assert len(await shelf.made()) == 2


async def test_two_processes_that_convert_the_same_picture_end_with_one_file(shelf: Shelf) -> None:
    made = await asyncio.gather(*(shelf.convert(SMALL) for _ in range(3)))

    assert {one.key for one in made} == {row.key for row in await shelf.made()}
    assert len(await shelf.made()) == 1


async def test_a_conversion_whose_bytes_are_gone_is_made_again(shelf: Shelf) -> None:
    first = await shelf.convert(SMALL)
    await shelf.store.delete(first.key)

    second = await shelf.convert(SMALL)

    assert second.key != first.key
    assert await shelf.store.has(second.key)


async def test_a_picture_that_is_gone_or_of_another_organization_is_not_converted(shelf: Shelf) -> None:
    with pytest.raises(LookupError):
        await shelf.drawings.convert("org_other", shelf.post_id, shelf.media, SMALL)
    await shelf.store.delete("mug")
    with pytest.raises(LookupError):
        await shelf.convert(SMALL)


async def test_what_was_made_of_a_file_is_discarded_with_it(shelf: Shelf) -> None:
    made = await shelf.drawings.of(shelf.organization_id, "mug", PLENTY)

    async with shelf.drawings.database.system() as session:
        await Files(session).discard(shelf.organization_id, ["mug"])

    async with shelf.drawings.database.system(write=False) as session:
        removals = await Files(session).due_removals()
    assert set(removals) == {"mug", made.key}
    assert await shelf.made() == []
