"""The six verdicts on a call that did not do what we asked."""

from __future__ import annotations

from datetime import timedelta


class PlatformError(Exception):
    """A platform call that did not do what we asked.

    `code` is short, ours or documented, and safe to log. `whole_app`: `retry_after` is meant for every
    call of our app, not for this one.
    """

    def __init__(self, code: str, *, retry_after: timedelta | None = None, whole_app: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after
        self.whole_app = whole_app


class Busy(PlatformError):
    """Nothing happened: a limit, an outage, no connection. Trying later is safe."""


class OutcomeUnknown(PlatformError):
    """A write or a single-use exchange was sent and its answer was lost. It may have happened."""


class Rejected(PlatformError):
    """The platform read what we sent and refused it. The person must change something."""


class TokenRefused(PlatformError):
    """This access token was not accepted. Refresh, retry once; a refresh decides the rest."""


class GrantDead(PlatformError):
    """The platform said, in words it documents, that this grant is over."""


class Misconfigured(PlatformError):
    """Our app is at fault, not the member's account. Page the operator, not them."""
