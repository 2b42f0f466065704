"""What a `publish_id` of the simulated TikTok stands for, and how its video may be cut."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.core import Received
from sandbox.platforms.values import Person

MEGABYTE = 1_000_000
SMALLEST_CHUNK, LARGEST_CHUNK = 5 * MEGABYTE, 64 * (1 << 20)
MOST_CHUNKS = 1000


@dataclass(slots=True, kw_only=True)
class Publish:
    """What a `publish_id` stands for."""

    id: str
    open_id: str
    person: Person
    info: Mapping[str, Any]
    draft: bool
    opened_at: float
    size: int = 0
    """Bytes of a video. 0: photos."""
    chunk: int = 0
    chunks: int = 0
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    file: Received = field(default_factory=Received)
    post_id: str = ""
    taken_at: float | None = None
    """When TikTok had all of it, by the simulator's clock."""
    failure: str = ""

    @property
    def expects(self) -> tuple[int, int]:
        """Return the first and the last byte of the chunk that comes next."""
        start = self.file.size
        last = start // self.chunk >= self.chunks - 1
        return start, (self.size if last else start + self.chunk) - 1


def chunks_fit(size: Any, chunk: Any, chunks: Any) -> bool:
    """Tell whether a video may be cut like this."""
    if not all(isinstance(each, int) and each > 0 for each in (size, chunk, chunks)):
        return False
    if size < SMALLEST_CHUNK:
        return bool(chunk == size and chunks == 1)
    fits: bool = SMALLEST_CHUNK <= chunk <= LARGEST_CHUNK and chunks == size // chunk <= MOST_CHUNKS
    return fits and (size <= LARGEST_CHUNK or chunks > 1)
