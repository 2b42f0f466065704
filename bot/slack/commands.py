"""The words every command line needs: what `/octapost` says about itself."""

from __future__ import annotations

COMMAND = "/octapost"
"""The slash command, as in manifest.yml."""
