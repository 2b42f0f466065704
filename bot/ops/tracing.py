"""OpenTelemetry traces, if an endpoint is configured. Otherwise nothing is traced and nothing imported.

A span says what was done to what, and how it ended, in our own names, ids and codes. It never contains addresses,
bodies or error messages. Why not plain `opentelemetry-api`: docs/decisions/0021-what-we-wrote-ourselves.md.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

from adapters.base import PlatformError

if TYPE_CHECKING:
    from adapters.base import Adapter

Work = TypeVar("Work", bound=Callable[..., Awaitable[Any]])
Facts = Mapping[str, str | int]


class _Tracing:
    """The process's tracer, and the function that returns the current span; both None if nothing is traced."""

    tracer: Any = None
    current: Callable[[], Any] | None = None


def start(endpoint: str) -> Callable[[], None]:
    """Send traces to this OTLP endpoint over HTTP from now on, if one is given; return the function that stops it.

    Stopping sends the last spans, and blocks meanwhile.

    Raises:
        ImportError: The packages of the extra `otel` are not installed.

    """
    if not endpoint:
        return lambda: None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.trace import get_current_span  # noqa: PLC0415

    # The operator's OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are merged last, so they take precedence.
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
    """Record the `with` block as a span. Of an exception that ends it, only the type is recorded."""
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
            set_attributes(error=type(error).__name__)
            raise


def set_attributes(**facts: str | int) -> None:
    """Add these attributes, each with the prefix `octapost.`, to the innermost span, if there is one."""
    if _Tracing.current is not None:
        for key, value in facts.items():
            _Tracing.current().set_attribute(f"octapost.{key}", value)


def traced(name: str, facts: Callable[..., Facts]) -> Callable[[Work], Work]:
    """Return a decorator that records each call as a span; `facts` gets the arguments of the call."""

    def decorate(work: Work) -> Work:
        @functools.wraps(work)
        async def run(*args: Any, **kwargs: Any) -> Any:
            if _Tracing.tracer is None:
                return await work(*args, **kwargs)
            with span(name, facts(*args, **kwargs)):
                return await work(*args, **kwargs)

        return cast("Work", run)

    return decorate


def instrument(adapters: Mapping[str, Adapter]) -> Mapping[str, Adapter]:
    """Return the same adapters, whose calls are now recorded as spans if anything is traced.

    The methods are replaced on each object, so that it stays an instance of its class and of its protocols.
    """
    if _Tracing.tracer is not None:
        for adapter in adapters.values():
            for name, method in inspect.getmembers(adapter, inspect.iscoroutinefunction):
                if not name.startswith("_"):
                    setattr(adapter, name, _platform_call(method, adapter.platform.key))
    return adapters


def _platform_call(method: Callable[..., Awaitable[Any]], platform: str) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(method)
    async def call(*args: Any, **kwargs: Any) -> Any:
        with span("platform call", {"platform": platform, "call": method.__name__}):
            try:
                answer = await method(*args, **kwargs)
            except PlatformError as error:
                set_attributes(verdict=f"{type(error).__name__} {error.code}")
                raise
            set_attributes(verdict="ok")
            return answer

    return call
