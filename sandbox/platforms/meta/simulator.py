"""The whole simulated Meta."""

from __future__ import annotations

from sandbox.platforms.meta.pages import MetaPages


class MetaSimulator(MetaPages):
    """Facebook and Instagram, with what is published on both."""
