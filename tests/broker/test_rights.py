"""The least rights of a worker, on a broker that enforces them."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
)
from kafka_broker import Broker, Names, create_topic, running
from rule_files import RULES, iam, write_rules
from worker_process import Deployment, assume_root, wait_for

from streams.settings import Settings
from streams.topics.catalogue import catalogue
from streams.topics.rights import Right, worker_rights

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from kafka_broker import RunningBroker

_OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Create": AclOperation.CREATE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
    "AlterConfigs": AclOperation.ALTER_CONFIGS,
}
_KINDS = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP}
_USERS = (
    "worker",
    "starter",
    "owner",
    "granter",
    "seeder",
    "replayer",
    "reader",
    "follower",
    "teller",
    "looker",
    "checker",
)


@dataclass(frozen=True)
class Guarded:
    """A broker with authentication, a deployment with its topics on it, and its names."""

    broker: Broker
    names: Names
    folder: Path

    @property
    def open(self) -> Deployment:
        """The deployment through the listener that allows everything."""
        return Deployment(self.broker.bootstrap, self.names, self.folder)

    def limited(self, user: str) -> Deployment:
        """The deployment as a user with the granted rights only."""
        secured = {
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_username": user,
            "sasl_password_file": str(self.folder / "password"),
        }
        return Deployment(self.broker.address("SASL"), self.names, self.folder, secured)

    def grant(self, user: str, *rights: Right) -> None:
        """Grant rights, and wait until the broker knows them."""
        for right in rights:
            place = (_KINDS[right.kind], right.name, ResourcePatternType.LITERAL, f"User:{user}", "*")
            for name in right.operations:
                self.set_acl(*place, _OPERATIONS[name], AclPermissionType.ALLOW)

    def set_acl(self, *acl: Any) -> None:
        """Set an ACL of any kind, and wait until the broker knows it."""
        admin = AdminClient({"bootstrap.servers": self.broker.bootstrap})
        admin.create_acls([AclBinding(*acl)])[AclBinding(*acl)].result(60)
        wait_for(lambda: admin.describe_acls(AclBindingFilter(*acl)).result(60), "the broker knows", 30)

    def acls(self, principal: str) -> int:
        """How many ACLs a principal has."""
        everything = (ResourceType.ANY, None, ResourcePatternType.ANY, principal, None)
        asked = AclBindingFilter(*everything, AclOperation.ANY, AclPermissionType.ANY)
        admin = AdminClient({"bootstrap.servers": self.broker.bootstrap})
        return len(admin.describe_acls(asked).result(60))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A broker whose plaintext listener allows everything, and whose other listener enforces rights."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "password").write_text("secret\n")
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    broker = Broker(
        folder / "kafka",
        listeners={"SASL": "SASL_PLAINTEXT"},
        properties={
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.sasl.scram-sha-512.sasl.jaas.config": f"{module} required;",
        },
        format_options=[f"--add-scram=SCRAM-SHA-512=[name={user},password=secret]" for user in _USERS],
        heap="512m",
    )
    names = Names("guarded", "guarded", "cloudtrail")
    with running(broker):
        create_topic(broker.bootstrap, names.source_topic, 1)
        made = Guarded(broker, names, folder)
        made.open.apply_topics()
        yield made


def test_a_worker_does_all_its_work_with_the_rights_that_are_applied(guarded: Guarded) -> None:
    """Check and doctor name each missing right; the rights that apply grants are enough for all work of a worker.

    More rules need no more rights.
    """
    names, everybody, limited = guarded.names, guarded.open, guarded.limited("worker")
    rights = worker_rights(
        Settings(source_topics=names.source_topic, topic_prefix=names.topic_prefix, group_id=names.group_id)
    )
    said = limited.run("doctor")
    assert said.returncode == 1, said.stderr
    for right in rights:
        assert f"wrong\trights: {right} is not allowed" in said.stdout
    acls = ("--acls", "User:worker")
    checked = everybody.run("topics", "check", *acls)
    assert (checked.returncode, checked.stdout.splitlines()) == (1, _rows("wrong", "is missing", rights)), (
        checked.stderr
    )

    applied = everybody.run("topics", "apply", *acls)
    assert (applied.returncode, applied.stdout.splitlines()) == (0, _rows("done", "may", rights)), applied.stderr
    assert guarded.acls("User:worker") == sum(len(right.operations) for right in rights)
    for command in ("apply", "check"):
        again = everybody.run("topics", command, *acls)
        assert again.returncode == 0, again.stdout + again.stderr
        assert again.stdout == "ok\tevery topic is as it must be\nok\tUser:worker has every right of a worker\n"
    # A record in the source topic, so that doctor can compare its time with the clock.
    everybody.produce([assume_root(eventName="GetCallerIdentity")])
    said = limited.run("doctor")
    assert said.returncode == 0, said.stdout

    rules = f"shipped:aws-sts-assume-root-rare-pair,{write_rules(guarded.folder / 'rules')}"
    with limited.worker(rules=rules) as worker:
        worker.wait_until_ready()
        everybody.produce(
            [
                assume_root(),
                iam("alice", 0),
                b"{cut AssumeRoot",
                *(assume_root(account=f"{n:012d}") for n in range(101)),
            ]
        )
        wait_for(everybody.all_done, "all offsets are committed")
        assert worker.terminate() == 0, worker.tail()
    assert Counter(alert["rule"]["id"] for alert in everybody.alerts()) == {
        "aws-sts-assume-root-rare-pair": 100,
        **dict.fromkeys(RULES, 1),
    }
    assert len(everybody.alerts("alerts.overflow")) == 2
    assert len(everybody.read(f"{everybody.topic}.dead-letter")) == 1


def test_a_missing_right_is_named(guarded: Guarded) -> None:
    """P7: a worker without one of its rights ends with 1 and one line that names resource and operation.

    This is true also for a group that it may not join, where Kafka would let it wait silently, and for a withdrawn
    right.
    """
    group, *others = reversed(
        worker_rights(Settings(source_topics="cloudtrail", topic_prefix="guarded", group_id="guarded"))
    )
    limited = guarded.limited("starter")
    fix = "Grant it: `rootwatch topics apply --acls PRINCIPAL` as a user who may, then start again.\n"
    said = limited.run("worker")
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr == f"rootwatch: not allowed: {'; '.join(map(str, [*reversed(others), group]))}. {fix}"
    guarded.grant("starter", *others)
    said = limited.run("worker")
    assert (said.returncode, said.stderr) == (1, f"rootwatch: not allowed: {group}. {fix}")

    guarded.grant("starter", group)
    with limited.worker("starter") as worker:
        worker.wait_until_ready()
        place = (ResourceType.GROUP, group.name, ResourcePatternType.LITERAL, "User:starter", "*")
        right = AclBindingFilter(*place, AclOperation.READ, AclPermissionType.ALLOW)
        admin = AdminClient({"bootstrap.servers": guarded.broker.bootstrap})
        assert len(admin.delete_acls([right])[right].result(60)) == 1
        assert worker.process.wait(120) == 1
    # aiokafka may have been in the middle of a commit, and then logs a line of its own.
    (failed,) = [line for line in worker.log.read_text().splitlines() if "worker.failed" in line]
    assert f"error='group {group.name}: Read: not allowed (any more)'" in failed


def _rows(state: str, verb: str, rights: Iterable[Right]) -> list[str]:
    """The lines of `topics` about the rights of the user ``worker``."""
    return [f"{state}\t{right.kind} {right.name}: User:worker {verb} {', '.join(right.operations)}" for right in rights]


def test_wider_rights_count_and_a_denial_stays(guarded: Guarded) -> None:
    """Rights that a prefix allows are not granted again; a denial is named with exit 1, and not removed."""
    allowed = (ResourcePatternType.PREFIXED, "User:wide", "*", AclOperation.ALL, AclPermissionType.ALLOW)
    guarded.set_acl(ResourceType.TOPIC, guarded.names.topic_prefix, *allowed)
    guarded.set_acl(ResourceType.GROUP, guarded.names.group_id, *allowed)
    said = guarded.open.run("topics", "apply", "--acls", "User:wide")
    assert said.stdout == f"done\ttopic {guarded.names.source_topic}: User:wide may Read\n", said.stderr

    alerts = f"{guarded.names.topic_prefix}.alerts"
    denied = (ResourcePatternType.LITERAL, "User:wide", "10.0.0.1", AclOperation.WRITE, AclPermissionType.DENY)
    guarded.set_acl(ResourceType.TOPIC, alerts, *denied)
    for command in ("check", "apply"):
        said = guarded.open.run("topics", command, "--acls", "User:wide")
        problem = f"wrong\ttopic {alerts}: an ACL denies User:wide Write; remove it by hand if it is wrong\n"
        assert (said.returncode, said.stdout) == (1, problem), said.stderr
    assert guarded.acls("User:wide") == 4


# Without a group: these commands join none.
OTHERS: dict[str, tuple[list[Right], tuple[str, ...]]] = {
    "seeder": (
        [Right("topic", "cloudtrail", ("Read",)), Right("topic", "guarded.sightings", ("Write",))],
        ("warm-up", "--topic", "cloudtrail"),
    ),
    "replayer": ([Right("topic", "cloudtrail", ("Read",))], ("backtest", "--topic", "cloudtrail")),
    "reader": ([Right("topic", "guarded.alerts", ("Read",))], ("alerts",)),
    "follower": (
        [Right("topic", f"guarded.{name}", ("Read",)) for name in ("alerts", "session-summaries")],
        ("alerts", "--sessions"),
    ),
    "teller": (
        [
            Right("topic", f"guarded.{name}", ("Read",))
            for name in ("alerts", "alerts.overflow", "session-summaries", "activity")
        ],
        ("session", "ASIANOTHING"),
    ),
    "looker": (
        [Right("topic", "guarded-memory-changelog", ("Read",))],
        ("state", "arn:aws:iam::111111111111:user/nobody"),
    ),
}


@pytest.mark.parametrize("user", OTHERS)
def test_other_commands_need_what_the_guide_says(guarded: Guarded, user: str) -> None:
    """A command without its rights, or without the last of them, names the refusal; with all of them it works."""
    rights, command = OTHERS[user]
    guarded.open.produce([assume_root()])  # Kafka refuses nothing to a command that finds nothing to read or write
    refused = guarded.limited(user).run(*command)
    assert refused.returncode == 1
    assert re.search("uthorization|not allowed", refused.stderr)
    *others, last = rights
    guarded.grant(user, *others, Right("topic", "guarded.sightings", ("Describe",)))
    refused = guarded.limited(user).run(*command)
    assert refused.returncode == 1
    assert re.search(rf"{last.kind} {last.name}: \w+", refused.stderr)
    assert re.search("uthorization|not allowed", refused.stderr)
    assert "Traceback" not in refused.stderr
    guarded.grant(user, last)
    done = guarded.limited(user).run(*command)
    nothing_found = command[0] in {"state", "session"}
    assert done.returncode == nothing_found, done.stderr
    assert "uthorization" not in done.stderr


def test_topics_are_applied_with_what_the_guide_says(guarded: Guarded) -> None:
    """`topics apply` needs Create, Describe, DescribeConfigs and AlterConfigs on its topics."""
    settings = {"topic_prefix": "another", "group_id": "another"}
    own = catalogue(Settings(**settings))
    operations = ("Create", "Describe", "DescribeConfigs", "AlterConfigs")
    guarded.grant("owner", Right("topic", guarded.names.source_topic, ("Describe",)))
    guarded.grant("owner", *(Right("topic", topic.name, operations) for topic in own))
    done = guarded.limited("owner").run("topics", "apply", **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("created") == len(own)
    changed = guarded.open.run("topics", "apply", **settings)
    assert changed.stdout == "ok\tevery topic is as it must be\n"


def test_who_may_not_change_a_setting_is_told_whose_it_is(guarded: Guarded) -> None:
    """Without AlterConfigs apply cannot ask what the cluster allows: its own value is a warning, a topic's is wrong."""
    settings = {"topic_prefix": "checked", "group_id": "checked"}
    assert guarded.open.run("topics", "apply", **settings).returncode == 0
    guarded.grant("checker", Right("topic", guarded.names.source_topic, ("Describe",)))
    for topic in catalogue(Settings(**settings)):
        guarded.grant("checker", Right("topic", topic.name, ("Describe", "DescribeConfigs")))
    admin = AdminClient({"bootstrap.servers": guarded.broker.bootstrap})
    changes = {
        "checked.alerts": ConfigEntry("retention.ms", None, incremental_operation=AlterConfigOpType.DELETE),
        "checked.sightings": ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET),
    }
    for name, entry in changes.items():
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
        admin.incremental_alter_configs([resource])[resource].result(60)

    def states() -> dict[str, str]:
        said = guarded.limited("checker").run("topics", "check", **settings)
        rows = [line.split("\t") for line in said.stdout.splitlines() if "retention.ms" in line]
        return {sentence.split()[1].rstrip(":"): state for state, sentence in rows}

    wait_for(lambda: len(states()) == len(changes), "the broker shows both changes", 30)
    assert states() == {"checked.alerts": "warning", "checked.sightings": "wrong"}
    assert guarded.open.run("topics", "apply", **settings).stdout.count("retention.ms set to") == len(changes)


def test_acls_are_applied_with_what_the_guide_says(guarded: Guarded) -> None:
    """`--acls` needs Describe on the cluster to check and Alter to apply; each refusal names request and right."""
    settings = {"topic_prefix": "granted", "group_id": "granted"}
    assert guarded.open.run("topics", "apply", **settings).returncode == 0
    operations = ("Describe", "DescribeConfigs")
    guarded.grant("granter", Right("topic", guarded.names.source_topic, ("Describe",)))
    guarded.grant("granter", *(Right("topic", topic.name, operations) for topic in catalogue(Settings(**settings))))
    cluster = (ResourceType.BROKER, "kafka-cluster", ResourcePatternType.LITERAL, "User:granter", "*")

    def granting(command: str) -> tuple[int, str]:
        done = guarded.limited("granter").run("topics", command, "--acls", "User:another", **settings)
        return done.returncode, done.stderr

    for command in ("check", "apply"):
        refusal = "rootwatch: cluster: DescribeAcls: it needs Describe on the cluster, which this user does not have\n"
        assert granting(command) == (1, refusal)
    guarded.set_acl(*cluster, AclOperation.DESCRIBE, AclPermissionType.ALLOW)
    refusal = "rootwatch: cluster: CreateAcls: it needs Alter on the cluster, which this user does not have\n"
    assert granting("apply") == (1, refusal)
    guarded.set_acl(*cluster, AclOperation.ALTER, AclPermissionType.ALLOW)
    assert granting("apply") == (0, "")
    assert granting("check") == (0, "")


def test_a_source_ahead_of_this_clock_is_found(broker: RunningBroker, names: Names, tmp_path: Path) -> None:
    """If a record's timestamp is in the future, doctor says by how much the clocks differ."""
    broker.create_topic(names.source_topic, 1)
    deployment = Deployment(broker.bootstrap, names, tmp_path)
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    producer.produce(names.source_topic, b"{}", timestamp=int((time.time() + 600) * 1000))
    assert producer.flush(60) == 0
    said = deployment.run("doctor")
    (line,) = [line for line in said.stdout.splitlines() if "\tclock: " in line]
    # The timestamp is ten minutes ahead; less is left when doctor asks.
    assert re.fullmatch(
        r"wrong\tclock: the newest source record is [1-9]\d* s ahead of this machine; keep clocks by NTP", line
    )
