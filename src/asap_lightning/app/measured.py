"""What the server counts, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Measured:
    """The counters of one application.

    Args:
        waiting: how many requests wait now.
    """

    def __init__(self, waiting: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.answers = Counter(
            "asap_translate_answers", "Answers to POST /translate", ["status"], registry=self.registry
        )
        self.seconds = Histogram(
            "asap_translate_step_seconds",
            "Seconds of the steps of a translation: wait, read, translate, write",
            ["step"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.pixels = Counter(
            "asap_translated_pixels", "Pixels of translated pictures", registry=self.registry
        )
        Gauge("asap_waiting", "Requests that wait", registry=self.registry).set_function(waiting)

    def text(self) -> bytes:
        """All of them."""
        return generate_latest(self.registry)


class CountAnswers:
    """Counts the status of every answer to ``POST /translate``, whoever gives it.

    Args:
        app: what answers.
        measured: the counters.
    """

    def __init__(self, app: ASGIApp, measured: Measured) -> None:
        self.app, self.measured = app, measured

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        counted = scope["type"] == "http" and scope["path"] == "/translate" and scope["method"] == "POST"

        async def counting(message: Message) -> None:
            if counted and message["type"] == "http.response.start":
                self.measured.answers.labels(str(message["status"])).inc()
            await send(message)

        await self.app(scope, receive, counting)
