"""What the commands that read topics write to a terminal of 80 columns, and into a pipe."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from terminals import at_a_terminal
from worker_process import assume_root, wait_for

if TYPE_CHECKING:
    from worker_process import Deployment

ALICE = "arn:aws:iam::111111111111:user/" + "a-long-name-" * 6


def test_commands_that_read_topics(deployment: Deployment) -> None:
    """At a terminal nothing is wider than 80 columns, and nothing is cut off; a pipe gets no escape sequence."""
    with deployment.worker() as worker:
        worker.wait_until_ready()
        deployment.produce([{"Records": [assume_root(ALICE)]}])
        wait_for(deployment.all_done, "all offsets are committed")
    (alert,) = map(json.loads, deployment.run("alerts", "--json").stdout.splitlines())
    commands = {
        ("alerts", "--no-sessions"): "arn:aws:iam::111111111111",
        ("state", ALICE): "222222222222",
        ("session", alert["alert_id"]): "arn:aws:iam::111111111111",
        ("rules", "list"): alert["rule"]["id"],
        ("topics", "check"): "every topic is as it must be",
        ("doctor",): "settings: every one is known and valid",
    }
    for arguments, told in commands.items():
        shown = at_a_terminal([*arguments], deployment.folder, deployment.environment())
        assert shown.wide == [], arguments
        assert "".join(told.split()) in "".join("".join(shown.lines).split()), arguments
        assert not any(line.rstrip().endswith("…") for line in shown.lines), arguments
        plain = at_a_terminal([*arguments], deployment.folder, deployment.environment(), NO_COLOR="1")
        assert (plain.exit_code, plain.colors) == (shown.exit_code, set()), arguments
        done = deployment.run(*arguments)
        assert done.returncode == shown.exit_code, done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        assert told in done.stdout or arguments[0] == "state"
