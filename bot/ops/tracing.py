"""Traces for OpenTelemetry, where an endpoint is configured; elsewhere nothing, and nothing of it is imported.

A span says what was done to what, and how it ended: names, ids and codes of ours. Addresses, bodies and error
messages never enter one.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from adapters.base import PlatformError
from bot.settings import ConfigurationError

if TYPE_CHECKING:
    from adapters.base import Adapter

Work = TypeVar("Work", bound=Callable[..., Awaitable[Any]])
Facts = Mapping[str, str | int]


class _Tracing:
    """The process's tracer and what asks for the current span; None where nothing is traced."""

    tracer: Any = None
    current: Callable[[], Any] | None = None


def start(endpoint: str) -> Callable[[], None]:
    """Trace from now on to a collector's OTLP endpoint over HTTP, if there is one; return what stops it.

    Stopping sends what is left, and blocks meanwhile. Raises ConfigurationError without the extra `otel`.
    """
    if not endpoint:
        return lambda: None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.trace import get_current_span  # noqa: PLC0415
    except ImportError:
        raise ConfigurationError(
            "OCTAPOST_OTEL_ENDPOINT: traces need the packages of the extra `otel`"
        ) from None
    # What the operator says in OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES comes last, and counts.
    resource = Resource.create({"service.name": "octapost"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")))
    _Tracing.tracer, _Tracing.current = provider.get_tracer("octapost"), get_current_span

    def stop() -> None:
        _Tracing.tracer = _Tracing.current = None
        provider.shutdown()

    return stop


@contextmanager
def span(name: str, facts: Facts) -> Iterator[None]:
    """Trace what happens inside. An exception that ends it is named by its type alone."""
    if _Tracing.tracer is None:
        yield
        return
    attributes = {f"octapost.{key}": value for key, value in facts.items()}
    with _Tracing.tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ):
        try:
            yield
        except Exception as error:
            note(error=type(error).__name__)
            raise


def note(**facts: str | int) -> None:
    """Add facts to the innermost span, if there is one."""
    if _Tracing.current is not None:
        for key, value in facts.items():
            _Tracing.current().set_attribute(f"octapost.{key}", value)


def traced(name: str, facts: Callable[..., Facts]) -> Callable[[Work], Work]:
    """Return a decorator that makes each call a span; `facts` is given what the call is given."""

    def decorate(work: Work) -> Work:
        @functools.wraps(work)
        async def run(*args: Any, **kwargs: Any) -> Any:
            if _Tracing.tracer is None:
                return await work(*args, **kwargs)
            with span(name, facts(*args, **kwargs)):
                return await work(*args, **kwargs)

        return cast("Work", run)

    return decorate


def watched(adapters: Mapping[str, Adapter]) -> Mapping[str, Adapter]:
    """Return adapters whose calls are spans, if anything is traced."""
    if _Tracing.tracer is None:
        return adapters
    return MappingProxyType({key: cast("Adapter", _Watched(one)) for key, one in adapters.items()})


class _Watched:
    """An adapter whose every call is a span."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._adapter, name)
        if not inspect.iscoroutinefunction(found):
            return found
        facts = {"platform": self._adapter.platform.key, "call": name}

        async def call(*args: Any, **kwargs: Any) -> Any:
            with span("platform call", facts):
                try:
                    answer = await found(*args, **kwargs)
                except PlatformError as error:
                    note(verdict=f"{type(error).__name__} {error.code}")
                    raise
                note(verdict="ok")
                return answer

        return call
