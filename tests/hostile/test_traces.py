"""Traces: what a collector gets to see holds no secret, and without one nothing of it is even loaded."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from adapters.base import AccountTokens, Busy
from adapters.registry import REGISTRY
from bot import process
from bot.ops import tracing
from bot.settings import ConfigurationError
from sandbox.browser import PLAIN
from sandbox.core import Fault
from sandbox.slack.world import OTTO
from tests.application import open_office, settings
from tests.counts import FULL
from tests.hostile.test_canaries import fleeting, hits, issued
from tests.stories.told import connected, grants, said

HARMLESS = re.compile(r"[\w .:-]{0,60}")
"""What an attribute may look like: no address, no query, no sentence of somebody's."""
SPANS = {"slack request", "refresh", "platform call", "outbox send"}
NOTHING_LOADED = """
import sys
from bot import app, cli
from bot.ops import tracing
tracing.start("")()
print([name for name in sys.modules if name.split(".")[0] in {"opentelemetry", "requests"}])
"""


@asynccontextmanager
async def collector() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Give the address of a collector, and what it was sent."""
    got: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        got.append(await request.read())
        return web.Response(body=b"")

    served = web.Application()
    served.router.add_post("/v1/traces", take)
    runner = web.AppRunner(served)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", got
    finally:
        await runner.cleanup()


def spans_in(bodies: list[bytes]) -> list[Any]:
    return [
        span
        for body in bodies
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def facts(span: Any) -> dict[str, str | int]:
    return {
        pair.key: pair.value.string_value if pair.value.HasField("string_value") else pair.value.int_value
        for pair in span.attributes
    }


async def test_a_traced_adapter_is_still_what_it_was() -> None:
    async with collector() as (endpoint, _):
        stop = tracing.start(endpoint)
        try:
            adapters = tracing.instrument(REGISTRY.adapters(httpx.AsyncClient(verify=PLAIN)))
        finally:
            await asyncio.to_thread(stop)

    # Python 3.12 looks for the methods of a protocol without calling `__getattr__`.
    assert {key for key, one in adapters.items() if isinstance(one, AccountTokens)} == {
        "facebook",
        "instagram",
    }
    for one in adapters.values():
        assert {"exchange", "refresh", "discover"} <= vars(one).keys()
        assert type(one).__name__.lower() == one.platform.key


async def test_a_day_at_work_is_traced_without_a_secret(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    async with collector() as (endpoint, got):
        async with AsyncExitStack() as stack:
            office = await open_office(tmp_path, stack, {"OCTAPOST_OTEL_ENDPOINT": endpoint})
            otto = await office.installed(OTTO)
            await connected(otto, "x", "4711")
            await connected(otto, "facebook", "ana")
            await said(otto, "accounts")
            (x,) = await grants(office, "x")
            await office.parts.tokens.get(x.id, refused=x.generation)
            office.world.platforms["x"].faults.append(Fault(path="/2/oauth2/token", status=503))
            with pytest.raises(Busy):
                await office.parts.tokens.get(x.id, refused=x.generation + 1)
            secrets = issued(office) | fleeting(office)
        spans = spans_in(got)

    assert {span.name for span in spans} == SPANS
    attributes = [fact for span in spans for fact in facts(span).items()]
    assert [fact for fact in attributes if not HARMLESS.fullmatch(str(fact[1]))] == []
    assert not any(span.events or span.status.message for span in spans)
    assert len(secrets) > 20
    assert hits(b"".join(got), secrets) == []
    requests = [facts(span) for span in spans if span.name == "slack request"]
    assert {"octapost.kind": "command", "octapost.key": "accounts", "octapost.outcome": "ok"} in requests
    calls = [facts(span) for span in spans if span.name == "platform call"]
    assert {"octapost.platform": "x", "octapost.call": "exchange", "octapost.verdict": "ok"} in calls
    failed = {"octapost.call": "refresh", "octapost.verdict": "Busy http_503", "octapost.error": "Busy"}
    assert {"octapost.platform": "x"} | failed in calls
    verdicts = [facts(span).get("octapost.verdict") for span in spans if span.name == "refresh"]
    assert verdicts == ["fresh", "Busy"]
    record_property("counted", f"traces: {len(spans)} spans, {len(secrets)} secrets, 0 of them in a span")


def test_without_an_endpoint_nothing_of_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    adapters = REGISTRY.adapters(httpx.AsyncClient(verify=PLAIN))

    tracing.start("")()

    tracing.instrument(adapters)
    assert [name for one in adapters.values() for name in vars(one) if name in dir(type(one))] == []


@pytest.mark.skipif(not FULL, reason="a whole start, for what the test above says in a millisecond")
def test_without_an_endpoint_nothing_of_it_is_loaded() -> None:
    told = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", NOTHING_LOADED],
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )

    assert told.stdout.strip() == "[]"


async def test_without_the_extra_an_endpoint_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    with pytest.raises(ConfigurationError, match=r"the extra `otel`"):
        async with process.run(settings(OTEL_ENDPOINT="http://localhost:4318")):
            pass


def test_the_standard_variable_is_read_too() -> None:
    made = settings()
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}
    given = {
        "OCTAPOST_PUBLIC_URL": made.public_url,
        "OCTAPOST_VAULT_KEYS": made.keys,
        "OCTAPOST_SLACK_CLIENT_ID": "1.2",
        "OCTAPOST_SLACK_CLIENT_SECRET": "slack-secret",
        "OCTAPOST_SLACK_SIGNING_SECRET": "s" * 32,
    }

    standard = type(made).from_env(given | env, REGISTRY)
    ours = type(made).from_env(given | env | {"OCTAPOST_OTEL_ENDPOINT": "http://ours:4318"}, REGISTRY)

    assert standard.otel_endpoint == "http://collector:4318"
    assert ours.otel_endpoint == "http://ours:4318"


@pytest.mark.parametrize(
    "endpoint", ["collector:4317", "http://me:secret@collector", "https://c/?key=secret"]
)
def test_an_endpoint_is_an_address_without_credentials(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="OCTAPOST_OTEL_ENDPOINT"):
        settings(OTEL_ENDPOINT=endpoint)
