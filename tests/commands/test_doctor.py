"""``rootwatch doctor`` when no broker answers: everything else is still checked, each finding with its fix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from replay_records import run

from streams.commands.operate import doctor
from streams.settings import Settings
from streams.topics.catalogue import value_schemas
from streams.wire.confluent.registry import apply_schemas

if TYPE_CHECKING:
    from pathlib import Path

    from registry_server import RegistryServer


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests have no broker, and do not wait for one."""
    monkeypatch.setattr(doctor, "ANSWER_SECONDS", 0.5)


def found(**given: Any) -> dict[str, tuple[str, str]]:
    """State and sentence of each check, by what the sentence is about."""
    rows = doctor.examine(Settings(bootstrap_servers="127.0.0.1:9", **given))
    return {row.sentence.split(":")[0]: tuple(row) for row in rows}


def test_a_broker_that_is_away_leaves_only_its_own_checks_open(tmp_path: Path) -> None:
    """One cause is one wrong line: what needs a broker is unknown, everything else is checked and ok."""
    rows = found(state_dir=tmp_path / "state")
    states = {about: state for about, (state, _) in rows.items()}
    assert states == {
        "rule": "ok",
        "exceptions": "ok",
        "credentials": "ok",
        "state_dir": "ok",
        "brokers": "wrong",
        "rights, topics, clock, sample": "unknown",
        "registry": "ok",
    }
    assert "127.0.0.1:9" in rows["brokers"][1]
    assert "check bootstrap_servers" in rows["brokers"][1]
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("setting", "file", "content", "said"),
    [
        ("rule", "rule.toml", 'id = "x"', "is missing"),
        ("exceptions", "exceptions.toml", "[[exception]]\n", "exceptions: "),
        ("geoip_database", "places.mmdb", "no database", "put a MaxMind file there"),
        ("schema_registry_auth_file", "auth", "no colon", "must hold user:password"),
        ("ssl_ca", "ca.pem", "no certificate", "no PEM file of certificates"),
    ],
)
def test_a_file_of_no_use_is_named(tmp_path: Path, setting: str, file: str, content: str, said: str) -> None:
    """A rule, exceptions, database or secret that cannot be used is wrong, and the line names the file."""
    path = tmp_path / file
    path.write_text(content)
    given = (path,) if setting == "geoip_database" else path
    protocol = "SSL" if setting == "ssl_ca" else "PLAINTEXT"
    rows = found(**{setting: given}, security_protocol=protocol, state_dir=tmp_path).values()
    wrong = [sentence for state, sentence in rows if state == "wrong"]
    assert [sentence for sentence in wrong if file in sentence and said in sentence]


def test_without_credentials_nobody_is_asked(tmp_path: Path, registry: RegistryServer) -> None:
    """An unusable file of a secret is the only wrong line: brokers and registry are unknown, not wrong."""
    (tmp_path / "auth").write_text("no colon")
    rows = found(
        schema_registry_url=registry.url, schema_registry_auth_file=tmp_path / "auth", state_dir=tmp_path / "state"
    )
    assert [about for about, (state, _) in rows.items() if state == "wrong"] == [
        f"schema_registry_auth_file = {tmp_path / 'auth'}"
    ]
    assert rows["brokers, rights, topics, clock, sample, registry"][0] == "unknown"


def test_a_state_dir_that_is_no_directory(tmp_path: Path) -> None:
    """A state_dir that cannot be created is wrong, with the fix."""
    (tmp_path / "file").touch()
    state, sentence = found(state_dir=tmp_path / "file" / "state")["state_dir"]
    assert state == "wrong"
    assert "set state_dir" in sentence


def test_a_full_disk_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Less than a gibibyte left for the table is wrong."""
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": (1 << 30) - 1}))
    assert found(state_dir=tmp_path)["state_dir"][0] == "wrong"


def test_the_registry_is_asked(tmp_path: Path, registry: RegistryServer) -> None:
    """The registry's missing schemas are wrong and named with their fix; once they are registered, all is ok."""
    settings = {"schema_registry_url": registry.url, "state_dir": tmp_path}
    configured = Settings(bootstrap_servers="127.0.0.1:9", **settings)
    rows = [row for row in doctor.examine(configured) if row.sentence.startswith("registry: ")]
    assert {row.state for row in rows} == {"wrong"}
    for topic in value_schemas(configured):
        assert any(f"{topic}-value" in row.sentence and "topics apply" in row.sentence for row in rows)
    apply_schemas(configured, value_schemas(configured))
    assert found(**settings)["registry"][0] == "ok"


def test_a_registry_that_is_away(tmp_path: Path) -> None:
    """A registry that does not answer is wrong, with the settings to check."""
    state, sentence = found(schema_registry_url="http://127.0.0.1:9", state_dir=tmp_path)["registry"]
    assert state == "wrong"
    assert "check schema_registry_url" in sentence


def test_a_registry_that_refuses(tmp_path: Path, registry: RegistryServer) -> None:
    """A refusal is one line with the one setting to check."""
    registry.auth = "rootwatch:secret"
    state, sentence = found(schema_registry_url=registry.url, state_dir=tmp_path)["registry"]
    assert state == "wrong"
    assert sentence.endswith("(HTTP 401); check schema_registry_auth_file")


def test_wrong_settings_are_all_that_can_be_said(
    capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each wrong setting is a wrong line on stdout, and exit 1: nothing else can be checked."""
    (tmp_path / "rootwatch.toml").write_text('windo = "10d"\nhttp_port = 0\n')
    monkeypatch.chdir(tmp_path)
    ran = run(capsysbinary, monkeypatch, "doctor")
    assert ran.code == 1
    lines = ran.out.decode().splitlines()
    assert [line.split("\t")[0] for line in lines] == ["wrong", "wrong"]
    assert "did you mean window?" in ran.out.decode()
