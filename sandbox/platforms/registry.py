"""Every simulated platform, in the order in which the World page shows them."""

from __future__ import annotations

from sandbox.platforms.linkedin import LinkedInSimulator
from sandbox.platforms.meta.simulator import MetaSimulator
from sandbox.platforms.oauth import OAuthSimulator
from sandbox.platforms.reddit import RedditSimulator
from sandbox.platforms.tiktok import TikTokSimulator
from sandbox.platforms.x import XSimulator
from sandbox.platforms.youtube.simulator import YouTubeSimulator

SIMULATORS: tuple[type[OAuthSimulator], ...] = (
    MetaSimulator,
    XSimulator,
    LinkedInSimulator,
    TikTokSimulator,
    RedditSimulator,
    YouTubeSimulator,
)
