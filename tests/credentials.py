"""What an adapter's test signs in with: made-up credentials of ours, and a simulated platform that knows them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from adapters.base import App, Client
from sandbox.platforms.oauth import OAuthSimulator

CLIENT_ID, CLIENT_SECRET = "our-id", "our secret"
Simulator = TypeVar("Simulator", bound=OAuthSimulator)


def callback_of(app: App) -> str:
    """Return where `app` sends people back to."""
    return f"https://bot.example.com/oauth/{app.key}/callback"


def client_of(
    app: App,
    origin: str | None = None,
    *,
    client_id: str = CLIENT_ID,
    client_secret: str = CLIENT_SECRET,
    redirect_uri: str = "",
    **options: str,
) -> Client:
    """Return credentials for `app` that ask for everything, at the platform's own address or at `origin`."""
    return Client(
        app=app,
        client_id=client_id,
        client_secret=client_secret,
        redirect_uri=redirect_uri or callback_of(app),
        scopes=tuple(scope.name for scope in app.scopes),
        origin=origin,
        options=options,
    )


@asynccontextmanager
async def registered(simulator: Simulator, *clients: Client) -> AsyncIterator[Simulator]:
    """Run a simulated platform where these clients are registered."""
    for client in clients:
        simulator.register(client.client_id, client.client_secret, [client.redirect_uri], client.scopes)
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.stop()
