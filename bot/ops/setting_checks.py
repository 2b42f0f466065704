"""What is wrong, or looks wrong, with settings that were copied from another page. No sentence repeats a value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from adapters.base import Pkce

if TYPE_CHECKING:
    from adapters.base import Platform

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
FEWEST_CALLS = 10
"""Fewer a minute would be used up by a single burst."""
QUOTES = "\"'`\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb"
CREDENTIAL = re.compile(r"(client_id|client_secret|signing_secret|app_token)$")
PRINTABLE = re.compile(r"[\x21-\x7e]+")
"""What ids, secrets and tokens consist of (RFC 6749 appendix A)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackShape:
    """How a value looks at api.slack.com, under "Basic Information"."""

    pattern: str
    words: str


SLACK_SHAPES: Mapping[str, SlackShape] = {
    "slack_client_id": SlackShape(pattern=r"\d+\.\d+", words="two numbers with a dot between them"),
    "slack_client_secret": SlackShape(pattern=r"[0-9a-f]{32}", words="32 hexadecimal digits"),
    "slack_signing_secret": SlackShape(pattern=r"[0-9a-f]{32}", words="32 hexadecimal digits"),
    "slack_app_token": SlackShape(pattern=r"xapp-.+", words="a token that starts with xapp-"),
}
"""https://docs.slack.dev/reference/app-manifest and the pages on signing secrets and app-level tokens show such
values (read 2026-11-30). Slack doesn't promise their shape, so another one is a warning and no fault."""


def origin(value: str) -> str:
    """Return an origin without a slash at its end.

    Raises:
        ValueError: The value is not an https origin (or http for localhost).

    """
    parts = urlsplit(value)
    local = parts.scheme == "http" and parts.hostname in LOCAL
    more = parts.path.strip("/") or parts.query or parts.fragment
    if not (parts.scheme == "https" or local) or not parts.netloc or more:
        raise ValueError("must be an https origin without a path (http only for localhost)")
    if parts.username or parts.password:
        raise ValueError("must not contain credentials")
    return value.rstrip("/")


def faults_in_text(values: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that no value of theirs can look like, each with what is wrong.

    `values`: every setting by its name in lower case, without the prefix. `docker run --env-file` keeps
    quotation marks, and a secret that was read from a file often ends with a line break.
    """
    return {name: fault for name, value in values.items() if (fault := _fault(name, value))}


def _fault(name: str, value: str) -> str:
    if value != value.strip():
        return "starts or ends with a space or a line break: remove it"
    if value and (value[0] in QUOTES or value[-1] in QUOTES):
        return "starts or ends with a quotation mark: enter the value without quotes"
    if value and CREDENTIAL.search(name) and not PRINTABLE.fullmatch(value):
        return "has a space, a line break or another character that no credential has: copy it again"
    return ""


def platform_faults(platforms: Iterable[Platform], values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the platforms' settings that cannot be used, each with what is wrong. `values`: as above."""
    slugs: dict[str, str] = {}
    known: set[str] = set()
    for platform in platforms:
        for app in platform.apps:
            names = {f"{app.key}_client_id", f"{app.key}_client_secret"}
            given = {name for name in names if values.get(name)}
            yield from (
                (name, "is missing: set both the id and the secret, or neither")
                for name in names - given
                if given
            )
            known |= {*names, f"{app.key}_scopes"}
        key, options = (
            platform.key,
            {"url", "callback_slug", "calls_per_minute", *platform.options},
        )
        known |= {f"{key}_{option}" for option in options}
        of_platform = {option: values.get(f"{key}_{option}", "") for option in options}
        yield from ((f"{key}_{option}", fault) for option, fault in _option_faults(of_platform))
        slug = of_platform["callback_slug"] or key
        if other := slugs.get(slug):
            yield f"{key}_callback_slug", f"is also the callback slug of {other}"
        slugs[slug] = platform.name
    yield from ((name, "no such setting") for name in sorted(set(values) - known))


def _option_faults(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if values.get("pkce") and values["pkce"] not in set(Pkce):
        yield "pkce", f"must be one of {', '.join(Pkce)}"
    calls = values["calls_per_minute"]
    if calls and not (calls.isascii() and calls.isdigit() and int(calls) >= FEWEST_CALLS):
        yield "calls_per_minute", f"must be a number, at least {FEWEST_CALLS}"
    cents = values.get("cents_per_day")
    if cents and not (cents.isascii() and cents.isdigit()):
        yield "cents_per_day", "must be a whole number of US cents"
    if values["url"]:
        try:
            origin(values["url"])
        except ValueError as error:
            yield "url", str(error)
    slug = values["callback_slug"]
    if slug and not (slug.isascii() and slug.replace("-", "").isalnum()):
        yield "callback_slug", "can have only letters, digits and dashes"


def _option_doubts(platform: Platform, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    ids = {values.get(f"{app.key}_client_id") for app in platform.apps}
    for option, shape in platform.option_shapes.items():
        name = f"{platform.key}_{option}"
        if not (value := values.get(name)):
            continue
        if not re.fullmatch(shape.pattern, value):
            yield name, f"should be {shape.words}"
        elif value in ids:
            yield name, "is the same as the client id: they are two values"


def slack_doubts(values: Mapping[str, str]) -> dict[str, str]:
    """Return Slack's settings that don't look like Slack's values, each with how it should look."""
    found = {name: values[name] for name in SLACK_SHAPES if values.get(name)}
    odd = {
        name: f"should be {SLACK_SHAPES[name].words}; copy it again from api.slack.com, Basic Information"
        for name, value in found.items()
        if not re.fullmatch(SLACK_SHAPES[name].pattern, value)
    }
    if found.get("slack_client_secret") == found.get("slack_signing_secret"):
        odd["slack_signing_secret"] = "is the same as the client secret: they are two values"  # noqa: S105
    return odd


def platform_doubts(platform: Platform, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the settings of a platform's apps that don't look like its values, each with what to do."""
    yield from _option_doubts(platform, values)
    shape = platform.client_id_shape
    for app in platform.apps:
        name = f"{app.key}_client_id"
        client_id, secret = values.get(name, ""), values.get(f"{app.key}_client_secret", "")
        if not client_id or not secret:
            continue
        if client_id == secret:
            yield name, "is the same as the secret: they are two values"
        elif shape is None:
            # Where nothing is known of either: every platform's secrets are longer than its ids.
            if len(client_id) > len(secret):
                yield name, "is longer than the secret: the two look swapped"
        elif not re.fullmatch(shape.pattern, client_id):
            swapped = re.fullmatch(shape.pattern, secret)
            yield name, "and the secret look swapped" if swapped else f"should be {shape.words}"
