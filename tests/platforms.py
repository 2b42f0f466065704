"""The facts of every platform there is an adapter for."""

from __future__ import annotations

from adapters.registry import REGISTRY

PLATFORMS = REGISTRY.platforms
