from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.fields.catalogue import Field, UnknownFieldError, field_named, known_names
from streams.fields.mapping import FLATTENED, MAPPED, SECTIONS, UNMAPPED


@pytest.mark.parametrize("name", [*MAPPED, *UNMAPPED])
def test_a_first_name_is_the_name_of_its_field(name: str) -> None:
    """U2: each name of ECS and rootwatch gives a field of that name."""
    assert field_named(name).name == name


@pytest.mark.parametrize(("first", "other"), [(first, other) for first, paths in MAPPED.items() for other in paths])
def test_a_path_of_cloudtrail_names_the_same_field(first: str, other: str) -> None:
    """U2: a CloudTrail path is a name of the same field."""
    assert field_named(other) == field_named(first)
    assert hash(field_named(other)) == hash(field_named(first))


@pytest.mark.parametrize(("section", "long"), SECTIONS.items())
@pytest.mark.parametrize("leaf", ["targetPrincipal", "x-amz-acl", "a.b_c.9"])
def test_any_leaf_of_a_section_is_a_field(section: str, long: str, leaf: str) -> None:
    """U2: leaves of the request parameters and such are fields, by both spellings."""
    field = field_named(f"{section}.{leaf}")
    assert (
        field == field_named(f"{FLATTENED}.{long}.{leaf}") == Field(f"{FLATTENED}.{long}.{leaf}", "text", verbatim=True)
    )


def test_no_name_has_two_fields() -> None:
    """U2: a name is unambiguous, and the mapping has each field once."""
    names = [name for first, paths in MAPPED.items() for name in (first, *paths)] + list(UNMAPPED)
    assert len(names) == len(set(names))


KINDS = {"source.ip": "address", "source.as.number": "number", "source.address": "text", "sourceIPAddress": "text"}


@pytest.mark.parametrize("name", KINDS)
def test_kinds(name: str) -> None:
    """U1: an address and a number limit what a query may say; the address as recorded may be a service's name."""
    assert field_named(name).kind == KINDS[name]


UNKNOWN = {
    "event.actoin": "event.action",
    "eventname": "eventName",
    "resources.arn": "resources.ARN",
    "requestParameter.roleName": "requestParameters.roleName",
    "aws.cloudtrail.flattened.request_parameter.roleName": "aws.cloudtrail.flattened.request_parameters.roleName",
    "requestParameters": "requestParameters.*",
    "aws.cloudtrail.flattened.request_parameters": "aws.cloudtrail.flattened.request_parameters.*",
    "userIdentity": "userIdentity.accessKeyId",
    "rootwatch.account": "rootwatch.cross_account",
    "requestParameters.": None,
    "requestParameters..a": None,
    "": None,
    "zzzzzz": None,
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_name_is_refused_with_the_nearest_known_ones(name: str) -> None:
    """U2: an unknown name, or one of an object without a leaf, is an error that names what is meant."""
    with pytest.raises(UnknownFieldError) as caught:
        field_named(name)
    assert caught.value.name == name
    if (nearest := UNKNOWN[name]) is not None:
        assert nearest in caught.value.nearest
        assert nearest in str(caught.value)


@given(st.text() | st.sampled_from(known_names()).map(lambda name: name[:-1]))
def test_any_text_is_a_field_or_refused(name: str) -> None:
    """U2: nothing but an unknown-field error comes of a name, and at most three names are offered."""
    try:
        known, nearest = field_named(name).name, ()
    except UnknownFieldError as error:
        known, nearest = None, error.nearest
    assert known != ""
    assert len(nearest) <= 3


def test_fields_and_errors_go_to_another_process() -> None:
    """Rule sets are pickled for the processes of a replay."""
    field = field_named("eventName")
    assert _through_a_pipe(field) == field
    error = _through_a_pipe(UnknownFieldError("a", ("b", "c")))
    assert (error.name, error.nearest, str(error)) == ("a", ("b", "c"), "no field is named a; did you mean b or c?")


def _through_a_pipe(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301  the bytes are our own
