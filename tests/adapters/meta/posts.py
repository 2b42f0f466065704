"""What the tests of publishing on Facebook and Instagram share: a delivery and its files."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qs

import httpx

from adapters.base import Client, Content, Handles, Outgoing, Tokens
from tests.media import StoredMedia

TOKEN = "EAAGpage"


@dataclass(slots=True)
class Delivery:
    """A delivery under way, with everything that was kept."""

    client: Client
    account_id: str
    media: StoredMedia = field(default_factory=StoredMedia)
    token: str = TOKEN
    kept: list[dict[str, str]] = field(default_factory=list)

    def of(self, content: Content) -> Outgoing:
        """Return the delivery of `content`."""
        return Outgoing(
            client=self.client,
            tokens=Tokens(access_token=self.token),
            account_id=self.account_id,
            handle="@bluedoorbakery",
            content=content,
            media=self.media,
            keep=self._keep,
        )

    async def _keep(self, handles: Handles) -> None:
        self.kept.append(dict(handles))


def form_of(request: httpx.Request) -> dict[str, str]:
    """Return the fields of a form that was sent."""
    return {key: values[0] for key, values in parse_qs(request.content.decode()).items()}
