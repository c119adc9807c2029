"""The tables of ``docs/performance.md``, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.capacity import capacity
from bench.report.words import NONE, ratio, rounded, table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.report.figures import Figures

NAMES = {
    "rootwatch": "rootwatch, one worker",
    "quix": "Quix Streams",
    "kafka-streams": "Kafka Streams",
    "bytewax": "Bytewax",
    "plain": "confluent-kafka as it comes",
    "tuned": "confluent-kafka tuned for speed",
    "tuned-parsed": "confluent-kafka tuned, isal, `orjson.loads` of all",
    "isal": "isal alone, memory kept",
}
PER_SECOND = "records per second"


def matches(figures: Figures) -> str:
    """Where every record matches."""
    rows = [
        (
            NAMES[name],
            rounded(figures.median("matches", "per_second", contender=name)),
            ratio(figures.ratio("matches", "rootwatch", name)),
            rounded(figures.median("matches", "processor_us", contender=name)),
            rounded(figures.median("matches", "memory_mib", contender=name)),
        )
        for name in ("rootwatch", "quix", "kafka-streams", "bytewax")
    ]
    return table(("", PER_SECOND, "rootwatch to it", "processor µs per record", "memory, MiB"), rows)


def skipped(figures: Figures) -> str:
    """Where one in a thousand matches."""
    rows = [
        (
            f"{NAMES[name]}, {'uncompressed' if codec == 'none' else codec}",
            rounded(figures.median("skipped", "per_second", contender=name, codec=codec)),
            ratio(figures.ratio("skipped", "rootwatch", name, codec=codec)),
            rounded(figures.median("skipped", "processor_us", contender=name, codec=codec)),
        )
        for codec in ("none", "zstd")
        for name in ("rootwatch", "plain", "tuned")
    ]
    return table(("", PER_SECOND, "rootwatch to it", "processor seconds per million"), rows)


def forms(figures: Figures) -> str:
    """Other forms of messages."""
    return _beside_parsing(figures, "forms", "form")


def rules(figures: Figures) -> str:
    """Forty rules."""
    return _beside_parsing(figures, "rules", "per_cent", "40 rules take {} %")


def _beside_parsing(figures: Figures, part: str, key: str, label: str = "{}") -> str:
    found = list(dict.fromkeys(row[key] for row in figures.rows(part)))
    rows = [
        (
            label.format(value),
            rounded(figures.median(part, "per_second", contender="rootwatch", **{key: value})),
            rounded(figures.median(part, "per_second", contender="tuned-parsed", **{key: value})),
            ratio(figures.ratio(part, "rootwatch", "tuned-parsed", **{key: value})),
            ratio(figures.ratio(part, "tuned-parsed", "rootwatch", "processor_us", **{key: value})),
        )
        for value in found
    ]
    return table(
        ("", f"rootwatch, {PER_SECOND}", NAMES["tuned-parsed"], "ratio of speed", "ratio by processor time"), rows
    )


def latency(figures: Figures) -> str:
    """From event to alert."""
    rows = [
        (
            "idle" if load == "idle" else "half load",
            *(
                rounded(figures.median("latency", value, load=load))
                for value in ("per_second", "p50_ms", "p99_ms", "longest_ms")
            ),
        )
        for load in ("idle", "half")
    ]
    return table(("", "events per second", "p50, ms", "p99, ms", "longest, ms"), rows)


def workers(figures: Figures) -> str:
    """One and two workers."""
    rows = []
    for share in (0.001, 1.0):
        one, two = (
            figures.median("workers", "per_second", share=share, workers=count, contender="rootwatch")
            for count in (1, 2)
        )
        rows.append(
            (
                f"{100 * share:g} % matches",
                rounded(one),
                rounded(two),
                ratio(two / one if one and two else None),
                rounded(figures.median("workers", "processor_us", share=share, workers=2)),
                rounded(figures.median("workers", "broker_us", share=share, workers=2)),
            )
        )
    head = ("", "one worker", "two", "ratio", "µs per record of two workers", "µs of the broker, their start included")
    return table(head, rows)


def backtest(figures: Figures) -> str:
    """Replays."""
    rows = [
        (
            f"{source} beside {NAMES[peer]}",
            rounded(figures.median("backtest", "per_second", source=key, contender="rootwatch")),
            rounded(figures.median("backtest", "per_second", source=key, contender=peer)),
            ratio(figures.ratio("backtest", "rootwatch", peer, source=key)),
        )
        for source, key, peer in (
            ("gzip archive", "archive", "isal"),
            ("gzip archive of ten times the size", "large-archive", "isal"),
            ("topic", "topic", "tuned"),
        )
        if key != "large-archive" or figures.rows("backtest", source=key)  # earlier results are without it
    ]
    return table(("two processes", f"backtest, {PER_SECOND}", "peer", "ratio"), rows)


def partitions(figures: Figures) -> str:
    """How cost grows with partitions."""
    rows = [
        (
            rounded(count),
            *(
                rounded(figures.median("growth", value, grows="partitions", partitions=count, share=share))
                for share in (0.001, 1.0)
                for value in ("per_second", "processor_us")
            ),
        )
        for count in _values(figures, "growth", "partitions", grows="partitions")
    ]
    head = ("source's partitions", "0.1 % matches, per second", "µs per record", "100 %, per second", "µs per record")
    return table(head, rows)


def shares(figures: Figures) -> str:
    """How cost grows with the share of matches."""
    rows = [
        (
            f"{100 * share:g} %",
            rounded(figures.median("growth", "per_second", grows="share", share=share)),
            rounded(figures.median("growth", "processor_us", grows="share", share=share)),
        )
        for share in _values(figures, "growth", "share", grows="share")
    ]
    return table(("share of matches", PER_SECOND, "processor µs per record"), rows)


def rule_counts(figures: Figures) -> str:
    """How cost grows with rules."""
    rows = [
        (
            rounded(count),
            rounded(figures.median("growth", "per_second", grows="rules", rules=count)),
            rounded(figures.median("growth", "processor_us", grows="rules", rules=count)),
        )
        for count in _values(figures, "growth", "rules", grows="rules")
    ]
    return table(("rules, which take 10 % together", PER_SECOND, "processor µs per record"), rows)


def tuples(figures: Figures) -> str:
    """How cost grows with the memory."""
    rows = []
    for count in _values(figures, "tuples", "tuples"):
        values = [
            figures.median("tuples", value, tuples=count, start=start)
            for start, value in (
                ("cold", "seconds"),
                ("warm", "seconds"),
                ("cold", "processor"),
                ("cold", "memory_mib"),
                ("cold", "disk_bytes_each"),
                ("decisions", "processor_us"),
            )
        ]
        rows.append((rounded(count), *map(rounded, values)))
    head = (
        "tuples",
        "ready on an empty disk, s",
        "with its disk, s",
        "processor, s",
        "peak memory, MiB",
        "bytes on disk per tuple",
        "µs per taken record beside them",
    )
    return table(head, rows)


def measured(figures: Figures) -> str:
    """When, where and with what."""
    documents = figures.parts.values()
    if not documents:
        return NONE
    machines = {f"{each['machine']['cores']} cores and {each['machine']['memory_gib']} GiB" for each in documents}
    dates = sorted({each["date"] for each in documents})
    versions = sorted({f"{name} {version}" for each in documents for name, version in each["versions"].items()})
    runs = sorted({each["runs"] for each in documents})
    return (
        f"Measured {' and '.join(dates)} on {' and '.join(sorted(machines))}, at commit "
        f"{', '.join(sorted({each['commit'] for each in documents}))}; medians of {' or '.join(map(str, runs))} "
        f"runs. {', '.join(versions)}."
    )


def speed(figures: Figures) -> str:
    """The README's line."""
    tuned = [ratio(figures.ratio("skipped", "rootwatch", "tuned", codec=codec)) for codec in ("none", "zstd")]
    quix, java = (ratio(figures.ratio("matches", "rootwatch", name)) for name in ("quix", "kafka-streams"))
    if NONE in (*tuned, quix, java):
        return "`make bench` measures the speed beside peers ([performance](docs/performance.md))."
    return (
        f"Where one record in a thousand matches, a worker reads {tuned[0]} (uncompressed) or {tuned[1]} (zstd) times "
        f"as fast as a tuned confluent-kafka consumer; where all match, it is {quix} times as fast as Quix Streams and "
        f"{java} times as Kafka Streams ([performance](docs/performance.md))."
    )


def _values(figures: Figures, part: str, key: str, **where: str) -> list[float]:
    return sorted({float(row[key]) for row in figures.rows(part, **where) if key in row})


TABLES: Mapping[str, Callable[[Figures], str]] = {
    each.__name__: each
    for each in (
        measured,
        matches,
        skipped,
        forms,
        rules,
        latency,
        workers,
        backtest,
        partitions,
        shares,
        rule_counts,
        tuples,
        capacity,
        speed,
    )
}
