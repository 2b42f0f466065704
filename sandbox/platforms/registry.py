"""Every simulated platform, in the order in which the World page shows them."""

from __future__ import annotations

from sandbox.platforms.linkedin.simulator import LinkedInSimulator
from sandbox.platforms.meta.simulator import MetaSimulator
from sandbox.platforms.oauth import OAuthSimulator
from sandbox.platforms.reddit.simulator import RedditSimulator
from sandbox.platforms.tiktok.simulator import TikTokSimulator
from sandbox.platforms.x.simulator import XSimulator
from sandbox.platforms.youtube.simulator import YouTubeSimulator

SIMULATORS: tuple[type[OAuthSimulator], ...] = (
    MetaSimulator,
    XSimulator,
    LinkedInSimulator,
    TikTokSimulator,
    RedditSimulator,
    YouTubeSimulator,
)
