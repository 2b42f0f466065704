"""A simulated Meta with a Page that Octapost may publish to, and a wire that can be cut."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import httpx

from adapters.base import Client, Platform
from sandbox.platforms.meta.simulator import MetaSimulator
from sandbox.platforms.values import RegisteredApp
from tests.adapters.meta import posts
from tests.credentials import client_of
from tests.media import mp4
from tests.publishing import Delivery

BLUE_DOOR, HARBOR = "104000000000001", "104000000000003"


def page_token(meta: MetaSimulator, client: Client, page: str = BLUE_DOOR, person: str = "ana") -> str:
    """Let `person` consent to everything that our app asks for, and return the token of the Page."""
    app = RegisteredApp(
        client_id=client.client_id,
        client_secret=client.client_secret,
        redirect_uris=(client.redirect_uri,),
        scopes=frozenset(client.scopes),
    )
    meta.apps[client.client_id] = app
    consent = meta._consent(person, client.client_id)
    consent.permissions |= dict.fromkeys(client.scopes, "granted")
    consent.targets |= dict.fromkeys(client.scopes)
    return meta._issue("PAGE", app, person=person, page=page).value


def delivery_of(
    meta: MetaSimulator, platform: Platform, account_id: str = BLUE_DOOR, page: str = BLUE_DOOR
) -> Delivery:
    """Return a delivery to an account of the simulated Meta."""
    client = client_of(platform.apps[0], meta.url)
    return posts.delivery_of(client, account_id, page_token(meta, client, page))


@dataclass(slots=True)
class Wire(httpx.AsyncBaseTransport):
    """A connection that breaks at one request: before it is sent, or before its answer arrives."""

    inner: httpx.AsyncBaseTransport
    breaks_at: int = -1
    lost: bool = False
    """The request arrives, only its answer does not."""
    count: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on, or break."""
        self.count += 1
        if self.count - 1 != self.breaks_at:
            return await self.inner.handle_async_request(request)
        if self.lost:
            answer = await self.inner.handle_async_request(request)
            await answer.aread()
        raise httpx.ReadError("cut", request=request)


def measured(seconds: int, width: int = 360) -> bytes:
    """Return the clip with other measures in its headers."""
    clip = bytearray(mp4())
    header, track = clip.index(b"mvhd") + 4, clip.index(b"tkhd") + 4
    struct.pack_into(">II", clip, header + 12, 1, seconds)
    struct.pack_into(">I", clip, track + 76, width << 16)
    return bytes(clip)
