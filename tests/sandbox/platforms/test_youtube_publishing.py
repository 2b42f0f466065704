"""The simulated YouTube takes, keeps, refuses and shows videos as YouTube documents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from adapters.base import (
    Busy,
    Content,
    Expired,
    Format,
    Live,
    Misconfigured,
    Outcome,
    OutcomeUnknown,
    Presence,
    Receipt,
    Rejected,
    Step,
    StepKind,
)
from adapters.youtube import PLATFORM
from adapters.youtube.account import YouTube
from adapters.youtube.publishing import CHUNK, GRANULE, YouTubePublisher
from sandbox.browser import PLAIN
from sandbox.core import Fault
from sandbox.platforms.youtube.channels import PEOPLE
from sandbox.platforms.youtube.simulator import YouTubeSimulator
from tests.consent import VERIFIER, consent
from tests.credentials import client_of, registered
from tests.patience import until
from tests.publishing import Delivery

OCTA, STUDIO, _ = (person.id for person in PEOPLE)
CHANNEL, BACKSTAGE = "UCoctaChannel00000000001", "UCstudioNine000000000003"
POST, PICTURE = Step(kind=StepKind.POST), Step(kind=StepKind.THUMBNAIL)
SIZE = CHUNK + GRANULE + 100
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def youtube() -> AsyncIterator[YouTubeSimulator]:
    client = client_of(PLATFORM.apps[0])
    async with registered(YouTubeSimulator(), client) as simulator:
        yield simulator


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=PLAIN) as found:
        yield found


@pytest.fixture
def publisher(http: httpx.AsyncClient) -> YouTubePublisher:
    return YouTube(http).publisher


async def signed_in(
    youtube: YouTubeSimulator, http: httpx.AsyncClient, person: str = OCTA, channel: str = CHANNEL
) -> Delivery:
    client = client_of(PLATFORM.apps[0], youtube.url)
    query = await consent(http, PLATFORM, client, person=person, assets=[channel])
    tokens = await YouTube(http).exchange(client, code=query["code"], verifier=VERIFIER)
    return Delivery(client=client, tokens=tokens, account_id=channel)


@pytest.fixture
async def delivery(youtube: YouTubeSimulator, http: httpx.AsyncClient) -> Delivery:
    return await signed_in(youtube, http)


def video_of(delivery: Delivery, size: int | None = None) -> Content:
    return Content(
        format=Format.VIDEO,
        title="Mug launch",
        text="All colours.",
        media=(delivery.media.video(size),),
        cover=delivery.media.image(),
        options={"privacy": "public", "made_for_kids": "no", "tags": ("mug", "blue mug")},
    )


async def publish(publisher: YouTubePublisher, delivery: Delivery, content: Content) -> Receipt:
    prepared = await publisher.prepare(delivery.of(content), {})
    return await publisher.send(delivery.of(content), prepared.handles, POST)


async def test_a_video_and_its_thumbnail_are_published_and_shown(
    youtube: YouTubeSimulator, publisher: YouTubePublisher, delivery: Delivery, http: httpx.AsyncClient
) -> None:
    content = video_of(delivery)
    receipt = await publish(publisher, delivery, content)
    thumbnail = await publisher.send(delivery.of(content, [receipt]), {}, PICTURE)
    page = await http.get(receipt.url)

    [post] = youtube.timeline.posts(CHANNEL)
    video, picture = post.media
    assert (post.id, post.title, post.text) == (receipt.id, "Mug launch", "All colours.")
    assert video.file.content == delivery.media.files[content.media[0].key]
    assert picture.type == "image/jpeg"
    assert dict(post.options) == {
        "privacy": "public",
        "tags": "mug, blue mug",
        "category": "22",
        "made for kids": "false",
        "altered": "false",
    }
    assert receipt.note == ""
    assert thumbnail == receipt
    assert receipt.url.startswith(youtube.url)
    assert page.status_code == 200
    assert "Mug launch" in page.text
    assert "<video" in page.text


async def test_nothing_is_public_before_the_last_bytes(
    youtube: YouTubeSimulator, publisher: YouTubePublisher, delivery: Delivery
) -> None:
    content = video_of(delivery, SIZE)
    prepared = await publisher.prepare(delivery.of(content), {})

    assert youtube.timeline.posts() == []
    assert (await publisher.look(delivery.of(content), prepared.handles, POST, LONG_AGO)).outcome is (
        Outcome.NOT_SENT
    )


async def test_an_upload_that_was_cut_goes_on_and_sends_no_byte_twice(
    youtube: YouTubeSimulator, publisher: YouTubePublisher, delivery: Delivery
) -> None:
    content = video_of(delivery, SIZE)
    youtube.faults.append(Fault(method="PUT", lose_answer=True, times=1))
    with pytest.raises(Busy):
        await publisher.prepare(delivery.of(content), {})
    prepared = await publisher.prepare(delivery.of(content), delivery.kept[-1])
    await publisher.send(delivery.of(content), prepared.handles, POST)

    [post] = youtube.timeline.posts(CHANNEL)
    key = content.media[0].key
    assert (post.media[0].file.size, post.media[0].file.content) == (SIZE, None)
    assert delivery.media.reads == [(key, 0, CHUNK), (key, CHUNK, GRANULE), (key, CHUNK + GRANULE, None)]


async def test_of_a_request_that_breaks_off_whole_granules_are_kept(
    youtube: YouTubeSimulator, publisher: YouTubePublisher, delivery: Delivery, http: httpx.AsyncClient
) -> None:
    content = video_of(delivery, 8 * GRANULE)
    file = delivery.media.files[content.media[0].key]
    youtube.faults.append(Fault(method="PUT", status=503, times=1))
    with pytest.raises(Busy):
        await publisher.prepare(delivery.of(content), {})
    [session], handles = youtube.sessions.values(), delivery.kept[-1]

    async def broken() -> AsyncIterator[bytes]:
        yield file[: 2 * GRANULE + 100]
        await until(lambda: session.file.size == 2 * GRANULE)
        raise ConnectionError

    size = {"Content-Length": str(len(file)), "Content-Range": f"bytes 0-{len(file) - 1}/{len(file)}"}
    with pytest.raises(ConnectionError):
        await http.put(handles["session"], content=broken(), headers=size)
    prepared = await publisher.prepare(delivery.of(content), handles)
    await publisher.send(delivery.of(content), prepared.handles, POST)

    [post] = youtube.timeline.posts(CHANNEL)
    assert delivery.media.reads[-2][1] == 2 * GRANULE
    assert post.media[0].file.content == file


async def test_a_lost_answer_is_found_in_the_session_and_the_video_is_there_once(
    youtube: YouTubeSimulator, publisher: YouTubePublisher, delivery: Delivery
) -> None:
    content = video_of(delivery)
    prepared = await publisher.prepare(delivery.of(content), {})
    youtube.faults.append(Fault(method="PUT", lose_answer=True, times=1))
    with pytest.raises(OutcomeUnknown):
        await publisher.send(delivery.of(content), prepared.handles, POST)
    finding = await publisher.look(delivery.of(content), prepared.handles, POST, LONG_AGO)
    again = await publisher.send(delivery.of(content), prepared.handles, POST)

    [post] = youtube.timeline.posts(CHANNEL)
    assert finding.outcome is Outcome.LIVE
    assert finding.receipt == again
    assert again.id == post.id


async def test_a_video_is_found_in_the_list_of_uploads_when_its_session_is_gone(
    youtube: YouTubeSimulator, publisher: YouTubePublisher, delivery: Delivery
) -> None:
    content = video_of(delivery)
    receipt = await publish(publisher, delivery, content)
    youtube.settings["session_life_s"] = 0
    finding = await publisher.look(delivery.of(content), delivery.kept[-1], POST, LONG_AGO)
    later = await publisher.look(
        delivery.of(content), delivery.kept[-1], POST, datetime.now(UTC) + timedelta(hours=1)
    )

    assert finding.receipt == receipt
    assert later.outcome is Outcome.NOT_FOUND


async def test_a_session_ends_after_a_week(
    youtube: YouTubeSimulator, publisher: YouTubePublisher, delivery: Delivery
) -> None:
    content = video_of(delivery)
    prepared = await publisher.prepare(delivery.of(content), {})
    youtube.settings["session_life_s"] = 0

    with pytest.raises(Expired):
        await publisher.prepare(delivery.of(content), prepared.handles)
    with pytest.raises(Expired):
        await publisher.send(delivery.of(content), prepared.handles, POST)


async def test_a_youtube_that_keeps_only_part_of_each_request_still_gets_the_whole_video(
    youtube: YouTubeSimulator, publisher: YouTubePublisher, delivery: Delivery
) -> None:
    youtube.settings["stores_at_most"] = 3 * GRANULE
    content = video_of(delivery, 8 * GRANULE)
    await publish(publisher, delivery, content)

    [post] = youtube.timeline.posts(CHANNEL)
    assert post.media[0].file.content == delivery.media.files[content.media[0].key]


async def test_a_video_that_youtube_makes_private_says_so(
    youtube: YouTubeSimulator, publisher: YouTubePublisher, delivery: Delivery
) -> None:
    youtube.settings["force_private"] = True
    receipt = await publish(publisher, delivery, video_of(delivery))

    assert receipt.note == "made_private"


async def test_the_quotas_of_the_project_and_the_channel_are_kept(
    youtube: YouTubeSimulator, publisher: YouTubePublisher, delivery: Delivery
) -> None:
    youtube.settings |= {"daily_uploads": 1, "channel_uploads": 1}
    await publish(publisher, delivery, video_of(delivery))
    with pytest.raises(Misconfigured, match="quotaExceeded"):
        await publisher.prepare(delivery.of(video_of(delivery)), {})
    youtube.settings["daily_uploads"] = 1

    with pytest.raises(Busy, match="uploadLimitExceeded"):
        await publisher.prepare(delivery.of(video_of(delivery)), {})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"title": "t" * 101}, "invalidTitle"),
        ({"title": "<b>"}, "invalidTitle"),
        ({"text": "é" * 2501}, "invalidDescription"),
        ({"options": {"privacy": "friends", "made_for_kids": "no"}}, "invalidVideoMetadata"),
        ({"options": {"privacy": "public", "made_for_kids": "no", "category": "99"}}, "invalidCategoryId"),
        ({"options": {"privacy": "public", "made_for_kids": "no", "tags": ("t" * 501,)}}, "invalidTags"),
    ],
)
async def test_what_youtube_does_not_take_is_refused_before_any_byte(
    youtube: YouTubeSimulator,
    publisher: YouTubePublisher,
    delivery: Delivery,
    changes: dict[str, object],
    reason: str,
) -> None:
    wrong = replace(video_of(delivery), **changes)  # type: ignore[arg-type]

    with pytest.raises(Rejected, match=reason):
        await publisher.prepare(delivery.of(wrong), {})
    assert youtube.sessions == {}


async def test_a_channel_that_is_not_verified_gets_no_thumbnail_and_keeps_its_video(
    youtube: YouTubeSimulator, publisher: YouTubePublisher, http: httpx.AsyncClient
) -> None:
    delivery = await signed_in(youtube, http, STUDIO, BACKSTAGE)
    content = video_of(delivery)
    receipt = await publish(publisher, delivery, content)
    live = await publisher.live(delivery.client, delivery.tokens, BACKSTAGE)

    with pytest.raises(Rejected, match="thumbnail_forbidden"):
        await publisher.send(delivery.of(content, [receipt]), {}, PICTURE)
    assert [post.id for post in youtube.timeline.posts(BACKSTAGE)] == [receipt.id]
    assert live == Live(longest_video=timedelta(minutes=15))


async def test_a_lost_answer_about_a_thumbnail_is_found_at_the_video(
    youtube: YouTubeSimulator, publisher: YouTubePublisher, delivery: Delivery
) -> None:
    content = video_of(delivery)
    receipt = await publish(publisher, delivery, content)
    outgoing = delivery.of(content, [receipt])
    before = await publisher.look(outgoing, {}, PICTURE, LONG_AGO)
    youtube.faults.append(Fault(path="thumbnails", lose_answer=True, times=1))
    with pytest.raises(OutcomeUnknown):
        await publisher.send(outgoing, {}, PICTURE)
    after = await publisher.look(outgoing, {}, PICTURE, LONG_AGO)

    assert (before.outcome, after.outcome) == (Outcome.NOT_SENT, Outcome.LIVE)


@pytest.mark.parametrize("ends", ["failure", "rejection", "removal"])
async def test_a_video_that_fails_is_rejected_or_removed_is_gone(
    youtube: YouTubeSimulator, publisher: YouTubePublisher, delivery: Delivery, ends: str
) -> None:
    youtube.settings |= {"failure": "codec"} if ends == "failure" else {}
    youtube.settings |= {"rejection": "copyright"} if ends == "rejection" else {}
    receipt = await publish(publisher, delivery, video_of(delivery))
    who = (delivery.client, delivery.tokens, CHANNEL)
    before = await publisher.presence(*who, [receipt])
    youtube.clock.offset_s = 10
    if ends == "removal":
        youtube.timeline.remove(receipt.id, "owner")

    assert before == (Presence.THERE,)
    assert await publisher.presence(*who, [receipt]) == (Presence.GONE,)


async def test_a_chunk_must_be_whole_granules_and_name_the_right_size(
    youtube: YouTubeSimulator, publisher: YouTubePublisher, delivery: Delivery, http: httpx.AsyncClient
) -> None:
    prepared = await publisher.prepare(delivery.of(video_of(delivery, 2 * GRANULE)), {})
    session = prepared.handles["session"]
    odd = await http.put(
        session, content=b"x", headers={"Content-Range": f"bytes {GRANULE}-{GRANULE}/{2 * GRANULE}"}
    )
    other = await http.put(session, headers={"Content-Range": "bytes */7"})
    unread = await http.put(session, headers={"Content-Range": "nonsense"})
    elsewhere = await http.put(
        session, content=b"x" * 9, headers={"Content-Range": f"bytes 0-8/{2 * GRANULE}"}
    )

    assert [answer.status_code for answer in (odd, other, unread, elsewhere)] == [400, 400, 400, 308]
    assert elsewhere.headers["Range"] == f"bytes=0-{GRANULE - 1}"
    assert youtube.timeline.posts() == []
