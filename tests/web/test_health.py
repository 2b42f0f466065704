"""What an orchestrator sees."""

from __future__ import annotations

import httpx
from sqlalchemy import text

from tests.web.house import House


async def test_a_process_with_its_database_is_alive_and_ready(browser: httpx.AsyncClient) -> None:
    live, ready = await browser.get("/livez"), await browser.get("/readyz")

    assert (live.status_code, live.text) == (200, "alive\n")
    assert (ready.status_code, ready.text) == (200, "ready\n")


async def test_with_another_schema_it_is_alive_but_not_ready(
    house: House, browser: httpx.AsyncClient
) -> None:
    async with house.parts.database.system() as session:
        await session.exec(text("DELETE FROM alembic_version"))  # type: ignore[call-overload]

    live, ready = await browser.get("/livez"), await browser.get("/readyz")

    assert live.status_code == 200
    assert (ready.status_code, ready.text) == (503, "not ready: SchemaTooOld\n")


async def test_pages_are_counted_by_route_never_by_address(browser: httpx.AsyncClient) -> None:
    await browser.get("/connect/somebodys-secret-ticket")

    page = await browser.get("/metrics")

    assert 'octapost_web_requests_total{route="/connect/{ticket}",status="410"}' in page.text
    assert "somebodys-secret-ticket" not in page.text
    assert page.headers["content-type"].startswith("text/plain")
