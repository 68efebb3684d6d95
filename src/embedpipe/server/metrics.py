"""What the server counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from embedpipe.server.turns import Turns

__all__ = ["Metrics"]


class Metrics:
    """Counters in a registry of their own."""

    def __init__(self, turns: Turns) -> None:
        self.registry = CollectorRegistry()
        labels = ("route", "status")
        self.requests = Counter(
            "embedpipe_requests", "Requests answered", labels, registry=self.registry
        )
        self.seconds = Histogram(
            "embedpipe_request_seconds",
            "From the first byte of a request to the last of its answer",
            ("route",),
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
            registry=self.registry,
        )
        waiting = Gauge(
            "embedpipe_waiting_pieces", "Pieces that wait or are computed", registry=self.registry
        )
        waiting.set_function(lambda: turns.waiting)
