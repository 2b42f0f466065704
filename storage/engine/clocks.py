"""How to recognize rows that were stored before the database's clock was set back."""

from __future__ import annotations

from datetime import timedelta

SET_BACK = timedelta(minutes=1)
"""A stored time that is further in the future than this was stored before the clock was set back.

Two transactions may commit in another order than the one in which they began, but never this far apart.
"""
