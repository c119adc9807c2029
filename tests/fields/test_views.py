from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from cloudtrail_messages import dotted
from hypothesis import given
from hypothesis import strategies as st

from streams.fields.catalogue import field_named
from streams.fields.mapping import MAPPED, UNMAPPED
from streams.fields.view import FieldSettings, Network, RecordView

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXTS = [None, "", "-", "none"]


def _lookup(address: str) -> Network | None:
    return {"192.0.2.10": Network(64500, "EXAMPLE-NET"), "2001:db8::1": Network(None, "SIX")}.get(address)


SETTINGS = FieldSettings(networks=_lookup)


def nested(path: str, value: Any) -> dict[str, Any]:
    """An object with a value at a path."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return value  # type: ignore[no-any-return]  # every path has a key


def merged(*objects: Mapping[str, Any]) -> dict[str, Any]:
    """Objects laid over each other."""
    result: dict[str, Any] = {}
    for one in objects:
        for key, value in one.items():
            below = result.get(key)
            result[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def raw(fields: Mapping[str, Any], name: str, settings: FieldSettings = SETTINGS) -> tuple[str, ...]:
    return RecordView(fields, None, settings).values(field_named(name))


def document(name: str, *bodies: Mapping[str, Any], record: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    return RecordView(record or {}, bodies, SETTINGS).values(field_named(name))


def of(**sections: Any) -> dict[str, Any]:
    return sections


WHO = "userIdentity"
ISSUER_ARN = "arn:aws:iam::111111111111:role/Operator"
ROLE = {
    "type": "AssumedRole",
    "arn": "arn:aws:sts::111111111111:assumed-role/Operator/ann",
    "principalId": "AROA:ann",
    "accountId": "111111111111",
    "accessKeyId": "ASIA1",
    "userName": "odd",
    "sessionContext": {"sessionIssuer": {"arn": ISSUER_ARN, "userName": "Operator"}},
}
USER = {"type": "IAMUser", "arn": "arn:aws:iam::111111111111:user/ann", "userName": "ann", "principalId": "AIDA1"}
SIGN_IN = of(eventName="ConsoleLogin", eventSource="signin.amazonaws.com")
IAM = of(eventSource="iam.amazonaws.com", eventName="CreateUser")

PLAIN = [(name, paths[0]) for name, paths in MAPPED.items()]


@pytest.mark.parametrize(("name", "path"), PLAIN)
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Some Text", ("Some Text",)),
        (["b", ["a", None, "b", {"x": 1}]], ("b", "a")),
        (True, ("true",)),
        (16509.0, ("16509",)),
        (0.25, ("0.25",)),
        ({"a": "b"}, ()),
        (["-", "none", "", None], ()),
        (None, ()),
        (float("nan"), ()),
        (10**120, ()),
    ],
    ids=str,
)
def test_a_mapped_field_is_read_at_its_path_or_its_own_name(
    name: str, path: str, value: Any, expected: tuple[str, ...]
) -> None:
    """U2: every plain field, in a raw record and a document, nested and dotted, with values of every type."""
    record = nested(path, value)
    assert raw(record, name) == expected
    assert raw({path: value}, name) == expected
    body = nested(name, value)
    for alias in (name, *MAPPED[name]):
        assert raw(record, alias) == expected
        assert document(alias, body) == expected
        assert document(alias, {name: value}) == expected
        assert document(alias, record) == (() if path != name else expected)
    assert document(name, {}, body) == expected


# Each field that is worked out: its name, a raw record, and the values.
DERIVED: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("event.dataset", {}, ("aws.cloudtrail",)),
    ("event.dataset", IAM, ("aws.cloudtrail",)),
    ("data_stream.dataset", {}, ("aws.cloudtrail",)),
    ("data_stream.dataset", IAM, ("aws.cloudtrail",)),
    ("event.outcome", {}, ("success",)),
    *(("event.outcome", of(errorCode=value), ("success",)) for value in (*TEXTS, [], {})),
    *(("event.outcome", of(errorMessage=value), ("failure",)) for value in ("no", 0, False, ["-"], {"a": None}, " ")),
    ("event.outcome", of(errorCode="", errorMessage="No"), ("failure",)),
    ("event.outcome", SIGN_IN | of(responseElements={"ConsoleLogin": "Failure"}), ("failure",)),
    ("event.outcome", SIGN_IN | of(responseElements={"ConsoleLogin": "Success"}, errorCode="X"), ("success",)),
    ("event.outcome", SIGN_IN | of(responseElements='{"ConsoleLogin": "Failure"}'), ("failure",)),
    ("event.outcome", SIGN_IN | of(responseElements={"ConsoleLogin": "-"}, errorCode="X"), ("failure",)),
    ("event.outcome", SIGN_IN | of(responseElements=None), ("success",)),
    ("event.outcome", IAM | of(responseElements={"ConsoleLogin": "Failure"}), ("success",)),
    ("user.name", of(userIdentity=USER), ("ann",)),
    ("user.name", of(userIdentity=ROLE), ("Operator",)),
    ("user.name", of(userIdentity=ROLE | {"type": "FederatedUser"}), ("Operator",)),
    ("user.name", of(userIdentity=ROLE | {"sessionContext": {}}), ()),
    ("user.name", of(userIdentity=ROLE | {"type": "SAMLUser"}), ("odd",)),
    ("user.name", of(userIdentity=USER, eventName="UserAuthentication"), ()),
    (
        "user.name",
        of(userIdentity=USER, eventName="UserAuthentication", additionalEventData={"UserName": "bea"}),
        ("bea",),
    ),
    ("user.id", of(userIdentity=USER), ("AIDA1",)),
    ("user.id", of(userIdentity=USER | {"onBehalfOf": {"userId": "u-1"}}), ("AIDA1",)),
    ("user.id", of(userIdentity={"type": "IdentityCenterUser", "onBehalfOf": {"userId": "u-1"}}), ("u-1",)),
    ("user.id", of(userIdentity=USER | {"type": "IdentityCenterUser"}), ("AIDA1",)),
    ("cloud.account.id", of(userIdentity=ROLE, recipientAccountId="2"), ("111111111111",)),
    ("cloud.account.id", of(userIdentity=USER, recipientAccountId="2"), ("2",)),
    ("cloud.account.id", of(userIdentity={"accountId": "anonymous"}), ("anonymous",)),
    ("cloud.account.id", of(userIdentity="odd"), ()),
    ("source.address", of(sourceIPAddress="AWS Internal"), ("AWS Internal",)),
    ("source.address", of(sourceIPAddress="2001:DB8:0::1"), ("2001:DB8:0::1",)),
    ("source.ip", of(sourceIPAddress="AWS Internal"), ()),
    ("source.ip", of(sourceIPAddress="2001:DB8:0::1"), ("2001:db8::1",)),
    ("source.ip", of(sourceIPAddress=["::ffff:192.0.2.10", "192.0.2.10", 7]), ("192.0.2.10",)),
    ("source.as.number", of(sourceIPAddress="192.0.2.10"), ("64500",)),
    ("source.as.number", of(sourceIPAddress="2001:db8::1"), ()),
    ("source.as.number", of(sourceIPAddress="198.51.100.1"), ()),
    ("source.as.organization.name", of(sourceIPAddress="::ffff:c000:20a"), ("EXAMPLE-NET",)),
    ("source.as.organization.name", of(sourceIPAddress="2001:db8:0:0::1"), ("SIX",)),
    (
        "aws.cloudtrail.resources.arn",
        of(resources=[{"ARN": "a"}, {"arn": "b"}, {"ARN": "-", "arn": "c"}]),
        tuple("abc"),
    ),
    ("resources.ARN", of(resources={"ARN": "a", "arn": "b"}), ("a",)),
    ("resources.ARN", {"resources.arn": ["a", "a"]}, ("a",)),
    ("resources.ARN", of(resources="odd"), ()),
    ("aws.cloudtrail.console_login.additional_eventdata.mfa_used", SIGN_IN, ()),
    *(
        (
            "aws.cloudtrail.console_login.additional_eventdata.mfa_used",
            SIGN_IN | of(additionalEventData={"MFAUsed": value}),
            expected,
        )
        for value, expected in (
            ("No", ("false",)),
            ("Yes", ("true",)),
            ("no", ("true",)),
            ("none", ()),
            (False, ("true",)),
            (["No", "Yes"], ("false", "true")),
        )
    ),
    (
        "aws.cloudtrail.console_login.additional_eventdata.mfa_used",
        IAM | of(additionalEventData={"MFAUsed": "Yes"}),
        (),
    ),
    ("requestParameters.a.b", of(requestParameters={"a": [{"b": 1}, {"b": -1.0}, {"b": None}]}), ("1", "-1")),
    ("requestParameters.a.b", of(requestParameters='{"a": {"b": true}}'), ("true",)),
    ("requestParameters.a.b", of(requestParameters="{a={b=x y}, c=d}"), ("x y",)),
    ("requestParameters.a.b", of(requestParameters="odd"), ()),
    ("responseElements.a", of(responseElements={"a": "x"}), ("x",)),
    ("responseElements.a", of(responseElements=["odd", {"a": "x"}]), ("x",)),
    ("additionalEventData.a", of(additionalEventData={"a": "x"}), ("x",)),
    ("additionalEventData.a", of(additionalEventData='{"a": "x"}'), ("x",)),
    ("serviceEventDetails.a", of(serviceEventDetails={"a": "x"}), ("x",)),
    ("serviceEventDetails.a", of(serviceEventDetails="{a=x}"), ("x",)),
    ("tls.client.server_name", of(tlsDetails='{"clientProvidedHostHeader": "h"}'), ("h",)),
    ("aws.cloudtrail.request_parameters", of(requestParameters={}), ()),
    (
        "aws.cloudtrail.request_parameters",
        of(requestParameters={"k": "v", "list": ["a", "b", "-", {}], "map": {"x": True}, "none": {"y": [None, ""]}}),
        ("{k=v, list=[a, b], map={x=true}}",),
    ),
    ("aws.cloudtrail.request_parameters", of(requestParameters='{"k": 1}'), ("{k=1}",)),
    ("aws.cloudtrail.request_parameters", of(requestParameters="odd"), ()),
    ("aws.cloudtrail.request_parameters", of(requestParameters=[{"k": "v"}]), ()),
    ("aws.cloudtrail.response_elements", of(responseElements={"a": {"b": 1.5}}), ("{a={b=1.5}}",)),
    ("aws.cloudtrail.response_elements", of(responseElements=None), ()),
    ("aws.cloudtrail.additional_eventdata", of(additionalEventData={"MFAUsed": "No"}), ("{MFAUsed=No}",)),
    ("aws.cloudtrail.additional_eventdata", of(additionalEventData={"a": "none"}), ()),
    ("entity.target.id", IAM | of(requestParameters={"roleName": "nat-admin"}), ("nat-admin",)),
    ("entity.target.id", SIGN_IN | of(requestParameters={"roleName": "r"}), ()),
    (
        "related.entity",
        of(userIdentity=ROLE, resources=[{"ARN": "x"}, {"ARN": ISSUER_ARN}], requestParameters={"userName": "u"}),
        (ROLE["arn"], "ASIA1", "Operator", ISSUER_ARN, "x"),
    ),
    (
        "related.entity",
        IAM
        | of(
            requestParameters={
                "instanceProfileName": "6",
                "policyName": "5",
                "policyArn": "4",
                "groupName": "3",
                "roleName": "2",
                "userName": "1",
            }
        ),
        tuple("123456"),
    ),
    ("rootwatch.principal", of(userIdentity=ROLE), (ROLE["arn"],)),
    ("rootwatch.principal", of(userIdentity={"arn": ["x"]}), ()),
    ("rootwatch.member_account", of(requestParameters={"targetPrincipal": "222222222222"}), ("222222222222",)),
    (
        "rootwatch.member_account",
        of(resources=[{"accountId": 333333333333}, {"accountId": "222222222222"}, {"accountId": "333333333333"}]),
        ("333333333333", "222222222222"),
    ),
    ("rootwatch.issuer_or_arn", of(userIdentity=ROLE), (ISSUER_ARN,)),
    ("rootwatch.issuer_or_arn", of(userIdentity=ROLE | {"sessionContext": {}}), (ROLE["arn"],)),
    ("rootwatch.issuer_or_arn", of(userIdentity=ROLE | {"type": "FederatedUser"}), (ROLE["arn"],)),
    ("rootwatch.issuer_or_arn", {}, ()),
    ("rootwatch.cross_account", of(userIdentity=ROLE), ()),
    ("rootwatch.cross_account", of(resources=[{"accountId": "222222222222"}]), ()),
    ("rootwatch.cross_account", of(userIdentity=ROLE, resources=[{"accountId": "12"}]), ()),
    ("rootwatch.cross_account", of(userIdentity=ROLE, resources=[{"accountId": 111111111111}]), ("false",)),
    (
        "rootwatch.cross_account",
        of(userIdentity=ROLE, resources=[{"accountId": "111111111111"}, {"accountId": "222222222222"}]),
        ("true",),
    ),
    (
        "rootwatch.cross_account",
        of(userIdentity=ROLE, requestParameters={"roleArn": "arn:aws:iam::222222222222:role/a:b"}),
        ("true",),
    ),
    (
        "rootwatch.cross_account",
        of(recipientAccountId="222222222222", requestParameters={"roleArn": "arn:aws:iam::222222222222:role/a"}),
        ("false",),
    ),
    ("rootwatch.cross_account", of(userIdentity=ROLE, requestParameters={"roleArn": "222222222222"}), ()),
]


@pytest.mark.parametrize(("name", "record", "expected"), DERIVED)
def test_a_field_that_is_worked_out(name: str, record: dict[str, Any], expected: tuple[str, ...]) -> None:
    """U2: what each derived field is in a raw record."""
    assert raw(record, name) == expected


def test_every_field_has_its_rows() -> None:
    """U2: no field is without a test of at least two records."""
    tested = [field_named(name).name for name, _, _ in DERIVED]
    assert all(name in MAPPED or tested.count(name) > 1 for name in (*MAPPED, *UNMAPPED))
    assert all(name in UNMAPPED or name in MAPPED or "flattened" in name for name in tested)


@pytest.mark.parametrize("name", [name for name in UNMAPPED if not name.startswith("rootwatch.")])
def test_a_document_is_read_at_its_own_field_and_nowhere_else(name: str) -> None:
    """U2: what is worked out in a raw record is a field in a document, nested or dotted; only the dataset is given."""
    records = [record for known, record, _ in DERIVED if known == name]
    if name.endswith(".dataset"):
        assert document(name, {}) == document(name, {name: "aws.other"}) == ("aws.cloudtrail",)
        return
    for value, expected in (("192.0.2.10", ("192.0.2.10",)), (["::ffff:192.0.2.10"], None), (None, ()), ({"a": 1}, ())):
        wanted = (
            expected if expected is not None else ("192.0.2.10",) if name == "source.ip" else ("::ffff:192.0.2.10",)
        )
        assert document(name, nested(name, value)) == wanted
        assert document(name, {name: value}) == wanted
    for record in records:
        assert document(name, record, record=record) == ()


def test_our_own_fields_of_a_document_are_those_of_its_record() -> None:
    """U2: ``rootwatch.*`` is the same in both views."""
    for name, record, expected in DERIVED:
        if name.startswith("rootwatch.") and "recipientAccountId" not in record:
            assert document(name, {"event.action": "x"}, record=record) == expected


def test_the_account_of_a_document_is_its_own_one() -> None:
    """U2: crossing accounts is judged by the document's ``cloud.account.id``, and never by the recipient."""
    record = of(recipientAccountId="222222222222", resources=[{"accountId": "222222222222"}])
    assert document("rootwatch.cross_account", {"cloud.account.id": "111111111111"}, record=record) == ("true",)
    assert document("rootwatch.cross_account", {}, record=record) == ()


LEAF = "aws.cloudtrail.flattened.request_parameters.a.b"
TEXT = "aws.cloudtrail.request_parameters"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({LEAF: "x", TEXT: "{a={b=y}}"}, ("x",)),
        ({TEXT: "{a={b=y}}"}, ("y",)),
        ({TEXT: '{"a": {"b": [1, true]}}'}, ("1", "true")),
        ({TEXT: '{"a.b": 1.0}'}, ("1",)),
        ({TEXT: ["{a={b=y}}"]}, ("y",)),
        ({TEXT: {"a": {"b": "z"}}}, ("z",)),
        ({"aws.cloudtrail.flattened.request_parameters": {"a.b": "x"}}, ("x",)),
        ({LEAF: "none", TEXT: "{a={b=y}}"}, ("y",)),
        ({TEXT: "{a={b=null}}"}, ()),
        ({TEXT: "odd"}, ()),
        ({TEXT: "[1"}, ()),
        ({TEXT: 5}, ()),
        ({}, ()),
    ],
)
def test_a_leaf_that_is_not_flattened_is_read_from_the_text(body: dict[str, Any], expected: tuple[str, ...]) -> None:
    """U2: in documents a leaf falls back to that leaf of the text of its section."""
    assert document(LEAF, body) == document("requestParameters.a.b", body) == expected


def test_settings_decide_what_the_shipped_rules_terms_are() -> None:
    """T3, T4: by issuer and by resources."""
    settings = FieldSettings(principal="issuer", member_account="resources")
    record = of(
        userIdentity=ROLE,
        requestParameters={"targetPrincipal": "222222222222"},
        resources=[{"accountId": "333333333333"}],
    )
    assert raw(record, "rootwatch.principal", settings) == (ISSUER_ARN,)
    assert raw(record, "rootwatch.member_account", settings) == ("333333333333",)


def test_an_issuer_that_is_no_value_counts_as_none() -> None:
    """T3: the recorded ARN is used where there is no issuer."""
    record = of(userIdentity=ROLE | {"sessionContext": {"sessionIssuer": {"arn": "-"}}})
    assert raw(record, "rootwatch.principal", FieldSettings(principal="issuer")) == (ROLE["arn"],)
    assert raw(of(userIdentity={"arn": "none"}), "rootwatch.principal") == ()


def test_without_a_database_networks_have_no_value() -> None:
    """U2: an address whose network is unknown has none."""
    assert raw(of(sourceIPAddress="192.0.2.10"), "source.as.number", FieldSettings()) == ()


def test_keys_are_read_in_the_records_order_however_they_are_split() -> None:
    """U2: a key that holds dots reads like nested keys, also beside them."""
    record = {"requestParameters": {"a.b": 1, "a": {"b": 2, "b.c": 9}, "a.b.c": 3}}
    assert raw(record, "requestParameters.a.b") == ("1", "2")
    assert raw(record, "requestParameters.a.b.c") == ("9", "3")
    assert raw({"requestParameters": {"a": {"b": 2}, "a.b": 1}}, "requestParameters.a.b") == ("2", "1")


def test_lists_nested_without_end_have_no_value() -> None:
    """R3: a record that is nested too deeply raises nothing and has no values there."""
    value: Any = "x"
    for _ in range(50_000):
        value = [value]
    record = {"eventName": value, "requestParameters": {"a": value}}
    for name in ("eventName", "requestParameters.a", "aws.cloudtrail.request_parameters", "event.outcome"):
        assert raw(record, name) in ((), ("success",))
    while isinstance(value, list):
        value = value.pop()  # Python frees such a list by recursion


WORDS = st.sampled_from(["x", "", "-", "none", "ConsoleLogin", "AssumedRole", "No", "{a={b=c}}", '{"a": 1}', "::1"])
KEYS = st.sampled_from(
    [*(part for name in (*MAPPED, *UNMAPPED) for part in name.split(".")), "requestParameters", "a", "b", "a.b"]
    + [part for paths in MAPPED.values() for path in paths for part in path.split(".")]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=8)
NAMES = st.sampled_from([*MAPPED, *UNMAPPED, "requestParameters.a.b", "serviceEventDetails.a", "responseElements.a"])


@given(OBJECTS, OBJECTS, NAMES)
def test_values_never_raise_and_are_texts(fields: dict[str, Any], body: dict[str, Any], name: str) -> None:
    """R3, U2: any JSON has values or none, each once, none of them one of the texts that stand for nothing."""
    before = copy.deepcopy((fields, body))
    for view in (RecordView(fields, None, SETTINGS), RecordView(fields, (body, fields), SETTINGS)):
        found = view.values(field_named(name))
        assert all(isinstance(text, str) and text not in TEXTS for text in found)
        assert len(set(found)) == len(found)
        assert view.values(field_named(name)) is found
    assert json.dumps(before) == json.dumps((fields, body))


@st.composite
def _with_a_value(draw: st.DrawFn) -> tuple[str, Any]:
    return draw(st.sampled_from([*MAPPED, "requestParameters.a.b.c"])), draw(JSON)


@given(_with_a_value())
def test_nested_and_dotted_keys_are_alike(case: tuple[str, Any]) -> None:
    """U2: however the keys of a path are joined by dots, its values are the same."""
    name, value = case
    body = merged(nested(field_named(name).name, value), {"other": {"x": 1}})
    assert document(name, body) == document(name, dotted(body))
    path = MAPPED[name][0] if name in MAPPED else name
    assert raw(nested(path, value), name) == raw({path: value}, name)
