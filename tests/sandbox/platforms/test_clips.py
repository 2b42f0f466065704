"""How a simulator measures a video."""

from __future__ import annotations

import pytest

from sandbox.platforms.clips import Clip, clip_of
from tests.media import jpeg, mp4, png


def test_a_videos_length_and_size_are_read_from_its_headers() -> None:
    clip = clip_of(mp4(10_000))

    assert clip == Clip(lasts_s=3.2, width=360, height=640)


def test_a_cut_video_is_measured_or_is_none() -> None:
    found = {clip_of(mp4()[:end]) for end in range(1200)}

    assert found == {None, Clip(lasts_s=3.2, width=360, height=640)}


@pytest.mark.parametrize("content", [b"", jpeg(), png(), bytes(100), b"\xff" * 100])
def test_what_is_no_video_has_no_measures(content: bytes) -> None:
    assert clip_of(content) is None
