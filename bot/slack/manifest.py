"""The Slack app manifest, filled in for one installation."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

PLACEHOLDER = "https://octapost.example.com"
BESIDE_THE_PACKAGE = Path(__file__).parents[2] / "manifest.yml"
INSIDE_THE_WHEEL = Path(__file__).parents[1] / "manifest.yml"


def text() -> str:
    """Return manifest.yml as it is in the repository, comments included."""
    path = INSIDE_THE_WHEEL if INSIDE_THE_WHEEL.exists() else BESIDE_THE_PACKAGE
    return path.read_text(encoding="utf-8")


def filled_in(url: str, *, socket_mode: bool = False) -> str:
    """Return the manifest for an installation at `url`.

    Raises:
        ValueError: `url` is not an https origin.

    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.netloc or parts.path.strip("/") or parts.query or parts.username:
        raise ValueError("--url must be an https origin such as https://bot.example.com")
    found = text().replace(PLACEHOLDER, f"https://{parts.netloc}")
    return found.replace("socket_mode_enabled: false", f"socket_mode_enabled: {str(socket_mode).lower()}")
