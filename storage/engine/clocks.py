"""What a row tells us after the database's clock was set back."""

from __future__ import annotations

from datetime import timedelta

SET_BACK = timedelta(minutes=1)
"""A stored moment that is further ahead than this was stored before the clock was set back.

Two transactions may commit in another order than they began in, but not so far apart.
"""
