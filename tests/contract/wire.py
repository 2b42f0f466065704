"""A wire between every adapter and an answer of our choosing, and the credentials to use it with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from adapters.base import Adapter, App, Client, Platform, PlatformError, Tokens
from adapters.registry import REGISTRY
from tests import credentials
from tests.contract.answers import Answer
from tests.platforms import PLATFORMS

KEYS = tuple(PLATFORMS)
CODE, VERIFIER, STATE = "code-CANARY", "verifier-CANARY-" + "v" * 40, "state-CANARY"
SECRET = "secret-CANARY"
REDIRECT = "https://bot.example/oauth/callback?a=1&b=ø"


def client_of(platform: Platform, app: App | None = None, **options: str) -> Client:
    """Return credentials for `app`, or for the platform's first."""
    app = app or platform.apps[0]
    return credentials.client_of(
        app, client_id=f"id-{app.key}", client_secret=SECRET, redirect_uri=REDIRECT, **options
    )


def tokens_for(client: Client) -> Tokens:
    """Return a grant of everything that was asked for."""
    return Tokens(
        access_token="stored-access-CANARY",
        refresh_token="stored-refresh-CANARY",
        scopes=frozenset(client.scopes),
        subject="open-1",
    )


@dataclass(slots=True)
class Wire:
    """Answers the token endpoint of `platform` with `answer`, and every other address with `otherwise`."""

    platform: Platform
    answer: Answer | None = None
    otherwise: Answer = field(
        # What Meta says of a token beside handing it out; the others ask for nothing there.
        default_factory=lambda: Answer(name="valid", content=b'{"data": {"is_valid": true}, "success": true}')
    )
    broken: Callable[[httpx.Request], Exception] | None = None
    seen: list[httpx.Request] = field(default_factory=list)

    def adapter(self) -> Adapter:
        """Return the platform's adapter at the end of this wire."""
        http = httpx.AsyncClient(transport=httpx.MockTransport(self._reply))
        return REGISTRY.adapters(http)[self.platform.key]

    def _reply(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        if self.broken is not None:
            raise self.broken(request)
        answer = self.otherwise
        if self.answer is not None and request.url.path == urlsplit(self.platform.token_url).path:
            answer = self.answer
        # As bytes from a stream, so that a broken encoding breaks where it does on a real connection.
        return httpx.Response(
            answer.status, headers=dict(answer.headers), stream=httpx.ByteStream(answer.content)
        )


def faults_of(error: PlatformError) -> Iterator[str]:
    """Yield what is wrong with an error's code: it is logged, so it must be short and free of secrets."""
    if not re.fullmatch(r"[\w.:-]{1,80}", error.code, re.ASCII):
        yield f"code {error.code[:80]!r}"
    if "CANARY" in f"{error!r}{error.args}{error.code}":
        yield "a secret in the error"
    if error.__cause__ is not None or not (error.__context__ is None or error.__suppress_context__):
        yield "a cause that a log would print"
