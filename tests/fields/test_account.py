from __future__ import annotations

import pytest

from streams.fields.account import account_id, target_account


@pytest.mark.parametrize(
    ("target", "account"),
    [
        ("222222222222", "222222222222"),
        ("000000000001", "000000000001"),
        (222222222222, "222222222222"),
        ("arn:aws:iam::222222222222:root", "222222222222"),
        ("arn:aws-cn:iam::222222222222:root", "222222222222"),
        ("arn:aws-us-gov:iam::222222222222:root", "222222222222"),
        ("arn:aws-iso-b:sts::222222222222:assumed-root", "222222222222"),
        ("arn:aws:iam::222222222222:user/a:b/333333333333", "222222222222"),
        ("arn:aws:organizations::111111111111:account/o-example/222222222222", "222222222222"),
        ("arn:aws-us-gov:organizations::111111111111:account/o-example/222222222222", "222222222222"),
    ],
)
def test_a_target_names_its_account(target: object, account: str) -> None:
    """T4: the account is an id, the account field of an ARN, or the last part of an Organizations ARN."""
    assert target_account(target) == account


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "22222222222",
        "2222222222222",
        "222222222222\n",
        " 222222222222",
        "22222222222x",
        "²²²²²²²²²²²²",
        "٢٢٢٢٢٢٢٢٢٢٢٢",
        "arn:aws:s3:::bucket",
        "arn:aws:iam::222222222222",
        "ARN:aws:iam::222222222222:root",
        "arn:aws:organizations::111111111111:root/o-example/r-abcd",
        "arn:aws:organizations::111111111111:account/o-example/",
        "root@example.com",
        22222222222,
        1e12,
        True,
        10**4000,
        ["222222222222"],
        {"account": "222222222222"},
    ],
)
def test_everything_else_names_none(target: object) -> None:
    """T4: an account has exactly twelve ASCII digits; an Organizations ARN never gives the management account."""
    assert target_account(target) is None
    assert account_id(target) is None
