"""``rootwatch worker`` hands its options to the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from replay_records import run

from streams.commands.operate import worker

if TYPE_CHECKING:
    from streams.settings import Settings


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings of each worker that is started, in place of a worker that runs."""
    settings: list[Settings] = []
    monkeypatch.setattr(worker, "run", lambda options, _skips: settings.append(options))
    return settings


@pytest.mark.parametrize(("given", "grace"), [(("--session-grace", "90s"), 90_000), ((), 1_200_000)])
def test_the_grace_of_sessions_is_an_option(
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    started: list[Settings],
    given: tuple[str, ...],
    grace: int,
) -> None:
    """S9: --session-grace is the setting session_grace, 20m if it is not given."""
    assert run(capsysbinary, monkeypatch, "worker", *given).code == 0
    assert [options.session_grace for options in started] == [grace]


def test_a_wrong_grace_is_wrong_usage(
    capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, started: list[Settings]
) -> None:
    """A grace below one second is exit 2, and the error names the option."""
    ran = run(capsysbinary, monkeypatch, "worker", "--session-grace", "10ms")
    assert (ran.code, started) == (2, [])
    assert "--session-grace" in ran.err
