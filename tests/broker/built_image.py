"""The image that ``make image-test`` builds of the Dockerfile without Docker, by ``tests/image/build.sh``.

A container is a chroot into the image's files with a root that nobody may write to, under any user, with the
variables, the directory and the program that the image's configuration names. Needs root.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import pytest
from helm_chart import mounted_files, render
from ports import held_port
from worker_process import Deployment, Worker, assume_root, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BUILT = Path(__file__).parent.parent.parent / "build" / "oci"
STATE = "/var/lib/rootwatch"
NOBODY = "4242:0"  # a user that the image does not know, as OpenShift and `docker run --user 4242` give it
OWN_RULE = """
id = "own"
name = "Root taken by a user who has not done so before"
version = 1
severity = "low"
risk_score = 10
query = 'event.provider: "sts.amazonaws.com" and event.action: AssumeRoot and event.outcome: success'
terms = ["rootwatch.principal"]
window = "10d"
"""
PREPARE = """
mount --bind "$ROOT" "$ROOT"
mount -o remount,ro,bind "$ROOT"
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
mount -t tmpfs -o mode=755 tmpfs "$ROOT/run"
"""


class Image:
    """The image's files and its configuration."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.config: dict[str, Any] = json.loads((folder / "config.json").read_text())["Docker"]["config"]

    def command(
        self,
        *arguments: str,
        user: str,
        mounts: Mapping[str, Path] | None = None,
        tmp: bool = False,
        variables: Mapping[str, str],
    ) -> list[str]:
        """The command that runs the image with these arguments, as its configuration says.

        Args:
            arguments: what stands behind the image's name.
            user: user and group, as numbers.
            mounts: folders by the paths at which a container finds them.
            tmp: whether it may write to /tmp.
            variables: beside those of the image.
        """
        script = [f"set -e\nROOT={quote(str(self.root))}{PREPARE}"]
        for path, folder in (mounts or {}).items():
            if path.startswith("/run/"):
                script.append(f"mkdir -p $ROOT{path}")
            script.append(f"mount --bind {quote(str(folder))} $ROOT{path}")
        if tmp:
            script.append("mount -t tmpfs tmpfs $ROOT/tmp")
        script.append(f'exec chroot --userspec={user} --groups={user.partition(":")[2]} "$ROOT" "$@"')
        environment = [*self.config["Env"], *(f"{name}={value}" for name, value in variables.items())]
        return [
            *("unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(script), "sh"),
            *("/usr/bin/env", "--ignore-environment", f"--chdir={self.config['WorkingDir']}", *environment),
            *self.config["Entrypoint"],
            *arguments,
        ]

    def run(self, *arguments: str, user: str, tmp: bool = False, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command of rootwatch in a container until it ends."""
        command = self.command(*arguments, user=user, tmp=tmp, variables=variables)
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
def container(
    image: Image, log: Path, user: str, mounts: Mapping[str, Path], variables: Mapping[str, str]
) -> Iterator[Worker]:
    """A worker in a container, without a /tmp to write to."""
    port = int(variables["ROOTWATCH_HTTP_PORT"])
    with log.open("ab") as output:
        command = image.command(*image.config["Cmd"], user=user, mounts=mounts, variables=variables)
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)  # noqa: S603
        worker = Worker(process, port, log)
        try:
            yield worker
        finally:
            worker.kill()


@pytest.fixture
def port() -> Iterator[str]:
    """A port that only the container takes."""
    with held_port() as number:
        yield str(number)


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
def test_a_worker_alerts(image: Image, deployment: Deployment, tmp_path: Path, port: str, user: str) -> None:
    """A worker writes to its volume and nowhere else, not even to /tmp: it alerts, is healthy, and ends with 0."""
    state = image.volume(tmp_path / "volume")
    given = deployment.environment(http_port=port, state_dir=STATE)
    variables = {name: value for name, value in given.items() if name.startswith("ROOTWATCH_")}
    with container(image, tmp_path / "log", user, {STATE: state}, variables) as worker:
        worker.wait_until_ready()
        deployment.produce([assume_root()])
        wait_for(deployment.all_done, "the record is done")
        asked = image.run("health", "--ready", user=user, ROOTWATCH_HTTP_PORT=port)
        assert asked.returncode == 0, asked.stdout + asked.stderr
        assert worker.terminate() == 0, worker.tail()
    (alert,) = deployment.alerts()
    assert alert["member_account"]["id"] == "222222222222"
    assert {path.stat().st_uid for path in state.rglob("*")} == {int(user.partition(":")[0])}
    assert '"level"' in worker.tail()  # log_format is json in the image


def test_the_chart_starts_a_worker_in_the_image(
    image: Image, deployment: Deployment, tmp_path: Path, port: str
) -> None:
    """With files, variables and user of the chart's StatefulSet, the image alerts; its rules and exceptions apply."""
    names = deployment.names
    values = {
        "image": {"repository": "registry.example.com/rootwatch"},
        "settings": {
            "bootstrap_servers": [deployment.bootstrap],
            "source_topics": [names.source_topic],
            "topic_prefix": names.topic_prefix,
            "group_id": names.group_id,
            "partitions": 4,
            "replication_factor": 1,
            "http_port": int(port),
            "log_format": "console",
        },
        "files": {"schema_registry_auth_file": {"secret": "registry", "key": "auth"}},
        "rules": {"own.toml": OWN_RULE},
        "exceptions": '[[exception]]\nprincipal = "*:user/audit"\nreason = "expected"\n',
    }
    manifests = render(values)
    spec = manifests["StatefulSet"]["spec"]["template"]["spec"]
    (described,), security = spec["containers"], spec["securityContext"]
    mounts = {STATE: image.volume(tmp_path / "volume")}
    for path, text in mounted_files(manifests, "StatefulSet").items():
        file = tmp_path / "files" / path.removeprefix("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("user:password" if path.endswith("auth_file") else text)
        if path.startswith("/run/"):  # as Kubernetes hands out a secret: to the group of the volume alone
            file.chmod(0o440)
            os.chown(file, 0, security["fsGroup"])
    for path in ("/etc/rootwatch", "/run/secrets/rootwatch"):
        mounts[path] = tmp_path / "files" / path.removeprefix("/")
    variables = {one["name"]: one["value"] for one in described["env"]} | {"ROOTWATCH_HTTP_PORT": port}
    user = f"{security['runAsUser']}:{security['runAsGroup']}"
    with container(image, tmp_path / "log", user, mounts, variables) as worker:
        worker.wait_until_ready()
        audit = "arn:aws:iam::111111111111:user/audit"
        deployment.produce([assume_root(), assume_root(audit)])
        wait_for(deployment.all_done, "the records are done")
        taken = worker.get("/metrics")[1].decode()
        assert worker.terminate() == 0, worker.tail()
    assert re.search(r'^rootwatch_taken_total\{rule="own"\} [1-9]', taken, re.MULTILINE)
    shipped = "aws-sts-assume-root-rare-pair"
    alerts = [alert["principal"]["arn"] for alert in deployment.alerts() if alert["rule"]["id"] == shipped]
    assert alerts == ["arn:aws:iam::111111111111:user/alice"]
