"""What a person allowed an app at the simulated Meta, and the tokens of these consents."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from sandbox.core import Received
from sandbox.platforms.meta.graph import split_fields

EVERY_PAGE = "all"
"""The box "all current and future Pages" of the dialog."""
Reply = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Consent:
    """What one person allowed one app, in all consents together."""

    permissions: dict[str, str] = field(default_factory=dict)
    targets: dict[str, frozenset[str] | None] = field(default_factory=dict)
    """Permission -> the Pages ticked for it; None: all, including future ones."""
    seen_at: float = 0.0

    def allows(self, scope: str) -> bool:
        """Tell whether `scope` is granted now."""
        return self.permissions.get(scope) == "granted"

    def ticked(self, page_id: str, scope: str = "pages_show_list") -> bool:
        """Tell whether the person chose this Page for `scope`."""
        targets = self.targets.get(scope, frozenset())
        return self.allows(scope) and (targets is None or page_id in targets)


@dataclass(slots=True, kw_only=True)
class Token:
    """An access token; `kind` as debug_token calls it."""

    value: str
    kind: str
    client_id: str
    issued_at: float
    person: str = ""
    page: str = ""
    expires_at: float = 0.0
    """0: never."""
    long: bool = False
    dead: int = 0
    """The error subcode with which it is now refused; 0 while it works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A Graph call with a valid token."""

    request: web.Request
    parameters: Mapping[str, str]
    token: Token
    consent: Consent
    file: Received | None = None
    """The file of a multipart form."""

    def fields(self, default: str) -> dict[str, str]:
        """Return the requested fields, each with the content of its braces."""
        return split_fields(self.parameters.get("fields") or default)


ENDINGS = {
    458: "The user has not authorized application.",
    459: "The user is a checkpointed user and must log in at www.facebook.com.",
    460: "The session has been invalidated because the user changed their password.",
    463: "Session has expired.",
    464: "The user is not a confirmed user.",
    467: "The session is invalid because the user logged out.",
    492: "The user does not have a sufficient role on the Page.",
}
"""Error subcode -> why a token is not valid ("Handle Errors")."""


async def parameters_of(request: web.Request) -> dict[str, str]:
    """Return the parameters of a call, which Graph accepts in the query or in a form."""
    form = await request.post() if request.method == "POST" else {}
    return dict(request.query) | {key: str(value) for key, value in form.items()}


async def received(request: web.Request) -> tuple[dict[str, str], Received | None]:
    """Return the parameters of a call, and the file of a multipart form, which is read piece by piece."""
    if request.content_type != "multipart/form-data":
        return await parameters_of(request), None
    given, file = dict(request.query), None
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            continue
        if part.filename is None:
            given[part.name] = await part.text()
        else:
            file = Received()
            while piece := await part.read_chunk():
                file.add(piece)
    return given, file


def scoped_id(token: Token) -> str:
    """Return the person's id for this app; it differs from app to app."""
    digest = hashlib.sha256(f"{token.person} {token.client_id}".encode()).digest()
    return str(10**15 + int.from_bytes(digest[:6], "big"))
