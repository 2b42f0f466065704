"""How the simulated X counts a text: written from docs.x.com's "Counting characters", without the product's counter."""

from __future__ import annotations

import re
import unicodedata

ADDRESS = re.compile(
    r"https?://[^\s]+[^\s.,;:!?)\"']|(?<![\w@.$#])(?:[a-z0-9-]+\.)+(?:com|org|net|io|co|uk|de|jp|dev|app)(?![\w@-])(?:/[^\s]*)?",
    re.IGNORECASE,
)
PICTURE = "[\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff][\ufe0f\U0001f3fb-\U0001f3ff]?"
EMOJI = re.compile(f"[\U0001f1e6-\U0001f1ff]{{2}}|{PICTURE}(?:\u200d{PICTURE})*")
LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
"""Code points that count one. All others count two."""


def addresses(text: str) -> list[str]:
    """Return what X makes links of."""
    return ADDRESS.findall(text)


def weight(text: str) -> int:
    """Return the weighted length: an address counts 23, an emoji 2."""
    rest, links = ADDRESS.subn("", unicodedata.normalize("NFC", text))
    rest, emoji = EMOJI.subn("", rest)
    heavy = sum(not any(low <= ord(each) <= high for low, high in LIGHT) for each in rest)
    return links * 23 + emoji * 2 + len(rest) + heavy
