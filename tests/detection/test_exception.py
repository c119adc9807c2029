from __future__ import annotations

import pytest
from sightings import ACCOUNT, ALICE, UNLOCK, History, sighting, with_settings

from streams.detection.exception import ExceptionEntry, ExceptionsError, parse_exceptions

NAME = "exceptions.toml"


@pytest.mark.parametrize(
    ("entry", "matches"),
    [
        (ExceptionEntry(principal=ALICE), True),
        (ExceptionEntry(principal=ALICE.upper()), False),
        (ExceptionEntry(principal="*:user/ALICE"), False),
        (ExceptionEntry(principal="*:user/alic?"), True),
        (ExceptionEntry(principal="*:user/[ab]lice"), True),
        (ExceptionEntry(principal="*:user/[!ab]lice"), False),
        (ExceptionEntry(principal="user/alice"), False),
        (ExceptionEntry(principal="arn:*:user"), False),
        (ExceptionEntry(member_account=ACCOUNT), True),
        (ExceptionEntry(member_account="2222"), False),
        (ExceptionEntry(member_account="2222*"), True),
        (ExceptionEntry(task_policy=UNLOCK), True),
        (ExceptionEntry(task_policy="S3UnlockBucketPolicy"), False),
        (ExceptionEntry(task_policy="*/S3UnlockBucketPolicy"), True),
        (ExceptionEntry(principal=ALICE, member_account=ACCOUNT, task_policy="*/root-task/S3*"), True),
        (ExceptionEntry(principal=ALICE, member_account="3*"), False),
        (ExceptionEntry(rule="aws-sts-assume-root-rare-pair"), True),
        (ExceptionEntry(rule="aws-sts-*", principal=ALICE), True),
        (ExceptionEntry(rule="aws-iam-*", principal=ALICE), False),
    ],
)
def test_all_patterns_of_an_entry_match_whole_values(entry: ExceptionEntry, matches: bool) -> None:  # noqa: FBT001  a case
    """M7: patterns are shell globs over the whole value, case-sensitive, and all given patterns must match."""
    assert entry.matches(sighting()) is matches


def test_a_pattern_spans_lines() -> None:
    """M7: a glob matches a value with a line break as one value."""
    assert ExceptionEntry(principal="arn:*/bob").matches(sighting(principal="arn:aws:iam::1:user/a\n/bob"))


def test_a_missing_task_policy_matches_nothing() -> None:
    """M7: no pattern for a task policy matches a call without one, not even ``*``."""
    assert not ExceptionEntry(task_policy="*").matches(sighting(task_policy=None))


def test_the_decision_says_which_exception_it_was() -> None:
    """M7: the decision has the position of the first matching exception, and neither an alert nor memory."""
    exceptions = (
        ExceptionEntry(member_account="3*"),
        ExceptionEntry(principal=ALICE),
        ExceptionEntry(member_account="2*"),
    )
    history = History(with_settings(exceptions=exceptions))
    decision = history.take(sighting())
    assert (decision.outcome, decision.exception) == ("excepted", 1)
    assert (decision.memory, decision.bucket, decision.alert, decision.alert_id) == (None, None, None, None)
    assert history.of(sighting()).tuples == {}


def test_a_file_gives_its_entries_in_order() -> None:
    """M7: each [[exception]] table is an entry; a file without one has none."""
    text = """
    [[exception]]
    principal = "arn:aws:iam::111111111111:role/Audit*"
    reason = "nightly audit"

    [[exception]]
    member_account = "444444444444"
    task_policy = "*/SQSUnlockQueuePolicy"
    """
    assert parse_exceptions(text, NAME) == (
        ExceptionEntry(principal="arn:aws:iam::111111111111:role/Audit*", reason="nightly audit"),
        ExceptionEntry(member_account="444444444444", task_policy="*/SQSUnlockQueuePolicy"),
    )
    assert parse_exceptions("# none yet\n", NAME) == ()


@pytest.mark.parametrize(
    "table",
    [
        'principal = "*"',
        'principal = "**"',
        'principal = "?*"',
        'principal = "arn:*"',
        'principal = "*:*"',
        'member_account = "*"',
        'member_account = "????????????"',
        'member_account = "[0-9]*"',
        'principal = "*"\nmember_account = "*"',
        'rule = "*"',
        'rule = "?*"\nprincipal = "arn:*"',
        'principal = "arn:aws*"\nmember_account = "*[0-9]"\nreason = "all of it"',
    ],
)
def test_what_matches_everything_is_refused(table: str) -> None:
    """M7: an exception that matches every principal and every account would silence the rule; it is refused."""
    with pytest.raises(ExceptionsError, match=r"exceptions\.toml: exception 2: .*matches everything"):
        parse_exceptions(f'[[exception]]\nmember_account = "1*"\n[[exception]]\n{table}', NAME)


@pytest.mark.parametrize(
    "table",
    [
        'principal = "arn:aws:*"',
        'principal = "*:root"',
        'principal = "*:assumed-role/*"',
        'principal = "*"\nmember_account = "2*"',
        'member_account = "[0-8]*"',
        'member_account = "???????????"',
        'task_policy = "*"',
        'rule = "aws-*"',
        'rule = "my-rule"\nprincipal = "*"',
        "query = 'user_agent.original: *Terraform*'",
        "rule = '*'\nprincipal = '*'\nquery = 'event.action: CreateUser and not cloud.region: eu-*'",
        'principal = "*"\ntask_policy = "*/IAMAuditRootUserCredentials"',
    ],
)
def test_what_spares_something_is_taken(table: str) -> None:
    """M7: an exception that does not match some principal, account or kind of call is allowed."""
    assert len(parse_exceptions(f"[[exception]]\n{table}", NAME)) == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "[[exception]]",
            "exception 1: has no pattern; give at least one of principal, member_account, task_policy, rule, query",
        ),
        ('[[exception]]\nreason = "because"', "exception 1: has no pattern"),
        ('[[exception]]\nprincipal = ""', "exception 1: principal: '': an empty pattern"),
        ("[[exception]]\nmember_account = 222222222222", "exception 1: member_account: 222222222222: must be text"),
        (
            '[[exception]]\nuser = "x"',
            "exception 1: user: unknown field; allowed are principal, member_account, task_policy, rule, query, reason",
        ),
        ('[[exception]]\nrule = ""', "exception 1: rule: '': an empty pattern"),
        ("[[exception]]\nquery = 7", "exception 1: query: 7: must be text"),
        ("[[exception]]\nquery = ''", "exception 1: query:1:1: "),
        ("[[exception]]\nquery = 'event.action: a and user.nam: x'", "exception 1: query:1:21: "),
        ('[[exception]]\nquery = """event.action: a\nand (user.name: b"""', "exception 1: query:2:18: "),
        (
            '[[exceptions]]\nprincipal = "x"',
            "exceptions: unknown; a file of exceptions holds [[exception]] tables only",
        ),
        ('[exception]\nprincipal = "x"', "exception: write each as an [[exception]] table, with two brackets"),
        ('exception = ["x"]', "exception: write each as an [[exception]] table, with two brackets"),
        ("[[exception]", "not TOML"),
    ],
)
def test_a_wrong_file_is_refused_by_file_table_and_field(text: str, complaint: str) -> None:
    """M7: an error in an exceptions file names the file, the table, the field and its value."""
    with pytest.raises(ExceptionsError) as refusal:
        parse_exceptions(text, NAME)
    assert str(refusal.value).startswith(f"{NAME}: {complaint}")
