"""All seven adapters, by key, in the order in which people are shown them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import httpx

from adapters import facebook, instagram, linkedin, reddit, tiktok, x, youtube
from adapters.base import Adapter, Platform
from adapters.facebook.account import Facebook
from adapters.instagram.account import Instagram
from adapters.linkedin.account import LinkedIn
from adapters.reddit.account import Reddit
from adapters.tiktok.account import TikTok
from adapters.x.account import X
from adapters.youtube.account import YouTube

PLATFORMS: Mapping[str, Platform] = MappingProxyType(
    {
        module.PLATFORM.key: module.PLATFORM
        for module in (facebook, instagram, x, linkedin, tiktok, reddit, youtube)
    }
)
"""The facts, for those who need no network."""


def adapters(http: httpx.AsyncClient) -> Mapping[str, Adapter]:
    """Return every adapter by its platform's key. All share `http`, which stays the caller's to close."""
    every: tuple[Adapter, ...] = (
        Facebook(http),
        Instagram(http),
        X(http),
        LinkedIn(http),
        TikTok(http),
        Reddit(http),
        YouTube(http),
    )
    return MappingProxyType({adapter.platform.key: adapter for adapter in every})
