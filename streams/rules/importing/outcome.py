"""What an import says of a rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Verdict = Literal["refused", "needs an ASN database", "needs data events", "takes a lot", "ready"]
VERDICTS: tuple[Verdict, ...] = ("refused", "needs an ASN database", "needs data events", "takes a lot", "ready")
"""The first that holds for a rule is its verdict."""


class Reason(NamedTuple):
    """What is said of one place of a rule.

    Attributes:
        verdict: the verdict that it is a reason of.
        place: a key with its position, such as ``filters[0]``, or ``query:LINE:COLUMN``.
        text: what is the matter, and what helps.
    """

    verdict: Verdict
    place: str
    text: str


class Change(NamedTuple):
    """What a conversion did not carry over as it was.

    Attributes:
        place: the key in the rule of Elastic.
        text: what became of it.
    """

    place: str
    text: str


class Difference(NamedTuple):
    """Where the rule of Elastic and the imported one may say different things.

    Attributes:
        topic: one or two words; the same for all rules.
        text: who does what.
    """

    topic: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """A rule of Elastic, and what became of it.

    Attributes:
        source: the file, and the line of an export: ``rules.ndjson:3``.
        rule_id: the id of the rule file; ``None`` if there is none.
        name: the rule's name; ``None`` if it is unknown.
        reasons: why the verdict is what it is; none for a rule that is ready.
        changes: what was not carried over as it was.
        differences: where the two rules may say different things.
        left_out: keys with a value that has no place in a rule file.
        license: the licence of the imported texts, if the rule names one.
        has_no_version: whether the rule names no version, so that the one of a file that is there stays.
        values: the fields of the rule file, in order; empty if the rule is refused.
    """

    source: str
    rule_id: str | None = None
    name: str | None = None
    reasons: tuple[Reason, ...] = ()
    changes: tuple[Change, ...] = ()
    differences: tuple[Difference, ...] = ()
    left_out: tuple[str, ...] = ()
    license: str | None = None
    has_no_version: bool = False
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """The first of ``VERDICTS`` that has a reason; ``ready`` if none has."""
        given = {reason.verdict for reason in self.reasons}
        return next((verdict for verdict in VERDICTS if verdict in given), "ready")


def refusal(source: str, place: str, text: str, *, rule_id: str | None = None, name: str | None = None) -> Conversion:
    """Return the outcome of something that is refused for one reason."""
    return Conversion(source=source, rule_id=rule_id, name=name, reasons=(Reason("refused", place, text),))
