"""What users install is the wheel, not this tree: it must hold everything, and need nothing that only tests need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from streams import __version__

ROOT = Path(__file__).parent.parent
UV = Path(sys.executable).with_name("uv")


class Installed:
    """An environment with the wheel and what it requires, as the lock pins it, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "environment" / "bin"
        self._folder = folder / "elsewhere"
        self._folder.mkdir()
        # Without variables such as PYTHONPATH, which would find the tree; the installer's own may name a mirror.
        self._environment = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}

    def run(self, *command: str) -> str:
        """Run a program of the environment outside of the tree; return its stdout."""
        program = [str(self.bin / command[0]), *command[1:]]
        done = subprocess.run(  # noqa: S603
            program, cwd=self._folder, env=self._environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    """The wheel, built of this tree and installed."""
    environment = tmp_path / "environment"
    uv("build", "--wheel", "--out-dir", str(tmp_path), str(ROOT))
    (wheel,) = tmp_path.glob("*.whl")
    uv("venv", "--python", sys.executable, str(environment))
    lock = str(ROOT / "requirements.lock")
    uv("pip", "install", "--python", str(environment), "--only-binary", ":all:", "--constraint", lock, str(wheel))
    return Installed(tmp_path)


def uv(*arguments: str) -> None:
    """Run uv; what it says is shown where it fails."""
    done = subprocess.run([UV, *arguments], capture_output=True, text=True, timeout=300, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr


def test_the_wheel_alone_runs(installed: Installed) -> None:
    """In an empty environment, outside of the tree: the demo alerts, a backtest replays it, shipped rules pass.

    It is one test, because the environment takes longer than what is run in it.
    """
    assert installed.run("rootwatch", "--version").split() == ["rootwatch", __version__]
    listed = json.loads(installed.run("python", "-c", PACKAGES))
    assert "rootwatch" in listed
    assert not {"pytest", "hypothesis", "boto3", "pyyaml", "uv"} & set(listed)

    assert "took root" in installed.run("rootwatch", "demo")
    installed.run("rootwatch", "demo", "--save", "samples")
    alerts = installed.run("rootwatch", "backtest", "samples", "--learn-until", "2025-06-10").splitlines()
    assert {json.loads(alert)["rule"]["id"] for alert in alerts} == {"aws-sts-assume-root-rare-pair"}

    assert "ok\taws-sts-assume-root-rare-pair" in installed.run("rootwatch", "rules", "test", "--strict", "shipped")


PACKAGES = """
import importlib.metadata, json
print(json.dumps(sorted({one.name.lower() for one in importlib.metadata.distributions()})))
"""
