"""The names of the topics."""

from __future__ import annotations

import pytest

from streams.settings import Settings
from streams.topics.catalogue import topic_names


@pytest.mark.parametrize(("form", "is_there"), [("none", False), ("ecs", True)])
def test_a_topic_that_is_not_to_be_has_no_name(form: str, is_there: bool) -> None:  # noqa: FBT001
    """All names are text: a broker closes the connection of a worker that asks it about a topic without a name."""
    names = topic_names(Settings.model_validate({"json_alerts": form})).all()
    assert all(isinstance(name, str) for name in names)
    assert ("rootwatch.alerts.json" in names) is is_there
    assert {"rootwatch.sightings", "rootwatch.alerts", "rootwatch.dead-letter"} <= {*names}
