"""``rootwatch rules list``: the states of rules; ``tests/broker/test_rules_list.py`` has it on a broker (U12)."""

from __future__ import annotations

import json

import pytest
from ports import held_port
from sightings import COMPILED
from typer.testing import CliRunner

from streams.commands.rules import list_rules, rules
from streams.commands.rules.list_rules import Listed, Live
from streams.detection.memory import RuleState
from streams.pipeline import DecisionSettings
from streams.settings import load

NOW = 1_772_323_200_000
TERMS = COMPILED.terms_fingerprint


def met(at: int = 0, entries: int = 0, fingerprint: str = COMPILED.query_fingerprint, **more: bool) -> RuleState:
    return RuleState(fingerprint, TERMS, at, entries=entries, **more)


@pytest.mark.parametrize(
    ("partitions", "state", "entries"),
    [
        (None, "unknown", None),
        ([], "unmet", 0),
        ([met(NOW - 100, 3), met(NOW - 200, 4)], "on", 7),
        ([met(NOW - 100, 3), met(NOW - 10, 4)], "learning", 7),
        ([met(NOW - 100, 3), met(NOW - 51, 4, relearning=True)], "on", 7),
        ([met(NOW - 100, 3, "older")], "changed", 3),
        ([met(NOW - 100, 3), met(NOW - 100, 10)], "saturated", 13),
    ],
)
def test_states(partitions: list[RuleState] | None, state: str, entries: int | None) -> None:
    """U6, U11, U12: unmet, learning, changed, saturated or on, from what the partitions know; entries are added up."""
    settings = DecisionSettings(window=100, learn=50, max_entries=10)
    listed = Listed(COMPILED, settings, None if partitions is None else Live(partitions, 2))
    document = listed.document(NOW)
    assert (document["state"], document["entries"]) == (state, entries)
    assert document["alerts"] == (None if partitions is None else 2)


def test_offline_lists_the_rules_alone(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """U12: ``--offline`` asks nobody; one line a rule, in order of ids."""
    monkeypatch.chdir(str(tmp_path))
    done = CliRunner().invoke(rules, ["list", "--offline", "--json", "--rule", "shipped"], catch_exceptions=False)
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 0
    assert {one["state"] for one in documents} == {"unknown"}
    assert [one["rule_id"] for one in documents] == sorted(one["rule_id"] for one in documents)
    plain = CliRunner().invoke(rules, ["list", "--offline"], catch_exceptions=False)
    assert plain.stdout.startswith("aws-sts-assume-root-rare-pair\t1\tlow\t21\t10d\tunknown\t\t\t\t")
    assert "more ship and do not run" in plain.stderr


def test_a_table_fits_80_columns(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """U12: every rule that ships has one line in a table for people."""
    monkeypatch.setenv("COLUMNS", "80")
    compiled = load(rules=["shipped"]).load_rules().rules
    settings = DecisionSettings(window=100)
    list_rules._table([Listed(each, settings, Live()) for each in compiled], NOW)  # noqa: SLF001  what a terminal gets
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(compiled)
    assert all(each.rule.id in line for each, line in zip(compiled, lines[1:], strict=True))


def test_a_broker_that_does_not_answer_is_exit_1(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """U12: the rules are listed all the same, and one line says who did not answer and what to do."""
    monkeypatch.chdir(str(tmp_path))
    with held_port() as unused:
        monkeypatch.setenv("ROOTWATCH_BOOTSTRAP_SERVERS", f"127.0.0.1:{unused}")
        done = CliRunner().invoke(rules, ["list", "--json"], catch_exceptions=False)
    assert done.exit_code == 1
    assert json.loads(done.stdout)["state"] == "unknown"
    assert "no broker of" in done.stderr
    assert "--offline lists the rules alone" in done.stderr
