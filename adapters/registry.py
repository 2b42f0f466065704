"""The platforms that an installation knows: their facts, and an adapter for each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import httpx

from adapters.base import Adapter, Platform
from adapters.facebook.account import Facebook
from adapters.instagram.account import Instagram
from adapters.linkedin.account import LinkedIn
from adapters.reddit.account import Reddit
from adapters.tiktok.account import TikTok
from adapters.x.account import X
from adapters.youtube.account import YouTube


class AdapterClass(Protocol):
    """The class of an adapter: it has the facts, and makes an adapter from an HTTP client."""

    @property
    def platform(self) -> Platform:
        """The facts."""
        ...

    def __call__(self, http: httpx.AsyncClient) -> Adapter:
        """Return an adapter that sends its requests with `http`."""
        ...


class Registry:
    """Some platforms, in the order in which people are shown them. Passed to `bot.settings` and `bot.app`."""

    def __init__(self, *classes: AdapterClass) -> None:
        self._classes = classes
        self.platforms: Mapping[str, Platform] = MappingProxyType(
            {c.platform.key: c.platform for c in classes}
        )
        """The facts by key, for those who need no network."""

    def adapters(self, http: httpx.AsyncClient) -> Mapping[str, Adapter]:
        """Return every adapter by its platform's key. All share `http`, which the caller closes."""
        return MappingProxyType({each.platform.key: each(http) for each in self._classes})


REGISTRY = Registry(Facebook, Instagram, X, LinkedIn, TikTok, Reddit, YouTube)
"""Every platform there is an adapter for."""
