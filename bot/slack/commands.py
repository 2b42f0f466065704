"""The name of our slash command."""

from __future__ import annotations

COMMAND = "/octapost"
"""The slash command, as in manifest.yml."""
