"""A simulated Meta with a Page that Octapost may publish to, and a clip of any measures."""

from __future__ import annotations

import struct

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


def measured(seconds: int, width: int = 360) -> bytes:
    """Return the clip with other measures in its headers."""
    clip = bytearray(mp4())
    header, track = clip.index(b"mvhd") + 4, clip.index(b"tkhd") + 4
    struct.pack_into(">II", clip, header + 12, 1, seconds)
    struct.pack_into(">I", clip, track + 76, width << 16)
    return bytes(clip)
