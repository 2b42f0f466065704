"""How long a text is on X, and which addresses are in it.

By the published rules of twitter-text (configuration 3): 280 at most; an address counts 23, an emoji 2, Latin letters
and most punctuation 1, everything else 2. https://docs.x.com/fundamentals/counting-characters and
https://github.com/twitter/twitter-text, read 2026-11-30. Its published test cases are in tests/data/twitter_text.json.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from adapters.x.tlds import TOP_LEVEL_DOMAINS

URL_WEIGHT, EMOJI_WEIGHT = 23, 2
LONGEST_URL, LONGEST_LABEL, LONGEST_SLUG = 4096, 63, 40

_HEAVY = re.compile("[^\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]")
"""Characters that count two."""

_PICTURE = (
    "(?:[\u203c\u2049\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u27bf\u2934\u2935\u2b05-\u2b55\u3030\u303d"
    "\u3297\u3299\U0001f000-\U0001faff][\ufe0f\U0001f3fb-\U0001f3ff]?|[\u00a9\u00ae\u2122]\ufe0f)"
    "(?:[\U000e0020-\U000e007e]+\U000e007f)?"
)
_EMOJI = re.compile(
    f"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_PICTURE}(?:\u200d{_PICTURE})*", re.UNICODE
)
"""Flags, keycaps, and pictures with their skin tones, joined to families."""

_SPACES = "\\x09-\\x0d \\x85\xa0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_DIRECTIONS = "\u202a-\u202e\u061c\u200e\u200f\u2066-\u2069"
_INVALID = "\ufffe\ufeff\uffff"
_LATIN = (
    "\xc0-\xd6\xd8-\xf6\xf8-\xff\u0100-\u024f\u0253\u0254\u0256\u0257\u0259\u025b\u0263\u0268\u026f\u0272\u0289"
    "\u02bb\u0300-\u036f\u1e00-\u1eff"
)
_HOST = re.compile(rf"[^!'#%&()*+,\\/:;<=>?@\[\]^{{|}}~${_SPACES}{_DIRECTIONS}{_INVALID}]+")
"""A run of characters that a host name may have, with the dots, hyphens and underscores between them."""
_PROTOCOL = re.compile(r"https?://\Z", re.IGNORECASE)
_BARRED = re.compile(rf"[A-Za-z0-9@＠$#＃{_INVALID}]")  # noqa: RUF001 - the wide forms of @ and #
"""No address begins after these."""
_ASCII_LABELS = re.compile(rf"(?:[-A-Za-z0-9{_LATIN}]++\.)+")
_LETTERS = re.compile("[a-z]+", re.IGNORECASE)
_PUNYCODE = re.compile("xn--[-0-9a-z]+", re.IGNORECASE)
_GOES_ON = re.compile("[0-9a-zA-Z@+-]")
"""What a top-level domain is not followed by."""
_GENERAL = rf"[A-Za-z\u0400-\u04ff0-9!*';:=+,.$/%#\[\]\-\u2013_~@|&{_LATIN}]"
_PARENS = rf"\((?:{_GENERAL}+|{_GENERAL}*\({_GENERAL}+\){_GENERAL}*)\)"
_END = rf"(?:[+\-A-Za-z\u0400-\u04ff0-9=_#/{_LATIN}]|{_PARENS})"
_REST = re.compile(
    rf"(?::[0-9]+)?(?P<path>/(?:{_GENERAL}*(?:{_PARENS}{_GENERAL}*)*{_END}|@{_GENERAL}+/)*)?"
    r"(?:\?[A-Za-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]*[A-Za-z0-9\-_&=#/])?"
)
"""What follows a host: port, path and query."""
_SHORT = re.compile(
    r"https?://t\.co/([a-z0-9]+)(?:\?[a-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]*[a-z0-9\-_&=#/])?", re.IGNORECASE
)
_FOREIGN: dict[str, tuple[str, ...]] = {
    first: tuple(
        sorted(
            (tld for tld in TOP_LEVEL_DOMAINS if not tld.isascii() and tld[0] == first), key=len, reverse=True
        )
    )
    for first in {tld[0] for tld in TOP_LEVEL_DOMAINS if not tld.isascii()}
}
"""Top-level domains with other letters than a to z, by their first character, the longest first."""


def weighted_length(text: str) -> int:
    """Return how long X says that `text` is."""
    text = unicodedata.normalize("NFC", text)
    length, at, rest = 0, 0, []
    for start, end in url_spans(text):
        rest.append(text[at:start])
        length, at = length + URL_WEIGHT, end
    others = "".join((*rest, text[at:]))
    if not others.isascii():
        others, emoji = _EMOJI.subn("", others)
        length += EMOJI_WEIGHT * emoji + len(_HEAVY.findall(others))
    return length + len(others)


def urls_in(text: str) -> list[str]:
    """Return the addresses that X makes links of, in order."""
    return [text[start:end] for start, end in url_spans(text)]


def url_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each address begins and ends. Takes time in proportion to the text, whatever is in it."""
    at = consumed = 0
    while (dot := text.find(".", at)) >= 0:
        before = _HOST.match(text[at:dot][::-1])
        start = dot - (0 if before is None else before.end())
        run = _HOST.match(text, dot)
        end = dot + 1 if run is None else run.end()
        found, went_on = _in_run(text, start, end, consumed)
        yield from found
        at = end if went_on is None else went_on
        consumed = consumed if went_on is None else went_on


def _in_run(text: str, start: int, end: int, consumed: int) -> tuple[list[tuple[int, int]], int | None]:
    """Return the addresses that begin in one run of host characters, and where the text after them begins.

    None: no address begins in it. `consumed`: where the address before it ended; X wants a character between two.
    """
    protocol = _PROTOCOL.search(text, max(0, start - 8), start)
    opened = start if protocol is None else protocol.start()
    barred = opened > 0 and (opened <= consumed or _BARRED.match(text, opened - 1) is not None)
    for begin, stop in _hosts(text, start, end):
        if begin == start and barred and protocol is None:
            continue
        rest = _REST.match(text, stop)
        after = stop if rest is None else rest.end()
        if begin == start and protocol is not None and not barred:
            return _with_protocol(text, (opened, start), stop, after)
        if begin == start > 0 and text[start - 1] == "/":
            return [], after
        return _without_protocol(text, begin, stop, after if rest and rest["path"] else stop), after
    return [], None


def _hosts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the longest host from each place in a run where one may begin: its start, and after a non-ASCII character.

    A label neither begins nor ends with a hyphen or an underscore; the one before the top-level domain has none of
    the latter.
    """
    labels = text[start:end].split(".")
    starts, sound = [start], [_is_sound(label) for label in labels]
    for label in labels:
        starts.append(starts[-1] + len(label) + 1)
    stops = [None, *(_tld_end(text, starts[n], label, end) for n, label in enumerate(labels[1:], 1))]
    good = 0
    best = [0] * len(labels)
    """For each label the last one up to it that is a top-level domain after a name."""
    for number in range(1, len(labels)):
        if stops[number] is not None and "_" not in labels[number - 1]:
            good = number
        best[number] = good
    if not any(stops):
        return
    barrier = len(labels) - 1
    barriers = [0] * len(labels)
    """For each label the first one after it that is not sound: no host goes on beyond its beginning."""
    for number in range(len(labels) - 1, -1, -1):
        barriers[number] = barrier
        barrier = barrier if sound[number] else number
    for number, label in enumerate(labels[:-1]):
        last = best[barriers[number]]
        for offset in (n for n in range(len(label)) if n == 0 or not label[n - 1].isascii()):
            if offset == 0 and number > 0:
                continue
            first = label[offset:]
            near = stops[number + 1] is not None and "_" not in first
            stop = stops[last] if last > number + 1 else stops[number + 1] if near else None
            if stop is not None and _is_sound(first):
                yield starts[number] + offset, stop


def _is_sound(label: str) -> bool:
    return bool(label) and label[0] not in "-_" and label[-1] not in "-_"


def _tld_end(text: str, at: int, label: str, end: int) -> int | None:
    """Return where the top-level domain that begins at `at`, with `label`, ends, or None. `end`: of the run."""
    if label.isascii() and label.isalpha():
        stop = at + len(label)
        return stop if label.lower() in TOP_LEVEL_DOMAINS and _GOES_ON.match(text, stop) is None else None
    if punycode := _PUNYCODE.match(text, at, end):
        return punycode.end()
    candidates = _FOREIGN.get(text[at : at + 1].lower(), ())
    stops = [at + len(tld) for tld in candidates if text[at : at + len(tld)].lower() == tld]
    letters = _LETTERS.match(text, at, end)
    if letters is not None and letters[0].lower() in TOP_LEVEL_DOMAINS:
        stops.append(letters.end())
    return next((stop for stop in stops if stop <= end and _GOES_ON.match(text, stop) is None), None)


def _with_protocol(
    text: str, begins: tuple[int, int], stop: int, after: int
) -> tuple[list[tuple[int, int]], int]:
    """Return the address, if X takes its host, and where to look on. `begins`: where the protocol and the host do."""
    opened, host = begins
    short = _SHORT.match(text, opened)
    if short is not None and len(short[1]) > LONGEST_SLUG:
        return [], after
    last = after if short is None else short.end()
    return ([(opened, last)] if _is_valid(text[host:stop], last - opened) else []), last


def _without_protocol(text: str, begin: int, stop: int, after: int) -> list[tuple[int, int]]:
    """Return the addresses in a host without a protocol: only its parts in Latin letters count."""
    if not _is_valid(text[begin:stop], after - begin + len("https://")):
        return []
    found, at = [], begin
    while labels := _ASCII_LABELS.search(text, at, stop):
        dots = [place + 1 for place in range(labels.start(), labels.end()) if text[place] == "."]
        ends = (_tld_end(text, dot, text[dot:stop].partition(".")[0], stop) for dot in reversed(dots))
        last = next((each for each in ends if each is not None), None)
        if last is not None:
            found.append((labels.start(), last))
        at = last or labels.end()
    if found:
        found[-1] = (found[-1][0], max(found[-1][1], after) if found[-1][1] == stop else found[-1][1])
    return found


def _is_valid(host: str, length: int) -> bool:
    """Tell whether a host can be resolved: no label is longer than 63 bytes in ASCII form."""
    encoded = []
    for label in host.split("."):
        if not label.isascii():
            if label.lower().startswith("xn--"):
                return False
            label = "xn--" + label.lower().encode("punycode").decode("ascii")  # noqa: PLW2901
        encoded.append(label)
    longest = max(map(len, encoded))
    return longest <= LONGEST_LABEL and length + len(".".join(encoded)) - len(host) <= LONGEST_URL
