"""Metrics of notices, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, start_http_server
from prometheus_client.core import GaugeMetricFamily

from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class NoticeMetrics:
    """Counts outcomes, and shows how many records wait."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._notices = Counter(
            "rootwatch_notices",
            "Notices by service and outcome; records that cannot be read have no service.",
            ["service", "outcome"],
            registry=self.registry,
        )
        self._waiting: Callable[[], Mapping[str, int]] = dict
        self.registry.register(self)

    def count(self, service: str, outcome: str) -> None:
        """Count an outcome."""
        self._notices.labels(service, outcome).inc()

    def watch(self, waiting: Callable[[], Mapping[str, int]]) -> None:
        """Ask this how many records wait, by service, whenever somebody looks."""
        self._waiting = waiting

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges; prometheus-client calls it."""
        family = GaugeMetricFamily(
            "rootwatch_notices_waiting",
            "Records that wait for a service, the one in hand included.",
            labels=["service"],
        )
        for service, count in self._waiting().items():
            family.add_metric([service], count)
        yield family

    def serve(self, host: str, port: int) -> None:
        """Serve the metrics until the process ends.

        Raises:
            OperatorError: the address cannot be listened on; the message names it.
        """
        try:
            start_http_server(port, addr=host, registry=self.registry)
        except OSError as error:
            raise OperatorError(f"--metrics-port = {port}: {host}:{port}: {error.strerror or error}") from error
