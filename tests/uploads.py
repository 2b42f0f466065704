"""An upload page in tests: a member's draft, its link, and a browser that has confirmed whose it is."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from bot.services.access import Actor, Sender
from sandbox.slack.world import ACME, ADA
from storage.drafts import Drafts
from storage.models import Membership, Role, new_id
from storage.organizations import Organizations
from tests.patience import PATIENCE_S

if TYPE_CHECKING:
    from tests.application import Office

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = TUS | {"Content-Type": "application/offset+octet-stream"}


@dataclass(frozen=True, kw_only=True)
class UploadPage:
    """A link and its member's browser."""

    browser: httpx.AsyncClient
    path: str

    async def create(self, size: int, name: str = "clip.mp4") -> httpx.Response:
        """Announce a file."""
        metadata = f"filename {base64.b64encode(name.encode()).decode()}"
        headers = TUS | {"Upload-Length": str(size), "Upload-Metadata": metadata}
        return await self.browser.post(f"{self.path}/files", headers=headers)

    async def announced(self, size: int, name: str = "clip.mp4") -> str:
        """Announce a file, and return the path of its bytes."""
        made = await self.create(size, name)
        assert made.status_code == 201, made.text
        return httpx.URL(made.headers["location"]).path

    async def send(self, file: str, offset: int, content: bytes) -> httpx.Response:
        """Send bytes of a file."""
        headers = BYTES | {"Upload-Offset": str(offset)}
        return await self.browser.patch(file, headers=headers, content=content)

    async def offset(self, file: str) -> int:
        """Return where a file goes on."""
        return int((await self.browser.head(file, headers=TUS)).headers["upload-offset"])

    async def files(self) -> list[dict[str, object]]:
        """Return the files as the page's script reads them."""
        found: list[dict[str, object]] = (await self.browser.get(f"{self.path}/files")).json()["files"]
        return found

    async def checked(self) -> list[dict[str, object]]:
        """Return the files once none is checked any more."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = await self.files()
                if all(one["state"] != "checking" for one in found):
                    return found
                await asyncio.sleep(0.05)


async def opened(office: Office, browser: httpx.AsyncClient, user: str = ADA, team: str = ACME) -> UploadPage:
    """Return a page whose member has confirmed in this browser who they are."""
    path = await linked(office, await office.member(user, team))
    answer = await office.sign_in(browser, path, user, team)
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    return UploadPage(browser=browser, path=path)


async def linked(office: Office, member: Membership) -> str:
    """Return the path of a new link for a new draft of a member."""
    draft_id = new_id("drf")
    async with office.database.system() as session:
        organization = await Organizations(session).get(member.organization_id)
        assert organization is not None
        await Drafts(session).save(
            member.organization_id, member.id, draft_id, {"text": "Mugs"}, slack_id="", channel=""
        )
    actor = Actor(
        sender=Sender(user_id=member.user_id, team_id=member.team_id, enterprise_id=None, channel_id=""),
        membership_id=member.id,
        organization_id=member.organization_id,
        organization=organization.name,
        role=Role(member.role),
    )
    token = await office.parts.posts.pages.open(actor, draft_id, {})
    return f"/upload/{token}"
