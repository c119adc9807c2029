"""The image that ``make image-test`` builds of the Dockerfile without Docker, by ``tests/image/build.sh``.

A container is a chroot into the image's files with a root that nobody may write to, under any user, with the
variables, the directory and the program that the image's configuration names. Needs root.
"""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ports import held_port
from worker_process import Deployment, Worker, assume_root, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BUILT = Path(__file__).parent.parent.parent / "build" / "oci"
STATE = "/var/lib/rootwatch"
NOBODY = "4242:0"  # a user that the image does not know, as OpenShift and `docker run --user 4242` give it
# $1: the image's files, where nobody may write. $2: a folder for the state, or empty. $3: "tmp" for a /tmp to write to.
ENTER = f"""
set -e
mount --bind "$1" "$1"
mount -o remount,ro,bind "$1"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
[ -z "$2" ] || mount --bind "$2" "$1{STATE}"
[ "$3" != tmp ] || mount -t tmpfs tmpfs "$1/tmp"
root=$1 user=$4; shift 4
exec chroot --userspec="$user" --groups="${{user#*:}}" "$root" "$@"
"""


class Image:
    """The image's files and its configuration."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.config: dict[str, Any] = json.loads((folder / "config.json").read_text())["Docker"]["config"]

    def command(
        self, *arguments: str, user: str, state: Path | None = None, tmp: bool = False, variables: Mapping[str, str]
    ) -> list[str]:
        """The command that runs the image with these arguments, as its configuration says."""
        environment = [*self.config["Env"], *(f"{name}={value}" for name, value in variables.items())]
        return [
            *("unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh"),
            *(str(self.root), str(state or ""), "tmp" if tmp else "", user),
            *("/usr/bin/env", "--ignore-environment", "--chdir", self.config["WorkingDir"], *environment),
            *self.config["Entrypoint"],
            *arguments,
        ]

    def run(
        self, *arguments: str, user: str, state: Path | None = None, tmp: bool = False, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of rootwatch in a container until it ends."""
        command = self.command(*arguments, user=user, state=state, tmp=tmp, variables=variables)
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603

    def volume(self, folder: Path) -> Path:
        """A new volume for the state, with owner and mode of the image's own folder, as Docker makes it."""
        like = (self.root / STATE.removeprefix("/")).stat()
        folder.mkdir()
        os.chown(folder, like.st_uid, like.st_gid)
        folder.chmod(like.st_mode & 0o7777)
        return folder


@pytest.fixture(scope="module")
def image() -> Image:
    """The image that was built."""
    return Image(BUILT)


@contextmanager
def running_worker(image: Image, deployment: Deployment, user: str, state: Path) -> Iterator[Worker]:
    """A worker in a container, without a /tmp to write to."""
    log = deployment.folder / "container.log"
    with held_port() as port, log.open("ab") as output:
        given = deployment.environment(http_port=str(port), state_dir=STATE)
        variables = {name: value for name, value in given.items() if name.startswith("ROOTWATCH_")}
        command = image.command(*image.config["Cmd"], user=user, state=state, variables=variables)
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)  # noqa: S603
        worker = Worker(process, port, log)
        try:
            yield worker
        finally:
            worker.kill()


def test_the_configuration_is_the_dockerfiles(image: Image) -> None:
    """The image runs a worker as 10001, keeps its state in a volume, and asks the worker for its health."""
    assert (image.config["User"], image.config["Entrypoint"], image.config["Cmd"]) == (
        "10001:10001",
        ["rootwatch"],
        ["worker"],
    )
    assert list(image.config["Volumes"]) == [STATE]
    assert image.config["Healthcheck"]["Test"] == ["CMD", "rootwatch", "health"]


def test_only_what_runs_is_in_the_image(image: Image) -> None:
    """The image has rootwatch with its schemas and rules, and nothing that only tests need."""
    (packages,) = (image.root / "opt/rootwatch/lib").glob("python3*/site-packages")
    names = {path.name.split("-")[0].lower() for path in packages.glob("*.dist-info")}
    assert {"rootwatch", "s3fs", "aws_msk_iam_sasl_signer_python", "apprise"} <= names
    assert not names & {"pytest", "hypothesis", "ruff", "mypy", "moto", "uv"}
    assert (packages / "streams/schemas/alert.avsc").is_file()
    assert not list(packages.glob("tests"))


@pytest.mark.parametrize("user", ["10001:10001", NOBODY, "4242:4242"])
def test_any_user_can_run_commands(image: Image, user: str) -> None:
    """Commands need no user that the image knows, no home and no file to write, except in /tmp."""
    done = image.run("rules", "test", "--strict", "shipped:aws-sts-assume-root-rare-pair", user=user)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ok\t")


def test_the_demo_runs(image: Image) -> None:
    """The demo alerts in a container under an unknown user, whose root is read-only."""
    done = image.run("demo", user="4242:4242", tmp=True)
    assert done.returncode == 0, done.stderr
    assert "took root" in done.stdout


@pytest.mark.parametrize("user", ["10001:10001", NOBODY])
def test_a_worker_alerts(image: Image, deployment: Deployment, tmp_path: Path, user: str) -> None:
    """A worker writes to its volume and nowhere else, not even to /tmp: it alerts, is healthy, and ends with 0."""
    state = image.volume(tmp_path / "volume")
    with running_worker(image, deployment, user, state) as worker:
        worker.wait_until_ready()
        deployment.produce([assume_root()])
        wait_for(deployment.all_done, "the record is done")
        asked = image.run("health", "--ready", user=user, ROOTWATCH_HTTP_PORT=str(worker.port))
        assert asked.returncode == 0, asked.stdout + asked.stderr
        assert worker.terminate() == 0, worker.tail()
    (alert,) = deployment.alerts()
    assert alert["member_account"]["id"] == "222222222222"
    owners = {path.stat().st_uid for path in state.rglob("*")}
    assert owners == {int(user.partition(":")[0])}
    assert '"level"' in worker.tail()  # log_format is json in the image
