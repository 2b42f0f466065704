"""Logging: one line per decision, in key=value form, all through one formatter.

The formatter masks everything that looks like a token of Slack or a platform, in messages and in tracebacks, and every
value that was registered as secret. It is the last line of defence: no secret should get that far.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import TextIO

import structlog

MASK = "[masked]"
TOKENS = re.compile(
    r"""
      xox[abeprs](?:\.xox[bp])?-[\w-]{6,}     # Slack bot, user, refresh, app-level
    | xapp-[\w-]{6,}
    | ya29\.[\w.-]+ | 1//[\w-]{10,}           # Google access, refresh
    | EAA[A-Za-z0-9]{8,}                      # Meta
    | \b(?:act|rft)\.[\w!%*.-]{6,}            # TikTok
    | AQ[VX][\w-]{10,}                        # LinkedIn
    | eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?       # any JWT (Reddit, Slack id tokens)
    | (?i:(?:bearer|basic|oauth)\s+)[\w.~+/=|%!*-]{6,}
    # In a query, a form, JSON, or a Python repr. `code` and `state` are also names of our own fields:
    # code=invalid_grant stays, because it consists of lower-case words only; code=ab-Xy... does not.
    | (?i:\b(?:token|access_token|refresh_token|client_secret|code_verifier|id_token|input_token
        |fb_exchange_token|appsecret_proof|signature|nonce)[\\"']*\s*[=:]\s*[\\"']*)[^\s&"',}\\]+
    | (?i:\b(?:code|state)[\\"']*\s*[=:]\s*[\\"']*)(?![a-z]+(?:[_-][a-z]+)*(?![\w.~+/=|%!*-]))[^\s&"',}\\]{12,}
    | (?i:/(?:connect|hooks|actions|commands|app)/(?:T\w+/)?)[\w-]{20,}  # links of ours, response_urls
    """,
    re.VERBOSE,
)
QUIET = (
    "httpx",
    "httpcore",
    "slack_sdk",
    "slack_bolt",
    "aiohttp.access",
    "aiosqlite",
    "apscheduler",
    "alembic",
    "asyncio",
)
"""Libraries that log URLs, bodies, rows or noise below WARNING."""

_known: set[str] = set()


def register_secret(secret: str) -> None:
    """Mask `secret` in every log line from now on. Values below 8 characters are ignored."""
    if len(secret) >= 8:
        _known.add(secret)


def masked(text: str) -> str:
    """Return `text` with everything masked that looks like a token or is a registered secret."""
    for secret in _known:
        text = text.replace(secret, MASK)
    return TOKENS.sub(MASK, text)


class _Masking(logging.Formatter):
    """Formats with structlog's renderer, then masks the whole line, traceback included."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """Return the masked line."""
        return masked(self._inner.format(record))


def configure(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Let all loggers of the process write to `stream` (default: stderr) through the masking formatter."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(
                key_order=["timestamp", "level", "event"], bool_as_flag=False
            ),
        ],
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Masking(renderer))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # Bolt logs the whole body of a request whose signature is wrong, response_url included, at INFO
    # and unhandled requests at WARNING; neither is ours to print.
    logging.getLogger("slack_bolt").setLevel(logging.ERROR)
    # The clock looks every second, also while a job is still at work.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger; call it as `log.info("grant.stored", grant=id)`."""
    bound: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return bound
