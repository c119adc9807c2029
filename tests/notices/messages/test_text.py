from __future__ import annotations

import re

import notice_samples as samples
import pytest
from hypothesis import given
from hypothesis import strategies as st
from notice_samples import ALERT, ALERT_ID

from streams.notices.messages.alert import alert_notice
from streams.notices.messages.notice import Notice, Runbook
from streams.notices.messages.text import LONGEST_TITLE, LONGEST_VALUE, markdown, plain, short

ANY = st.text(max_size=400)
NOTICE = alert_notice(samples.alert(), Runbook())


def saying(value: str) -> Notice:
    """The notice with a value that a caller chose in every place where one may be."""
    return NOTICE._replace(title=value or "-", reason=value or "-", facts=(("Who", value),), link=None)


def test_plain() -> None:
    """The plain text, word for word: what an analyst reads at night."""
    assert plain(NOTICE).title == "[low] user/alice on 222222222222: aws-sts-assume-root-rare-pair"
    assert plain(NOTICE).body == "\n".join(
        [
            "arn:aws:iam::111111111111:user/alice took root on 222222222222 for the first time in 51 days.",
            "",
            "What to do: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoot.html",
            "Who: arn:aws:iam::111111111111:user/alice (IAMUser, key AKIAIOSFODNN7EXAMPLE)",
            "Account: 222222222222",
            "When: 2026-03-02T09:14:00.000Z",
            f"Alert: {ALERT_ID}",
            "New: last seen 51 days before, 2026-01-10T07:59:59.999Z; 3 times so far",
            "From: 198.51.100.7, us-east-1, aws-cli/2.31.0",
            "May do: policy/root-task/S3UnlockBucketPolicy, can delete or replace any bucket policy",
            "Rule: AWS STS AssumeRoot by Rare User and Member Account, version 1, risk 21",
            f"See: rootwatch session {ALERT_ID}",
        ]
    )


def test_markdown() -> None:
    """Markdown has the same lines as a list; values are code."""
    told = markdown(NOTICE)
    assert told.title == plain(NOTICE).title
    assert f"- **Alert:** `{ALERT_ID}`\n" in told.body
    assert len(told.body.splitlines()) == len(plain(NOTICE).body.splitlines())


@given(ANY)
def test_no_value_adds_a_line(value: str) -> None:
    """Whatever a value holds, the text has the lines that it should have, and none is without end."""
    for words in (plain, markdown):
        told = words(saying(value))
        assert len(told.body.splitlines()) == 3
        assert len(told.title.splitlines()) == 1
        assert len(told.title) <= LONGEST_TITLE
        assert len(told.body) <= 8 * LONGEST_VALUE
        assert told.body.replace("\n", "").replace("\u200b", "").isprintable()


@given(ANY)
def test_a_value_stays_inside_its_code(value: str) -> None:
    """No value closes the code span that it is in: the fence is longer than any row of backticks in it."""
    line = markdown(saying(value)).body.splitlines()[-1].removeprefix("- **Who:** ")
    fence = re.match("`+", line)
    assert fence is not None
    inside = line[len(fence[0]) : -len(fence[0])]
    assert line.endswith(fence[0])
    assert all(len(row) < len(fence[0]) for row in re.findall("`+", inside))


@pytest.mark.parametrize(
    "call", ["@everyone", "@here", "@channel", "a @all", "<!channel>", "<@U012AB3CD>", "<at>x</at>", "<#C01>", "</a>"]
)
def test_no_value_calls_people(call: str) -> None:
    """Words by which Slack, Discord, Teams and others call people are broken up, in title, reason and values."""
    for words in (plain, markdown):
        told = words(saying(call))
        assert call not in told.title + told.body


def test_names_stay_as_they_are() -> None:
    """An address with @ is no call: it can be copied from the text."""
    arn = "arn:aws:sts::111111111111:assumed-role/Admin/bob@allcorp.example"
    assert arn in plain(saying(arn)).body
    assert arn in markdown(saying(arn)).body


@given(ANY)
def test_the_short_text_has_nothing_of_a_caller(value: str) -> None:
    """What comes after a refusal holds the severity, the kind and the alert id, and no value that may be the reason."""
    told = short(saying(value))
    assert told == short(NOTICE)
    assert ALERT["alert_id"] in told.title
