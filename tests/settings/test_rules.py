from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from streams.settings import Settings, SettingsError, load

DAY = 86_400_000
SHIPPED = "aws-sts-assume-root-rare-pair"
ALLOWED = "rules and --rule take a rule file, a folder of rule files, shipped or shipped:ID"


def text(rule_id: str, more: str = "", query: str = "event.action: CreateUser") -> str:
    return (
        f"id = '{rule_id}'\nname = 'Mine'\nversion = 1\nseverity = 'low'\nrisk_score = 21\nwindow = '10d'\n"
        f"query = '''{query}'''\nterms = ['cloud.account.id']\n{more}\n"
    )


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working directory, and no variables."""
    for name in [f"ROOTWATCH_{field.upper()}" for field in Settings.model_fields] + ["ROOTWATCH_CONFIG"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(**files: str) -> None:
    """Write files; ``__`` in a name stands for a folder, and each name gets ``.toml``."""
    for name, content in files.items():
        path = Path(name.replace("__", "/") + ".toml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def ids(*rules: str, **options: Any) -> list[str]:
    return list(load(rules=rules or None, **options).load_rules().by_id)


def faults(*rules: str, **options: Any) -> list[str]:
    with pytest.raises(SettingsError) as wrong:
        load(rules=rules or None, **options).load_rules()
    assert wrong.value.exit_code == 2
    return str(wrong.value).splitlines()


def test_which_rules_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """U8: files, folders with all below, shipped rules; from option, variable or file, and the shipped one if unset."""
    write(a=text("a"), r__b=text("b"), r__deep__er__c=text("c"))
    Path("r/notes.txt").write_text("no rule")
    assert ids() == [SHIPPED]
    assert SHIPPED in ids("shipped")
    assert ids(f"shipped:{SHIPPED}", "a.toml") == ["a", SHIPPED]
    assert ids("a.toml", "./r/") == ["a", "b", "c"]
    assert list(load(rule="r").load_rules().by_id) == ["b", "c"]
    write(rootwatch='rules = ["r/deep", "a.toml"]')
    assert ids() == ["a", "c"]
    monkeypatch.setenv("ROOTWATCH_RULES", "r/b.toml , a.toml")
    assert ids() == ["a", "b"]
    assert ids("r/deep") == ["c"]


def test_rule_is_rules_with_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """U8: both settings set are an error that names both, wherever they are set; ``--rule`` stands in their place."""
    write(a=text("a"), rootwatch="rule = 'a.toml'")
    assert ids() == ["a"]
    assert ids("shipped") != ["a"]
    monkeypatch.setenv("ROOTWATCH_RULES", "shipped")
    with pytest.raises(SettingsError, match=r"rule = 'a.toml' \(rootwatch.toml\), rules = .*only one of the two"):
        load()
    assert ids("a.toml") == ["a"]


def test_a_mounted_folder_of_kubernetes_has_each_rule_once() -> None:
    """U8: in a mounted ConfigMap each file is a link into ``..data``; links are followed, but not round and round."""
    write(**{"r__..2026__a": text("a")})
    Path("r/..data").symlink_to("..2026")
    Path("r/a.toml").symlink_to("..data/a.toml")
    Path("r/round").symlink_to(".")
    assert ids("r") == ["a"]


@given(st.permutations(["a.toml", "r", f"shipped:{SHIPPED}"]))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_entries_changes_nothing(entries: list[str]) -> None:
    """U8: entries in any order give the same rules, and the same faults in the same order."""
    write(a=text("a"), r__b=text("b"), r__c=text("c"))
    assert load(rules=entries).load_rules() == load(rules=["a.toml", "r", f"shipped:{SHIPPED}"]).load_rules()
    assert ids(*entries) == ["a", SHIPPED, "b", "c"]
    write(r__b=text("a"), r__c="x")
    assert faults(*entries) == faults("a.toml", "r", f"shipped:{SHIPPED}")


@pytest.mark.parametrize(
    ("entries", "lines"),
    [
        (["gone.toml"], [f"gone.toml: there is no such file or folder: {ALLOWED}"]),
        (["./r/gone/"], [f"./r/gone/: there is no such file or folder: {ALLOWED}"]),
        (["a\0b"], [f"a\\x00b: there is no such file or folder: {ALLOWED}"]),
        (["empty"], ["empty: holds no rule file: a folder needs *.toml files in it or below"]),
        (["a.toml", "r/b.toml", "a.toml"], ["a.toml: is given twice; name each rule file once"]),
        (["r", "r/b.toml"], ["r/b.toml: is given twice; name each rule file once"]),
        (["a.toml", "./a.toml"], ["a.toml: is the same file as ./a.toml; name each rule file once"]),
        (["shipped", f"shipped:{SHIPPED}"], ["assume_root.toml: is given twice; name each rule file once"]),
        ([f"shipped:{SHIPPED}s"], [f"shipped:{SHIPPED}s: no rule of this id ships; did you mean shipped:{SHIPPED}?"]),
        (["a.toml", "again.toml"], ["again.toml: id: 'a': is also the id of a.toml; each rule needs its own"]),
        (["mark.toml"], None),
        (
            ["latin.toml"],
            ["latin.toml: not UTF-8: 'utf-8' codec can't decode byte 0xfc in position 0: invalid start byte"],
        ),
        (["no.toml"], ["no.toml: not TOML: Expected '=' after a key in a key/value pair (at line 1, column 3)"]),
        (["link.toml"], ["link.toml: cannot be read: No such file or directory"]),
        (["pipe.toml"], [f"pipe.toml: is no file: {ALLOWED}"]),
        (
            ["bad", "gone.toml", "no.toml", "a.toml"],
            [
                f"gone.toml: there is no such file or folder: {ALLOWED}",
                "bad/1.toml: risk_score: 200",
                "bad/1.toml: query:1:20: ",
                "bad/2.toml: terms: 'user.nam'",
                "no.toml: not TOML",
            ],
        ),
    ],
)
def test_entries_that_cannot_be_used(entries: list[str], lines: list[str] | None) -> None:
    """U8: each fault of each file is a line that begins with the file as it was given or found; exit 2."""
    write(a=text("a"), again=text("a"), r__b=text("b"), no="x y")
    write(bad__1=text("c", query="event.action: a and").replace("21", "200"))
    write(bad__2=text("d").replace("cloud.account.id", "user.nam"))
    Path("empty/below").mkdir(parents=True)
    Path("mark.toml").write_bytes(b"\xef\xbb\xbf" + text("m").encode())
    Path("latin.toml").write_bytes("ü".encode("latin-1"))
    Path("link.toml").symlink_to("nowhere")
    os.mkfifo("pipe.toml")
    if lines is None:
        assert ids(*entries) == ["m"]
        return
    found = faults(*entries)
    assert len(found) == len(lines), found
    for line, expected in zip(found, lines, strict=True):
        where = expected.split(": ")[:2]
        assert line.split(": ")[: len(where)] == where or line.startswith(expected), line
        assert len(lines) > 1 or line == expected


def test_a_folder_named_like_a_file_is_a_folder() -> None:
    """U8: a folder ``x.toml`` in a folder of rules is no rule file; its files are rules."""
    write(**{"r__x.toml__a": text("a")})
    assert ids("r") == ["a"]


@pytest.mark.parametrize(
    "in_file", ["", "forget_after = '20d'\nmax_alerts = 3\nrefresh = '1h'\nlearn = '2d'\nmax_entries = 4"]
)
@pytest.mark.parametrize(
    "flat", [{}, {"window": "11d", "forget_after": "30d", "max_alerts": "5", "learn_until": "2026-01-01"}]
)
@pytest.mark.parametrize(
    "table",
    [
        "",
        (
            "window = '12d'\nforget_after = '40d'\nmax_alerts = 7\nlearn_until = '2027-01-01'\n"
            "refresh = '0s'\nlearn = '0s'\nmax_entries = 9\nseverity = 'high'\nrisk_score = 99"
        ),
    ],
)
def test_precedence(in_file: str, flat: dict[str, str], table: str) -> None:
    """U8: a table wins over the flat setting, that over the rule file; its forget_after wins over the flat one."""
    write(a=text("a", in_file), rootwatch=f"[rule_settings.a]\n{table}")
    settings = load(rules=["a.toml"], **flat)
    rules = settings.load_rules()
    rule, deciding = rules.by_id["a"].rule, settings.decision_settings(rules)["a"]
    window = (12 if table else 11 if flat else 10) * DAY
    assert (rule.window, deciding.window) == (window, window)
    assert deciding.forget_after == (40 if table else 20 if in_file else 30 if flat else 400) * DAY
    assert rule.max_alerts == deciding.max_alerts == (7 if table else 5 if flat else 3 if in_file else 100)
    assert deciding.refresh == (0 if table else DAY // 24 if in_file else window // 100)
    assert deciding.learn == (0 if table else 2 * DAY if in_file else None)
    assert deciding.max_entries == (9 if table else 4 if in_file else 1_000_000)
    assert (rule.severity, rule.risk_score) == (("high", 99) if table else ("low", 21))
    until = {True: 1_798_761_600_000, False: 1_767_225_600_000 if flat else None}[bool(table)]
    assert deciding.learn_until == until


def test_flat_settings_are_the_shipped_rules_among_others() -> None:
    """U8: with several rules the flat window is the shipped rule's; without it, an error names the tables to write."""
    write(a=text("a"), b=text("b"))
    rules = load(rules=["a.toml", f"shipped:{SHIPPED}"], window="3d", severity="high").load_rules()
    assert [(each.rule.window, each.rule.severity) for each in rules.rules] == [(10 * DAY, "low"), (3 * DAY, "high")]
    several = 'several rules are loaded; write it to a table [rule_settings."a"] or [rule_settings."b"]'
    assert faults("a.toml", "b.toml", window="3d", severity="high") == [f"window: {several}", f"severity: {several}"]
    assert load(rules=["a.toml"], window="3d").load_rules().by_id["a"].rule.window == 3 * DAY


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ("[rule_settings.aa]", 'rule_settings."aa": no rule of this id is loaded; did you mean a?'),
        ("[rule_settings.zzz]", 'rule_settings."zzz": no rule of this id is loaded; loaded are a, b'),
        ("[rule_settings.a]\nwindow = '2h'", None),
        ("[rule_settings.a]\nwindow = 2", 'rule_settings."a".window = 2 (rootwatch.toml): write a duration in quotes'),
        (
            "[rule_settings.a]\nwindo = '2h'",
            "windo = '2h' (rootwatch.toml): no such setting of a rule; did you mean window?",
        ),
        ("[rule_settings]\na = 1", 'rule_settings."a" = 1 (rootwatch.toml): write a table'),
        ("rule_settings = 1", "rule_settings = 1 (rootwatch.toml): write tables of settings"),
        ("[rule_settings.a]\nmax_entries = 0", "max_entries = 0 (rootwatch.toml): must be greater than or equal to 1"),
        (
            "[rule_settings.b]\nwindow = '1h'",
            "b.toml: refresh: 2h: must be shorter than the window of b.toml, which is 1h",
        ),
        (
            "[rule_settings.a]\nforget_after = '1d'",
            'rule_settings."a".forget_after = 1d: must be at least the window of a.toml, which is 10d',
        ),
        (
            "[rule_settings.a]\nwindow = '401d'",
            "forget_after = 400d: must be at least the window of a.toml, which is 401d; change --forget-after",
        ),
    ],
)
def test_tables_that_cannot_be_used(table: str, line: str | None) -> None:
    """U8: a table of an unknown rule, a wrong value, and a duration that does not fit the window are each named."""
    write(a=text("a"), b=text("b", "refresh = '2h'"), rootwatch=table)
    if line is None:
        assert load(rules=["a.toml", "b.toml"]).load_rules().by_id["a"].rule.window == DAY // 12
    else:
        (found,) = faults("a.toml", "b.toml")
        assert line in found


def test_tables_are_for_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """U8: a variable cannot hold tables; it is refused by its name, and its text is not read as JSON."""
    monkeypatch.setenv("ROOTWATCH_RULE_SETTINGS", "{")
    with pytest.raises(SettingsError, match=r"^rule_settings = '\{' \(ROOTWATCH_RULE_SETTINGS\): write tables"):
        load()
