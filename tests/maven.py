"""Fetches the Java programs and libraries of tests from Maven Central: a POM beside the tests names them.

They are kept in the folder ``lib`` beside the POM, and fetched again only if the POM has changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_JARS = ("dependency:copy-dependencies", "-DoutputDirectory=lib", "-DincludeScope=runtime")
_UNPACKED = ("dependency:unpack-dependencies", "-DoutputDirectory=lib")


class JavaToolError(Exception):
    """Java, its compiler or Maven is missing or fails; the message says what to do."""


def fetch(folder: Path, what: str, *, unpacked: bool = False) -> Path:
    """Return the folder ``lib`` with everything that the folder's ``pom.xml`` names.

    Args:
        folder: where the POM is.
        what: what it names, for messages.
        unpacked: whether the archives are unpacked there; otherwise they are copied.

    Raises:
        JavaToolError: Maven is missing, or cannot fetch it.
    """
    lib = folder / "lib"
    lib.mkdir(exist_ok=True)
    pom = folder / "pom.xml"
    fetched = lib / ".pom.sha256"
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()
    with (lib / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs may start at once
        if fetched.exists() and fetched.read_text() == digest:
            return lib
        maven = tool("mvn", "maven", f"The tests fetch {what} with it")
        shutil.rmtree(folder / "target", ignore_errors=True)  # its markers say what was unpacked, even if it is gone
        for left in lib.iterdir():
            if left.is_dir():
                shutil.rmtree(left)
            elif left.name != ".lock":
                left.unlink()
        goal = _UNPACKED if unpacked else _JARS
        _run([maven, "-q", "-B", "-f", str(pom), *goal], folder, f"Maven could not fetch {what}")
        fetched.write_text(digest)
    return lib


def java_command(need: str) -> str:
    """The path of ``java``; ``need`` begins the sentence on what needs it.

    Raises:
        JavaToolError: there is none.
    """
    return tool("java", "openjdk-17-jre-headless", f"{need} Java 17 or newer")


def compile_class(source: Path, lib: Path, into: Path) -> Path:
    """Compile a Java class against the jars in ``lib``, and return the folder of its classes.

    Raises:
        JavaToolError: there is no compiler, or it refuses the source.
    """
    compiler = tool("javac", "openjdk-17-jdk-headless", "Maven needs a JDK, too")
    _run([compiler, "-cp", f"{lib}/*", "-d", str(into), str(source)], into.parent, f"javac refuses {source}")
    return into


def tool(name: str, package: str, need: str) -> str:
    """The path of a program; an error says in which of Debian's packages it is and what needs it.

    Raises:
        JavaToolError: it is not installed.
    """
    path = shutil.which(name)
    if path is None:
        raise JavaToolError(f"{name} is not installed. {need} (Debian: apt install {package}).")
    return path


def dies_with_the_tests() -> list[str]:
    """A prefix that makes Linux kill a server if the test process is killed and cannot clean up."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []


def _run(command: Sequence[str], folder: Path, failure: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603  our own
    if done.returncode:
        raise JavaToolError(f"{failure}:\n{done.stdout}{done.stderr}")
