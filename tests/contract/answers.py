"""What token endpoints answer on a bad day, and the few answers that do carry a token.

The list grew from reports: a JSON 429 stored as "the new token" (authlib#917, #928), `{}`, login
pages of captive portals, lifetimes of 31 years, codes in the wrong case or in another's envelope.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

GOOD = "good-token-CANARY"
NEXT = "next-refresh-CANARY"
ELSEWHERE = "elsewhere.example"
"""Where redirects point; nobody may go there."""
HTML = b"<!doctype html><html><body>Please sign in, or try again later.</body></html>"
BODY: Mapping[str, Any] = {
    "access_token": GOOD,
    "token_type": "bearer",
    "expires_in": 3600,
    "refresh_token": NEXT,
    "scope": "a b",
    "open_id": "open-1",
}
USUAL = json.dumps(BODY).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer, and whether it carries a token that may be kept."""

    name: str
    content: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    good: bool = False


def _with(name: str, *, without: str = "", raw: str = "", good: bool = True, **changes: Any) -> Answer:
    """Return the usual answer with `changes`; `raw` replaces the word RAW, for what JSON has no type for."""
    body = {k: v for k, v in (dict(BODY) | changes).items() if k != without}
    text = json.dumps(body).replace('"RAW"', raw) if raw else json.dumps(body)
    return Answer(name=name, content=text.encode(), good=good)


def _error(name: str, status: int, body: object, **headers: str) -> Answer:
    sent = {key.replace("_", "-"): value for key, value in headers.items()}
    return Answer(name=name, content=json.dumps(body).encode(), status=status, headers=sent)


VALID = (
    _with("as documented"),
    _with("no expires_in", without="expires_in"),
    _with("no scope", without="scope"),
    _with("no token_type", without="token_type"),
    _with("more than asked", extra={"nested": [1, 2]}, id_token="x.y.z"),
    _with("expires_in null", expires_in=None),
    _with("expires_in as text", expires_in="3600"),
    _with("expires_in as a fraction", expires_in=3600.5),
    _with("expires_in below zero", expires_in=-1),
    _with("expires_in zero", expires_in=0),
    _with("expires_in 1e18", expires_in=10**18),
    _with("expires_in of 400 digits", expires_in=10**400),
    _with("expires_in the word NaN", expires_in="NaN"),
    _with("expires_in a bare NaN", expires_in="RAW", raw="NaN"),
    _with("expires_in a bare Infinity", expires_in="RAW", raw="Infinity"),
    _with("expires_in 1e999", expires_in="RAW", raw="1e999"),
    _with("expires_in a word", expires_in="soon"),
    _with("expires_in an object", expires_in={"seconds": 3600}),
    _with("expires_in a list", expires_in=[3600]),
    _with("expires_in true", expires_in=True),
    _with("scope null", scope=None),
    _with("scope a list", scope=["a", "b"]),
    _with("scope a number", scope=7),
    Answer(name="with a byte order mark", content=b"\xef\xbb\xbf" + USUAL, good=True),
    Answer(name="said to be HTML", content=USUAL, headers={"content-type": "text/html"}, good=True),
    Answer(name="created", content=USUAL, status=201, good=True),
)

KEEPS_THE_OLD_ONE = (
    _with("no refresh_token", without="refresh_token"),
    _with("refresh_token null", refresh_token=None),
    _with("refresh_token empty", refresh_token=""),
    _with("refresh_token a number", refresh_token=7),
    _with("refresh_token a list", refresh_token=[NEXT]),
    _with("refresh_token with a line break", refresh_token="a\r\nb"),
)
"""Good answers in which no refresh token can be read."""

WORTHLESS = (
    Answer(name="nothing", content=b""),
    Answer(name="HTML with 200", content=HTML, headers={"content-type": "text/html"}),
    Answer(name="empty object", content=b"{}"),
    Answer(name="empty list", content=b"[]"),
    Answer(name="null", content=b"null"),
    Answer(name="a string", content=f'"{GOOD}"'.encode()),
    Answer(name="a number", content=b"42"),
    Answer(name="a list of answers", content=json.dumps([BODY]).encode()),
    Answer(name="truncated", content=USUAL[:-20]),
    Answer(name="two answers in one", content=USUAL * 2),
    Answer(name="JSONP", content=b"/**/ok(" + USUAL + b");"),
    Answer(name="form-encoded", content=f"access_token={GOOD}&expires=3600".encode()),
    Answer(name="not UTF-8", content=b'{"access_token": "\xff\xfe"}'),
    Answer(name="nested 100,000 deep", content=b"[" * 100_000),
    Answer(name="said to be gzip", content=HTML, headers={"content-encoding": "gzip"}),
    Answer(name="a megabyte of HTML", content=HTML * 14_000),
    Answer(name="no content", content=b"", status=204),
    _with("access_token null", access_token=None, good=False),
    _with("access_token empty", access_token="", good=False),
    _with("access_token blank", access_token="  ", good=False),
    _with("access_token a number", access_token=12345, good=False),
    _with("access_token true", access_token=True, good=False),
    _with("access_token a list", access_token=[GOOD], good=False),
    _with("access_token an object", access_token={"value": GOOD}, good=False),
    _with("access_token with a header in it", access_token=f"{GOOD}\r\nX-Evil: 1", good=False),
    _with("access_token not ASCII", access_token="gøød", good=False),
    _with("access_token with a NUL", access_token="a\x00b", good=False),
    _with(
        "access_token twice, the second empty", access_token="RAW", raw='"a", "access_token": ""', good=False
    ),
    _with("in another envelope", without="access_token", data=dict(BODY), good=False),
    _with("an error with 200 and a token", error="temporarily_unavailable", good=False),
    _with("an error object with 200 and a token", error={"code": "internal"}, good=False),
    _with("an error null with 200 and no token", access_token=None, error=None, good=False),
    _error("an error with 200", 200, {"error": "slow_down"}),
    _error("429 with a token", 429, BODY),
    _error("429 JSON", 429, {"detail": "Too Many Requests"}),
    _error("429 with a dead code", 429, {"error": "invalid_grant"}),
    _error("429, wait for a word", 429, {}, retry_after="soon"),
    _error("429, wait below zero", 429, {}, retry_after="-5"),
    _error("429, wait for ever", 429, {}, retry_after="1e400"),
    _error("429, wait for a year", 429, {}, retry_after="31536000"),
    _error("403 JSON", 403, {"error": "forbidden"}),
    _error("403 with a token", 403, BODY),
    _error("418 with a token", 418, BODY),
    _error("401 empty object", 401, {}),
    _error("400 empty object", 400, {}),
    _error("400 with a token", 400, BODY),
    _error("400 error null", 400, {"error": None}),
    _error("400 error a list", 400, {"error": ["invalid_grant"]}),
    _error("400 error an unknown object", 400, {"error": {"reason": "invalid_grant"}}),
    _error("400 error key in another case", 400, {"Error": "invalid_grant"}),
    _error("400 code in another case", 400, {"error": "INVALID_GRANT"}),
    _error("400 code with a space", 400, {"error": "invalid_grant "}),
    _error("400 code in the description", 400, {"error_description": "invalid_grant"}),
    _error("400 code of 10,000 letters", 400, {"error": "x" * 10_000}),
    _error("400 code with a mention and a secret", 400, {"error": f"<!channel> {GOOD}"}),
    _error("404 JSON", 404, {"message": "not found"}),
    _error("408", 408, {}),
    _error("425", 425, {}),
    _error("500 with a dead code", 500, {"error": "invalid_grant"}),
    _error("503, wait for a date", 503, {}, retry_after="Wed, 25 Nov 2026 07:28:00 GMT"),
    Answer(name="302 with a token", content=USUAL, status=302, headers={"location": f"https://{ELSEWHERE}/"}),
    Answer(name="307", content=b"", status=307, headers={"location": f"https://{ELSEWHERE}/"}),
    Answer(name="304", content=b"", status=304),
    Answer(name="400 HTML", content=HTML, status=400),
    Answer(name="401 HTML", content=HTML, status=401),
    Answer(name="403 HTML", content=HTML, status=403),
    Answer(name="502 HTML", content=HTML, status=502),
    Answer(name="504 empty", content=b"", status=504),
)
"""Answers that carry nothing to keep, and no documented word that the grant is over."""

EVERY = VALID + KEEPS_THE_OLD_ONE + WORTHLESS
