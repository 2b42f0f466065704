"""Fixtures of the stories' tests: the product in its world."""

from __future__ import annotations

from tests.application import either_office, office
from tests.databases import postgres

__all__ = ["either_office", "office", "postgres"]
