from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from streams.settings import Settings, SettingsError, load

DAY = 86_400_000
MORNING = 1_769_850_000_000  # 2026-01-31T09:00:00Z


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove the variables of the environment, and use an empty working directory."""
    for name in [f"ROOTWATCH_{field.upper()}" for field in Settings.model_fields] + ["ROOTWATCH_CONFIG"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_defaults() -> None:
    """Without a file, variables or options, every setting has its documented default."""
    settings = load()
    assert {name: getattr(settings, name) for name in Settings.model_fields} == {
        "bootstrap_servers": ("127.0.0.1:9092",),
        "source_topics": ("cloudtrail",),
        "topic_prefix": "rootwatch",
        "group_id": "rootwatch",
        "state_dir": type(settings.state_dir)("./state"),
        "schema_registry_url": None,
        "json_alerts": "none",
        "rules": ("shipped:aws-sts-assume-root-rare-pair",),
        "rule": None,
        "rule_settings": {},
        "window": None,
        "forget_after": 400 * DAY,
        "learn_until": None,
        "clock": "event",
        "principal": "arn",
        "member_account": "target",
        "geoip_database": (),
        "max_alerts": None,
        "session_grace": 1_200_000,
        "exceptions": None,
        "severity": None,
        "risk_score": None,
        "partitions": 8,
        "replication_factor": 1,
        "standby_replicas": 1,
        "max_record_size": 16_777_216,
        "max_message_size": 67_108_864,
        "security_protocol": "PLAINTEXT",
        "ssl_ca": None,
        "ssl_cert": None,
        "ssl_key": None,
        "sasl_mechanism": None,
        "sasl_username": None,
        "sasl_password_file": None,
        "schema_registry_auth_file": None,
        "http_host": "127.0.0.1",
        "http_port": 6066,
        "session_timeout": 10_000,
        "log_format": "console",
    }


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("bootstrap_servers", "a:9092, [::1]:9093", ("a:9092", "[::1]:9093")),
        ("source_topics", "cloudtrail,cloudtrail.eu", ("cloudtrail", "cloudtrail.eu")),
        ("window", "7d", 7 * DAY),
        ("window", "1d12h", DAY + DAY // 2),
        ("forget_after", "60w", 420 * DAY),
        ("session_timeout", "6s", 6_000),
        ("max_message_size", "16MiB", 16 << 20),
        ("max_message_size", "512 KiB", 512 << 10),
        ("max_record_size", "1MiB", 1 << 20),
        ("max_record_size", "64MiB", 64 << 20),
        ("learn_until", "2026-01-31T09:00:00Z", MORNING),
        ("learn_until", "2026-01-31T10:00:00.000+01:00", MORNING),
        ("learn_until", "2026-01-31t09:00:00.0019z", MORNING + 1),
        ("learn_until", "2026-01-31", MORNING - 9 * 3_600_000),
        ("max_alerts", "0", 0),
        ("risk_score", "100", 100),
        ("severity", "critical", "critical"),
        ("principal", "issuer", "issuer"),
        ("http_port", "8080", 8080),
    ],
)
def test_values_as_written(name: str, text: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value reads the same from a variable, an option and the file."""
    assert getattr(load(**{name: text}), name) == value
    config = "rootwatch.toml"
    with open(config, "w") as file:  # noqa: PTH123  the working directory is the test's own
        file.write(f"{name} = '{text}'\n")
    assert getattr(load(), name) == value
    monkeypatch.setenv(f"ROOTWATCH_{name.upper()}", text)
    assert getattr(load(), name) == value


def test_toml_types(tmp_path: Path) -> None:
    """The file may use TOML's own lists, numbers, dates and times."""
    write(
        tmp_path / "rootwatch.toml",
        "source_topics = ['a', 'b']\nhttp_port = 8080\nlearn_until = 2026-01-31T09:00:00Z\n",
    )
    settings = load()
    assert settings.source_topics == ("a", "b")
    assert settings.http_port == 8080
    assert settings.learn_until == MORNING
    write(tmp_path / "rootwatch.toml", "learn_until = 2026-01-31\n")
    assert load().learn_until == MORNING - 9 * 3_600_000


def test_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options override variables, variables override the file; an empty variable and a missing option set nothing."""
    write(tmp_path / "rootwatch.toml", "topic_prefix = 'file'\ngroup_id = 'file'\npartitions = 3\nrisk_score = 1\n")
    monkeypatch.setenv("ROOTWATCH_TOPIC_PREFIX", "variable")
    monkeypatch.setenv("ROOTWATCH_GROUP_ID", "variable")
    monkeypatch.setenv("ROOTWATCH_RISK_SCORE", "")
    settings = load(topic_prefix="option", clock=None)
    assert (settings.topic_prefix, settings.group_id, settings.partitions) == ("option", "variable", 3)
    assert (settings.risk_score, settings.clock) == (1, "event")


def test_the_name_of_a_variable_may_be_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable in lower case is the same setting."""
    monkeypatch.setenv("rootwatch_group_id", "lower")
    assert load().group_id == "lower"


def test_which_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is --config's, else ROOTWATCH_CONFIG's, else rootwatch.toml in the working directory."""
    write(tmp_path / "rootwatch.toml", "group_id = 'here'")
    named = write(tmp_path / "named.toml", "group_id = 'named'")
    option = write(tmp_path / "option.toml", "group_id = 'option'")
    assert load().group_id == "here"
    monkeypatch.setenv("ROOTWATCH_CONFIG", str(named))
    assert load().group_id == "named"
    assert load(option).group_id == "option"


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"clock": "wall"}, "clock = 'wall' (--clock): must be 'event' or 'record'"),
        ({"window": "10"}, "window = '10' (--window): '10' is not a duration"),
        ({"window": "0s"}, "window = '0s' (--window): a duration is from 1s to 36500d"),
        ({"learn_until": "2026-01-31T09:00:00"}, "learn_until = '2026-01-31T09:00:00' (--learn-until): write a time"),
        (
            {"learn_until": "2026-02-30"},
            "learn_until = '2026-02-30' (--learn-until): day is out of range for month; write a time",
        ),
        ({"max_message_size": "64MB"}, "max_message_size = '64MB' (--max-message-size): write a size with its unit"),
        (
            {"max_record_size": "1048575B"},
            "max_record_size = '1048575B' (--max-record-size): a record's size is from 1MiB",
        ),
        (
            {"max_record_size": "65MiB"},
            "max_record_size = '65MiB' (--max-record-size): a record's size is from 1MiB to 64MiB",
        ),
        ({"bootstrap_servers": "kafka"}, "'kafka' is not a broker's address: write host:port"),
        ({"bootstrap_servers": ""}, "bootstrap_servers = '' (--bootstrap-servers)"),
        ({"max_alerts": "10001"}, "max_alerts = '10001' (--max-alerts): must be less than or equal to 10000"),
        ({"risk_score": "101"}, "risk_score = '101' (--risk-score): must be less than or equal to 100"),
        ({"partitions": True}, "partitions = True (--partitions): write a whole number"),
        ({"topic_prefix": "a b"}, "topic_prefix = 'a b' (--topic-prefix)"),
        ({"source_topics": 5}, "source_topics = 5 (--source-topics): write text, separated by commas"),
        ({"source_topics": "a,a"}, "source_topics = 'a,a' (--source-topics): a topic is named twice"),
        ({"ssl_ca": "nowhere.pem"}, "ssl_ca = 'nowhere.pem' (--ssl-ca): there is no such file"),
        *(
            ({"schema_registry_url": url}, f"schema_registry_url = {url!r} (--schema-registry-url): write a URL that")
            for url in ("registry:8081", "http://", "http://a:99999", "http://[::1", "http://a,b:8081", "http://a,")
        ),
        ({"http_port": "0"}, "http_port = '0' (--http-port): must be greater than or equal to 1"),
        ({"rules": ","}, "rules =  (--rule): give at least one"),
        ({"rule_settings": "x"}, "rule_settings = 'x' (--rule-settings): write tables of settings to the file"),
        ({"sasl_mechanism": "PLAIN"}, "sasl_mechanism = 'PLAIN' (--sasl-mechanism): needs security_protocol SASL_SSL"),
        ({"security_protocol": "SASL_SSL"}, "sasl_mechanism: must be set with security_protocol SASL_SSL"),
        (
            {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512"},
            "sasl_password_file: must be set with sasl_mechanism SCRAM-SHA-512\nsasl_username: must be set",
        ),
        (
            {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "AWS_MSK_IAM"},
            "AWS_MSK_IAM needs security_protocol SASL_SSL",
        ),
        ({"wimdow": "10d"}, "wimdow = '10d' (--wimdow): no such setting; did you mean window?"),
        (
            {"sasl_password": "secret"},
            "sasl_password (--sasl-password): no such setting; did you mean sasl_password_file?",
        ),
    ],
)
def test_a_mistake_is_named(given: dict[str, Any], line: str) -> None:
    """A wrong setting is an error that names it, its value, its source, and what is allowed."""
    with pytest.raises(SettingsError) as raised:
        load(**given)
    assert line in str(raised.value)


def test_sources_of_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All errors are reported at once, each with its source; unknown variables and keys are errors."""
    config = write(tmp_path / "my.toml", "clock = 'wall'\ntopic_prefx = 'x'\n")
    monkeypatch.setenv("ROOTWATCH_RISK_SCORE", "high")
    monkeypatch.setenv("ROOTWATCH_WINDOWS", "10d")
    monkeypatch.setenv("ROOTWATCH_XYZZY", "1")
    monkeypatch.setenv("ROOTWATCH_TEST_REGISTRY", "http://for.the.tests")
    with pytest.raises(SettingsError) as raised:
        load(config)
    lines = str(raised.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "ROOTWATCH_WINDOWS = '10d'",
        "ROOTWATCH_XYZZY = '1'",
        "risk_score = 'high' (ROOTWATCH_RISK_SCORE)",
        f"clock = 'wall' ({config})",
        f"topic_prefx = 'x' ({config})",
    ]
    assert lines[0].endswith("did you mean ROOTWATCH_WINDOW?")
    assert "known are ROOTWATCH_BOOTSTRAP_SERVERS, ROOTWATCH_CLOCK, " in lines[1]
    assert lines[4].endswith("did you mean topic_prefix?")


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A named file that is missing, or is not TOML, is an error that names the file and the option or variable."""
    with pytest.raises(SettingsError, match=r"--config = .*gone.toml: there is no such file"):
        load(tmp_path / "gone.toml")
    monkeypatch.setenv("ROOTWATCH_CONFIG", "gone.toml")
    with pytest.raises(SettingsError, match=r"ROOTWATCH_CONFIG = gone.toml: there is no such file"):
        load()
    with pytest.raises(SettingsError, match=r"bad.toml: cannot be read as TOML"):
        load(write(tmp_path / "bad.toml", "clock = "))


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "with a byte order mark"])
def test_files_of_editors_on_windows(mark: bytes, tmp_path: Path) -> None:
    """Settings, rule, exceptions and secrets may start with UTF-8's byte order mark, and have CR before each LF."""

    def windows(name: str, text: str) -> str:
        (tmp_path / name).write_bytes(mark + text.replace("\n", "\r\n").encode())
        return str(tmp_path / name)

    shipped = files("streams.rules").joinpath("shipped/assume_root.toml").read_text("utf-8")
    settings = load(
        Path(windows("settings.toml", "group_id = 'windows'\n")),
        rule=windows("rule.toml", shipped),
        exceptions=windows("exceptions.toml", '[[exception]]\nprincipal = "*:user/auditor"\n'),
        sasl_mechanism="PLAIN",
        security_protocol="SASL_SSL",
        sasl_username="me",
        sasl_password_file=windows("password", "hunter2\n"),
    )
    assert settings.group_id == "windows"
    assert settings.load_rules() == Settings().load_rules()
    assert len(settings.load_exceptions()) == 1
    assert settings.sasl_password() == "hunter2"


def test_secrets_stay_in_their_files(tmp_path: Path) -> None:
    """Secrets come from files, without a final newline, and neither settings nor errors show them."""
    password = write(tmp_path / "password", "hunter2 \r\n")
    settings = load(
        security_protocol="SASL_SSL",
        sasl_mechanism="PLAIN",
        sasl_username="me",
        sasl_password_file=str(password),
    )
    assert settings.sasl_password() == "hunter2 "
    assert "hunter2" not in repr(settings) + str(settings)
    with pytest.raises(SettingsError) as raised:
        load(schema_registry_url="https://me:hunter2@registry")
    assert "schema_registry_auth_file" in str(raised.value)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("content", ["", "\n"])
def test_useless_secret_files(content: str, tmp_path: Path) -> None:
    """A secret file without the secret is an error that names setting and file."""
    password = write(tmp_path / "password", content)
    with pytest.raises(SettingsError, match=r"sasl_password_file = .*password: the file is empty"):
        load(
            security_protocol="SASL_SSL",
            sasl_mechanism="PLAIN",
            sasl_username="me",
            sasl_password_file=str(password),
        ).sasl_password()


def test_settings_cannot_change() -> None:
    """Settings are frozen: what was checked at start holds until the end."""
    with pytest.raises(ValueError, match="frozen"):
        load().clock = "record"


def test_the_rule_and_its_overrides() -> None:
    """The rule file gives severity, risk score, window and cap; an operator overrides each of them (A4)."""
    (rule,) = (each.rule for each in load().load_rules().rules)
    assert (rule.id, rule.severity, rule.risk_score) == ("aws-sts-assume-root-rare-pair", "low", 21)
    assert (rule.window, rule.max_alerts) == (10 * DAY, 100)
    settings = load(window="3d", max_alerts="0", severity="high", risk_score="73")
    rules = settings.load_rules()
    (rule,) = (each.rule for each in rules.rules)
    assert (rule.window, rule.max_alerts, rule.severity, rule.risk_score) == (3 * DAY, 0, "high", 73)
    decision_settings = settings.decision_settings(rules)[rule.id]
    assert (decision_settings.window, decision_settings.max_alerts, decision_settings.forget_after) == (
        3 * DAY,
        0,
        400 * DAY,
    )


def test_a_rule_that_cannot_be_used(tmp_path: Path) -> None:
    """A wrong rule file, or a window above forget_after (M8), is a SettingsError."""
    with pytest.raises(SettingsError, match=r"bad-rule\.toml"):
        load(rule=str(write(tmp_path / "bad-rule.toml", "name = 1"))).load_rules()
    with pytest.raises(
        SettingsError, match=r"forget_after = 9d: must be at least the window of assume_root\.toml, which is 10d"
    ):
        load(forget_after="9d").load_rules()


def test_exceptions_are_read(tmp_path: Path) -> None:
    """The exceptions file is used for decisions, and a wrong one is a SettingsError that names the file (M7)."""
    file = write(tmp_path / "ok.toml", "[[exception]]\nprincipal = 'arn:aws:iam::1:role/automation-*'\n")
    settings = load(exceptions=str(file))
    of_rules = settings.decision_settings(settings.load_rules())
    assert [len(of_rule.exceptions) for of_rule in of_rules.values()] == [1]
    with pytest.raises(SettingsError, match=r"everything\.toml"):
        load(exceptions=str(write(tmp_path / "everything.toml", "[[exception]]\n"))).load_exceptions()


def test_what_taking_gets() -> None:
    """The first half of the pipeline gets principal, member account, clock and size bound as set (T3, T4, M4, R3)."""
    settings = load(principal="issuer", member_account="resources", clock="record", max_message_size="1MiB")
    extract_settings = settings.extract_settings()
    assert (extract_settings.principal, extract_settings.member_account) == ("issuer", "resources")
    assert (extract_settings.clock, extract_settings.max_message_size) == ("record", 1 << 20)


def test_files_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file below a directory that this user cannot read is an error that names the setting, not a crash."""
    locked, is_file = tmp_path / "locked", Path.is_file

    def refuse(path: Path) -> bool:
        if path.parent == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", refuse)  # these tests may run as root, who may do everything
    with pytest.raises(
        SettingsError, match=r"^exceptions = .*/e\.toml.* \(--exceptions\): cannot be looked at: Permission denied$"
    ):
        load(exceptions=str(locked / "e.toml"))
    with pytest.raises(SettingsError, match=r"^--config = .*/x\.toml: cannot be looked at: Permission denied$"):
        load(locked / "x.toml")
