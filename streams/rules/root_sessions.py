"""What is known of root sessions: the task policies, what their calls mean, and how severe a call is.

A file of this kind is TOML; the comments of ``root_sessions.toml``, which ships, explain each field.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping  # noqa: TC003  pydantic reads the annotation at run time
from dataclasses import field
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from streams.rules.rule_errors import RuleErrors

Outcome = Literal["success", "denied", "failed"]
Kind = Literal["read", "write", "persistence", "weakening"]
Level = Literal["low", "medium", "high"]

LEVELS: tuple[Level, ...] = ("low", "medium", "high")
"""The levels of severity, the lowest first."""

SHIPPED = "sessions/root_sessions.toml"
"""The file that ships, in this package. It is no rule, so it has a folder of its own."""

_Text = Annotated[str, StringConstraints(strict=True, pattern=r"\S")]
_CLOSED = ConfigDict(extra="forbid")


class Call(NamedTuple):
    """A call by the names under which CloudTrail records it."""

    source: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class CallName:
    """One call, by ``eventSource`` and ``eventName``."""

    source: _Text
    name: _Text

    @property
    def call(self) -> Call:
        """The call."""
        return Call(self.source, self.name)


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class Variant:
    """What a call did if a request parameter, by its dotted path, is not empty."""

    parameter: _Text
    did: _Text


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class KnownCall(CallName):
    """A call that a task policy allows.

    Attributes:
        kind: what the call is, whatever its outcome.
        allowed_by: names of task policies, as ``SessionRules.task_policies`` has them.
        did: what it did, in words.
        on: the request parameter that names what it was about; ``None`` if there is none.
        variants: other words for ``did``; the first that holds counts.
    """

    kind: Kind
    allowed_by: tuple[_Text, ...]
    did: _Text
    on: _Text | None = None
    variants: tuple[Variant, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class CallSeverity:
    """A level of severity and its conditions; a condition that is ``None`` always holds."""

    level: Level
    outcome: Outcome | None = None
    within_task: bool | None = None
    after_end: bool | None = None
    kinds: tuple[Kind, ...] | None = None
    source: _Text | None = None
    name: _Text | None = None
    parameter: _Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=_CLOSED)
class SessionSeverity:
    """A level that a session has if one call succeeded in it and another one did not; ``words`` say so."""

    level: Level
    succeeded: CallName
    without: CallName
    words: _Text


@dataclass(frozen=True, kw_only=True, config=_CLOSED)
class SessionRules:
    """All that is known of root sessions.

    Attributes:
        task_policies: the ARN of each known task policy, by the name that ``KnownCall.allowed_by`` uses.
        call: the calls that the task policies allow.
        no_permission: calls that need no permission.
        severity: the severity of a call; the first entry that holds decides.
        session_severity: what raises a session's severity.
    """

    task_policies: Mapping[_Text, _Text]
    call: tuple[KnownCall, ...]
    no_permission: tuple[CallName, ...] = ()
    severity: tuple[CallSeverity, ...] = field(default=())
    session_severity: tuple[SessionSeverity, ...] = ()

    @cached_property
    def calls(self) -> Mapping[Call, KnownCall]:
        """The calls that the task policies allow, by their names."""
        return {known.call: known for known in self.call}

    @cached_property
    def calls_without_permission(self) -> frozenset[Call]:
        """The calls that need no permission."""
        return frozenset(known.call for known in self.no_permission)

    def allows(self, task_policy: str | None, call: Call) -> bool | None:
        """Whether a session under this task policy may make the call.

        Args:
            task_policy: its ARN, as recorded.
            call: the call.

        Returns:
            ``None`` if the call needs no permission, or the policy is unknown, or the grant names none.
        """
        policy = None if task_policy is None else self._policies.get(_without_partition(task_policy))
        if policy is None or call in self.calls_without_permission:
            return None
        known = self.calls.get(call)
        return known is not None and policy in known.allowed_by

    @cached_property
    def _policies(self) -> Mapping[str, str]:
        return {_without_partition(arn): name for name, arn in self.task_policies.items()}


_RULES = TypeAdapter(SessionRules)


def parse(text: str, name: str) -> SessionRules:
    """Read the text of a file of this kind; ``name`` is the file's, for messages.

    Raises:
        RuleErrors: the text is no TOML, or a field is missing, unknown or has a value that is not allowed.
    """
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleErrors([f"{name}: not TOML: {error}"]) from error
    try:
        rules = _RULES.validate_python(table)
    except ValidationError as error:
        raise RuleErrors(_complaint(name, details) for details in error.errors(include_url=False)) from error
    if complaints := list(_contradictions(rules)):
        raise RuleErrors(f"{name}: {complaint}" for complaint in complaints)
    return rules


def _contradictions(rules: SessionRules) -> list[str]:
    complaints = []
    seen: set[Call] = set()
    for number, known in enumerate(rules.call):
        complaints += [
            f"call.{number}.allowed_by: {policy!r}: task_policies has {', '.join(rules.task_policies)}"
            for policy in known.allowed_by
            if policy not in rules.task_policies
        ]
        if known.call in seen:
            complaints.append(f"call.{number}: {known.source} {known.name}: is there twice")
        seen.add(known.call)
    return complaints


def _complaint(name: str, details: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in details["loc"])
    match details["type"]:
        case "missing":
            return f"{name}: {where}: is missing"
        case "unexpected_keyword_argument":
            return f"{name}: {where}: is no field here"
        case _:
            return f"{name}: {where}: {details['input']!r}: {details['msg']}"


def _without_partition(arn: str) -> str:
    """The ARN without its partition, if that is one of AWS's; the same policy has another one in China."""
    scheme, _, rest = arn.partition(":")
    partition, _, resource = rest.partition(":")
    return resource if scheme == "arn" and partition.split("-", 1)[0] == "aws" else arn
