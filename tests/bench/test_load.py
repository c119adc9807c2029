from __future__ import annotations

import tempfile
from pathlib import Path

import orjson
import pytest

from bench.load import forms, rules
from bench.load.records import mixed, new_pairs, taken_of
from streams import pipeline
from streams.settings import Settings

COUNT = 300


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 1.0])
def test_share_of_matches(share: float) -> None:
    """So many records match as are counted, and so many of their pairs are new."""
    taken = [record for value in mixed(COUNT, share) if (record := orjson.loads(value))["eventName"] == "AssumeRoot"]
    pairs = {(each["userIdentity"]["arn"], each["requestParameters"]["targetPrincipal"]) for each in taken}
    assert (len(taken), len(pairs)) == (taken_of(COUNT, share), new_pairs(taken_of(COUNT, share)))


@pytest.mark.parametrize("form", forms.FORMS)
def test_forms(form: str) -> None:
    """The worker takes the same records in every form."""
    settings = Settings()
    loaded, extract = settings.load_rules(), settings.extract_settings()
    select = pipeline.compile_selector(loaded, extract)
    chosen = [select(value) for value in forms.messages(mixed(COUNT, 0.1), form)]
    sightings = [one for each in chosen if each is not None for one in pipeline.sight(each, loaded, extract).sightings]
    assert len(sightings) == taken_of(COUNT, 0.1)


def test_rules_take_what_is_counted() -> None:
    """The rules load, and take their share of the records, each by one rule."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.model_validate({"rules": (str(rules.write(Path(folder) / "rules", 40)),)})
        loaded, extract = settings.load_rules(), settings.extract_settings()
    select = pipeline.compile_selector(loaded, extract)
    values = [value for value, _ in rules.records(COUNT, 0.4, 40)]
    chosen = [select(value) for value in values]
    sightings = [one for each in chosen if each is not None for one in pipeline.sight(each, loaded, extract).sightings]
    assert len(sightings) == taken_of(COUNT, 0.4)
