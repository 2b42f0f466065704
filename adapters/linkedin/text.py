"""LinkedIn's "little text" format: a post's text with its reserved characters escaped and its hashtags alive.

https://learn.microsoft.com/linkedin/marketing/community-management/shares/little-text-format, read 2026-11-23. A
reserved character that is not escaped is no error: LinkedIn cuts the text there. Comments, titles and alt texts are
plain.
"""

from __future__ import annotations

import re

_RESERVED = re.compile(r"[\\|{}@\[\]()<>#*_~]")
_HASHTAG = re.compile(r"(?<!\w)#(?=\w*[^\W\d_])\w+")
"""A word with a letter in it. What LinkedIn makes of other uses of "#" is not documented, so they are escaped."""
_TEMPLATE = re.compile(r"\{hashtag\|\\?#\|([^}]*)\}")
"""The form in which LinkedIn may return a hashtag."""
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def escape(text: str) -> str:
    """Return `text` as LinkedIn wants it in `commentary`."""
    parts, at = [], 0
    for hashtag in _HASHTAG.finditer(text):
        parts += [_RESERVED.sub(r"\\\g<0>", text[at : hashtag.start()]), hashtag[0]]
        at = hashtag.end()
    return "".join((*parts, _RESERVED.sub(r"\\\g<0>", text[at:])))


def unescape(commentary: str) -> str:
    """Return the text that people see of a `commentary`."""
    return _ESCAPED.sub(r"\1", _TEMPLATE.sub(r"#\1", commentary))


def escaped_length(text: str) -> int:
    """Return how long a text is with its escapes, which count: LinkedIn does not say otherwise."""
    return len(escape(text))
