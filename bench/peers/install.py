"""Installs the peers, each apart from the package and from each other, below ``build/bench``."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build" / "bench"


def quix() -> list[str]:
    """The command that runs the job in Quix Streams."""
    return [str(_environment("quix") / "bin/python"), str(HERE / "quix/job.py")]


def bytewax() -> list[str]:
    """The command that runs the job in Bytewax."""
    return [str(_environment("bytewax") / "bin/python"), str(HERE / "bytewax/job.py")]


def kafka_streams() -> list[str]:
    """The command that runs the job in Kafka Streams.

    Raises:
        RuntimeError: Java or Maven is missing.
    """
    java, maven = shutil.which("java"), shutil.which("mvn")
    if java is None or maven is None:
        raise RuntimeError("Kafka Streams needs Java 17 and Maven (Debian: apt install openjdk-17-jdk-headless maven)")
    pom = HERE / "kafka_streams/pom.xml"
    folder = BUILD / "kafka_streams"
    if _is_stale(folder, pom, HERE / "kafka_streams/src/Job.java"):
        copy = ["dependency:copy-dependencies", f"-DoutputDirectory={folder / 'lib'}", "-DincludeScope=runtime"]
        _run([maven, "-q", "-B", "-f", str(pom), f"-Dbuild={folder}", "package", *copy])
        _fresh(folder, pom, HERE / "kafka_streams/src/Job.java")
    return [java, "-Xms1g", "-Xmx1g", "-cp", f"{folder / 'classes'}:{folder / 'lib'}/*", "Job"]


def charts() -> list[str]:
    """The command that draws the charts."""
    folder = HERE.parent / "report"
    return [str(_environment("charts", folder) / "bin/python"), str(folder / "charts.py")]


def _environment(name: str, source: Path | None = None) -> Path:
    """A virtual environment, made if the requirements in the folder have changed."""
    folder, requirements = BUILD / name, (source or HERE / name) / "requirements.txt"
    if _is_stale(folder, requirements):
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(folder / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)])
        _fresh(folder, requirements)
    return folder


def _is_stale(folder: Path, *sources: Path) -> bool:
    mark = folder / ".digest"
    return not mark.exists() or mark.read_text() != _digest(sources)


def _fresh(folder: Path, *sources: Path) -> None:
    (folder / ".digest").write_text(_digest(sources))


def _digest(sources: tuple[Path, ...]) -> str:
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def _run(command: list[str]) -> None:
    sys.stderr.write(f"installs a peer: {' '.join(command)[:120]}\n")
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  the bench's own
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
