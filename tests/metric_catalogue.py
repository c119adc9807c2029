"""Every metric that a worker exposes. Tests compare live worker, documentation, alert rules and dashboard with it."""

from __future__ import annotations

from dataclasses import dataclass

from streams.worker.monitoring.counters import Metrics
from streams.worker.monitoring.faust_gauges import FAUST_GAUGES
from streams.worker.monitoring.gauges import GAUGES

_SUFFIX = {"counter": "_total", "info": "_info"}


@dataclass(frozen=True)
class Catalogued:
    """A metric as Prometheus shows it: its name with suffix, its kind, its labels and its meaning."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names of its series."""
        parts = ("_bucket", "_count", "_sum") if self.kind == "histogram" else ("",)
        return tuple(self.name + part for part in parts)


def catalogue() -> list[Catalogued]:
    """The metrics in the order of the documentation."""
    metrics = Metrics()
    counted = {metric._name: metric for metric in vars(metrics).values() if hasattr(metric, "_labelnames")}  # noqa: SLF001
    found = []
    for family in metrics.registry.collect():
        kind = family.type
        labels = counted[family.name]._labelnames if family.name in counted else ()  # noqa: SLF001
        found.append(Catalogued(family.name + _SUFFIX.get(kind, ""), kind, tuple(labels), family.documentation))
    for gauge in (*GAUGES, *FAUST_GAUGES):
        name = f"rootwatch_{gauge.name}{_SUFFIX.get(gauge.kind, '')}"
        found.append(Catalogued(name, gauge.kind, gauge.labels, gauge.meaning))
    return found


def rows() -> list[str]:
    """The rows of the documentation's table; ``python tests/metric_catalogue.py`` prints them."""
    return [
        f"| `{metric.name}` | {metric.kind} | {', '.join(metric.labels)} | {metric.meaning} |" for metric in catalogue()
    ]


if __name__ == "__main__":
    print("\n".join(rows()))  # noqa: T201  its purpose
