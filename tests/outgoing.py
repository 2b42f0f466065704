"""A delivery under way, as the engine hands it to an adapter, which remembers what the adapter asks it to keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from adapters.base import Client, Content, Handles, Outgoing, Receipt, Tokens
from tests.media import StoredMedia


@dataclass(slots=True, kw_only=True)
class Delivery:
    """Who publishes, and everything kept so far, oldest first."""

    client: Client
    tokens: Tokens
    account_id: str
    handle: str = ""
    media: StoredMedia = field(default_factory=StoredMedia)
    kept: list[Handles] = field(default_factory=list)

    def of(self, content: Content, receipts: Sequence[Receipt] = ()) -> Outgoing:
        """Return the delivery of `content`, of which the steps with `receipts` are live."""
        return Outgoing(
            client=self.client,
            tokens=self.tokens,
            account_id=self.account_id,
            handle=self.handle,
            content=content,
            media=self.media,
            keep=self.keep,
            receipts=receipts,
        )

    async def keep(self, handles: Handles) -> None:
        """Remember `handles`."""
        self.kept.append(dict(handles))
