"""What the project's habits rest on: workflows, dependency updates, issue forms, pre-commit."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema

from streams import __version__

ROOT = Path(__file__).parent.parent
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").iterdir())
FORMS = sorted(set((GITHUB / "ISSUE_TEMPLATE").iterdir()) - {GITHUB / "ISSUE_TEMPLATE" / "config.yml"})
MAKEFILE = (ROOT / "Makefile").read_text()
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ON = True  # PyYAML reads YAML 1.1, where the key `on` is true

_TEXT = {"type": "string", "minLength": 1}
_ATTRIBUTES = {
    "label": _TEXT,
    "description": _TEXT,
    "placeholder": _TEXT,
    "value": _TEXT,
    "render": {"enum": ["json", "sh", "text", "toml", "yaml", "python"]},
    "multiple": {"type": "boolean"},
    "options": {"type": "array", "minItems": 1, "uniqueItems": True},
}
_KEYS_OF_TYPE = {
    "markdown": ({"value"}, {"value"}),
    "input": ({"label"}, {"label", "description", "placeholder", "value"}),
    "textarea": ({"label"}, {"label", "description", "placeholder", "value", "render"}),
    "dropdown": ({"label", "options"}, {"label", "description", "options", "multiple"}),
    "checkboxes": ({"label", "options"}, {"label", "description", "options"}),
}
FORM_SCHEMA = {  # from "Syntax for issue forms" and "Syntax for GitHub's form schema" of GitHub's documentation
    "type": "object",
    "required": ["name", "description", "body"],
    "additionalProperties": False,
    "properties": {
        "name": _TEXT,
        "description": _TEXT,
        "title": _TEXT,
        "labels": {"type": "array", "items": _TEXT},
        "body": {
            "type": "array",
            "minItems": 1,
            "contains": {"properties": {"type": {"not": {"const": "markdown"}}}},
            "items": {
                "oneOf": [
                    {
                        "type": "object",
                        "required": ["type", "attributes", *([] if kind == "markdown" else ["id"])],
                        "additionalProperties": False,
                        "properties": {
                            "type": {"const": kind},
                            "attributes": {
                                "type": "object",
                                "required": sorted(required),
                                "additionalProperties": False,
                                "properties": {name: _ATTRIBUTES[name] for name in sorted(allowed)},
                            },
                            **(
                                {}
                                if kind == "markdown"
                                else {
                                    "id": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
                                    "validations": {
                                        "type": "object",
                                        "properties": {"required": {"type": "boolean"}},
                                        "additionalProperties": False,
                                    },
                                }
                            ),
                        },
                    }
                    for kind, (required, allowed) in _KEYS_OF_TYPE.items()
                ]
            },
        },
    },
}


def loaded(path: Path) -> dict[Any, Any]:
    document = yaml.safe_load(path.read_text())
    assert isinstance(document, dict)
    return document


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found is not None, target
    return [line.removeprefix("\t") for line in found[1].splitlines()]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_are_valid(path: Path) -> None:
    """GitHub reads each workflow: it follows the schema of workflows."""
    document = loaded(path)
    document["on"] = document.pop(ON)
    jsonschema.validate(document, get_builtin_schema("vendor.github-workflows"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_have_least_permissions(path: Path) -> None:
    """No workflow has a right that a job does not name, runs without an end, or beside itself."""
    document = loaded(path)
    assert document["permissions"] == {}
    assert document["concurrency"]["group"]
    for job in document["jobs"].values():
        assert job["permissions"]
        assert "uses" in job or job["timeout-minutes"] <= 60


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned(path: Path) -> None:
    """Each action is named by its commit, which nobody can move, and a comment says which version that is."""
    used = re.findall(r"uses: (\S.*)$", path.read_text(), re.MULTILINE)
    for reference in used:
        assert reference.startswith("./") or re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", reference)


def test_actions_have_one_version() -> None:
    """An action has the same commit wherever it is used, and a version has one commit."""
    text = "".join(path.read_text() for path in WORKFLOWS)
    pins = set(re.findall(r"uses: ([\w./-]+)@(\w+) # (\S+)", text))
    assert len({name for name, _, _ in pins}) == len(pins)


def test_workflows_pass_the_linter() -> None:
    """zizmor, which knows how workflows are attacked, finds nothing in workflows and in Dependabot's configuration."""
    done = subprocess.run(  # noqa: S603  a tool of the project's environment
        [Path(sys.executable).with_name("zizmor"), "--offline", "--no-progress", "--color=never", GITHUB],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings to report" in done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_run_targets_of_the_makefile(path: Path) -> None:
    """What a workflow runs with make is in the Makefile, so it runs on any machine."""
    for target in re.findall(r"\bmake ([a-z-]+)$", path.read_text(), re.MULTILINE):
        assert recipe(target)


def test_the_pythons_that_are_tested_are_the_ones_that_are_promised() -> None:
    """Tests run on each Python of the classifiers, the oldest of which is the least that is required."""
    jobs = loaded(GITHUB / "workflows" / "checks.yml")["jobs"]
    prefix = "Programming Language :: Python :: 3."
    promised = [name.split()[-1] for name in PYPROJECT["project"]["classifiers"] if name.startswith(prefix)]
    assert PYPROJECT["project"]["requires-python"] == f">={promised[0]}"
    for job in ("test", "wheel"):
        assert jobs[job]["strategy"]["matrix"]["python"] == promised


def test_a_release_is_checked_attested_and_published_by_trust() -> None:
    """Nothing is published before the checks and the attestations, and no stored secret is used for it."""
    path = GITHUB / "workflows" / "release.yml"
    jobs = loaded(path)["jobs"]
    order = ["checks", "build", "attest", "publish", "announce"]
    assert [jobs[later]["needs"] for later in order[1:]] == order[:-1]
    assert "secrets." not in path.read_text()
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    attested = [step["with"] for step in jobs["attest"]["steps"] if step["uses"].startswith("actions/attest@")]
    assert [settings.get("sbom-path") for settings in attested] == [None, "build/rootwatch.cdx.json"]


def test_dependabot_is_valid() -> None:
    """Dependabot's configuration follows its schema, and each folder exists and has what the ecosystem reads."""
    document = loaded(GITHUB / "dependabot.yml")
    jsonschema.validate(document, get_builtin_schema("vendor.dependabot"))
    read = {
        "pip": ("pyproject.toml", "requirements.txt"),
        "github-actions": (".github/workflows",),
        "docker": ("Dockerfile",),
        "docker-compose": ("docker-compose.yml",),
        "maven": ("pom.xml",),
    }
    for update in document["updates"]:
        for directory in update.get("directories") or [update["directory"]]:
            folder = ROOT / directory.removeprefix("/")
            assert any((folder / name).exists() for name in read[update["package-ecosystem"]]), (update, folder)


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_issue_forms_are_valid(path: Path) -> None:
    """GitHub shows each issue form: it has the keys that a form may have, and no id or label twice."""
    form = loaded(path)
    jsonschema.validate(form, FORM_SCHEMA)
    fields = [element for element in form["body"] if element["type"] != "markdown"]
    for values in ([field["id"] for field in fields], [field["attributes"]["label"] for field in fields]):
        assert len(values) == len(set(values))
    for field in fields:
        for option in field["attributes"].get("options", ()):
            assert isinstance(option, str) == (field["type"] == "dropdown")


def test_pre_commit_runs_the_checks() -> None:
    """pre-commit runs the commands of `make check`, with the tools of the same environment."""
    hooks = [hook for repo in loaded(ROOT / ".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    assert [hook["entry"] for hook in hooks] == [line.replace("$(BIN)", ".venv/bin") for line in recipe("check")]
    assert {(hook["language"], hook["pass_filenames"]) for hook in hooks} == {("system", False)}


def test_security_names_the_version() -> None:
    """SECURITY.md names the minor version that gets fixes, and what it links to exists."""
    text = (ROOT / "SECURITY.md").read_text()
    assert f"(now {'.'.join(__version__.split('.')[:2])})" in text
    for link in re.findall(r"\]\((?!https)([^)#]+)", text):
        assert (ROOT / link).exists(), link
