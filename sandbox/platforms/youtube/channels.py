"""The people and channels of the simulated YouTube, and the form of its refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.platforms.values import Grant, Person

SCOPE = "https://www.googleapis.com/auth/"
READERS = frozenset({f"{SCOPE}youtube", f"{SCOPE}youtube.force-ssl", f"{SCOPE}youtube.readonly"})
"""Each of these scopes allows channels.list; youtube.upload does not (YouTube's discovery document)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One YouTube channel, as its owner set it up."""

    id: str
    title: str
    handle: str
    subscribers: int = 0
    videos: int = 0
    long_uploads: str = "allowed"
    """`allowed`, `eligible` (verify by phone first) or `disallowed`."""
    hidden_count: bool = False


PEOPLE = (
    Person(
        id="110000000000000000001",
        name="Octa Channel",
        about="has one channel",
        facts={
            "channels": (
                Channel(
                    id="UCoctaChannel00000000001",
                    title="Octa Channel",
                    handle="@octachannel",
                    subscribers=678,
                    videos=9,
                ),
            )
        },
    ),
    Person(
        id="110000000000000000002",
        name="Studio Nine",
        about="has three brand channels, and chooses one",
        facts={
            "channels": (
                Channel(
                    id="UCstudioNine000000000001",
                    title="Studio Nine",
                    handle="@studionine",
                    subscribers=48_200,
                    videos=312,
                ),
                Channel(
                    id="UCstudioNine000000000002",
                    title="Studio Nine Shorts",
                    handle="@studionineshorts",
                    subscribers=1_530,
                    videos=87,
                    long_uploads="eligible",
                ),
                Channel(
                    id="UCstudioNine000000000003",
                    title="Backstage at Nine",
                    handle="@backstageatnine",
                    videos=2,
                    long_uploads="disallowed",
                    hidden_count=True,
                ),
            )
        },
    ),
    Person(
        id="110000000000000000003",
        name="Viewer Vic",
        about="watches only: has no channel",
        facts={"channels": ()},
    ),
)


def chosen(grant: Grant) -> Channel | None:
    """Return the channel that the token belongs to: the chosen one, else the person's first, else None."""
    channels: tuple[Channel, ...] = grant.person.facts["channels"]
    return next((c for c in channels if c.id in grant.assets), next(iter(channels), None))


def error_answer(
    code: int, reason: str, message: str, detail: str = "", *, domain: str = "global"
) -> web.Response:
    """Return Google's error envelope; `detail` is the reason in `details`, if Google gives one."""
    names = {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        429: "RESOURCE_EXHAUSTED",
    }
    error: dict[str, Any] = {
        "code": code,
        "message": message,
        "errors": [{"message": message, "domain": domain, "reason": reason}],
        "status": names[code],
    }
    if detail:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": detail}
        error["details"] = [info | {"domain": "googleapis.com"}]
    return web.json_response({"error": error}, status=code)
