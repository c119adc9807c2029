"""A message of binary noise gave a dead letter per line, because some line was a number, which is JSON."""

from __future__ import annotations

import random

from sightings import RULES

from streams.pipeline import ExtractSettings, sight


def test_noise_is_one_dead_letter() -> None:
    """R6, R7: text that is not JSON as a whole has documents only if it has an object, an array or JSON in a string."""
    noise = random.Random(1).randbytes(300_000) + b"AssumeRoot"  # noqa: S311  no secret
    for text in (noise, noise + b'\n7\n[]\n"x"\n'):
        (rejected,) = sight(text, RULES, ExtractSettings()).rejected
        assert (rejected.reason, rejected.element) == ("malformed", None)
