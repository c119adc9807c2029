"""How each field is read from a raw record of CloudTrail, where it is more than the value at a path (U2).

As in Elastic's pipeline, a value that is null, "", "-" or "none" counts as missing before anything is worked out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from streams.content import java_map, text_object
from streams.content.json_text import TooDeepError
from streams.fields.account import account_id
from streams.fields.mapping import CLOUDTRAIL, FLATTENED, MAPPED, SECTIONS
from streams.fields.path import Path
from streams.fields.values import NO_VALUES, canonical_address

Texts = tuple[str, ...]
Reader = Callable[[Mapping[str, Any]], Texts]

_ARN_PARTS = 6
_ACCOUNT_OF_ARN = 4
_IAM = "iam.amazonaws.com"
_SIGN_IN = "ConsoleLogin"
_SUCCESS, _FAILURE = ("success",), ("failure",)
_ROLES = frozenset({"AssumedRole", "FederatedUser"})
# Some forwarders write these objects as text (R9).
_OBJECTS = frozenset((*SECTIONS, "tlsDetails"))

_EVENT_NAME = Path("eventName").texts
_EVENT_SOURCE = Path("eventSource").texts
_TYPE = Path("userIdentity.type").texts
_ARN = Path("userIdentity.arn").texts
_ISSUER_ARN = Path("userIdentity.sessionContext.sessionIssuer.arn").texts
_ISSUER_NAME = Path("userIdentity.sessionContext.sessionIssuer.userName").texts
_USER_NAME = Path("userIdentity.userName").texts
_PRINCIPAL_ID = Path("userIdentity.principalId").texts
_ON_BEHALF_OF = Path("userIdentity.onBehalfOf.userId").texts
_ACCOUNT = Path("userIdentity.accountId").texts
_RECIPIENT = Path("recipientAccountId").texts
_RESOURCES = Path("resources").found
_RESOURCE_ARNS = tuple(Path(name) for name in ("ARN", "arn"))
_RESOURCE_ACCOUNTS = Path("resources.accountId").texts
_ADDRESS = Path("sourceIPAddress").texts
_ACCESS_KEY = Path("userIdentity.accessKeyId").texts


@cache
def raw_reader(name: str) -> Reader:
    """Return what reads the field of this first name from a raw record."""
    if name in _DERIVED:
        return _DERIVED[name]
    for section, long in SECTIONS.items():
        if name.startswith(prefix := f"{FLATTENED}.{long}."):
            return leaf_reader(f"{section}.{name.removeprefix(prefix)}")
    return leaf_reader(MAPPED[name][0])


@cache
def leaf_reader(path: str) -> Reader:
    """Return what reads a path of a raw record, whose objects may be written as text (R9)."""
    outer, _, leaf = path.partition(".")
    texts = Path(path).texts
    if outer not in _OBJECTS:
        return texts
    inner = Path(leaf).texts

    def read(fields: Mapping[str, Any]) -> Texts:
        value = fields.get(outer)
        return inner(text_object.parse(value)) if isinstance(value, str) else texts(fields)

    return read


def addresses(texts: Texts) -> Texts:
    """Return the addresses among texts, in canonical form, each once."""
    found = (canonical_address(text) for text in texts)
    return tuple(dict.fromkeys(address for address in found if address is not None))


def issuer_or_arn(fields: Mapping[str, Any]) -> Texts:
    """Return the session issuer's ARN of an assumed role that has one, else the recorded ARN."""
    return ("AssumedRole" in _TYPE(fields) and _ISSUER_ARN(fields)) or _ARN(fields)


def cross_account(fields: Mapping[str, Any], own: Texts) -> Texts:
    """Return whether the record names another account than the caller's own ones; nothing if a side is missing."""
    parts = (arn.split(":", _ARN_PARTS - 1) for arn in leaf_reader("requestParameters.roleArn")(fields))
    of_roles = (part[_ACCOUNT_OF_ARN] for part in parts if len(part) == _ARN_PARTS and part[0] == "arn")
    named = [account for account in (*_RESOURCE_ACCOUNTS(fields), *of_roles) if account_id(account) is not None]
    if not named or not own:
        return ()
    return ("true" if any(account not in own for account in named) else "false",)


def _outcome(fields: Mapping[str, Any]) -> Texts:
    name = fields.get("eventName")
    is_other = type(name) is str and name != _SIGN_IN  # nearly always
    if (
        not is_other
        and _SIGN_IN in _EVENT_NAME(fields)
        and (sign_in := leaf_reader("responseElements.ConsoleLogin")(fields))
    ):
        return tuple(dict.fromkeys(text.lower() for text in sign_in))
    code, message = fields.get("errorCode"), fields.get("errorMessage")
    if (code is None and message is None) or not (_is_there(code) or _is_there(message)):
        return _SUCCESS
    return _FAILURE


def _is_there(value: Any) -> bool:
    if value is None:
        return False
    return value not in NO_VALUES if isinstance(value, str) else value not in ([], {})


def _user_name(fields: Mapping[str, Any]) -> Texts:
    if "UserAuthentication" in _EVENT_NAME(fields):
        return leaf_reader("additionalEventData.UserName")(fields)
    if not _ROLES.isdisjoint(_TYPE(fields)):
        return _ISSUER_NAME(fields)
    return _USER_NAME(fields)


def _user_id(fields: Mapping[str, Any]) -> Texts:
    return ("IdentityCenterUser" in _TYPE(fields) and _ON_BEHALF_OF(fields)) or _PRINCIPAL_ID(fields)


def recorded_account(fields: Mapping[str, Any]) -> Texts:
    """Return the caller's account as the identity has it."""
    return _ACCOUNT(fields)


def _own_account(fields: Mapping[str, Any]) -> Texts:
    return _ACCOUNT(fields) or _RECIPIENT(fields)


def _mfa_used(fields: Mapping[str, Any]) -> Texts:
    if _SIGN_IN not in _EVENT_NAME(fields):
        return ()
    used = leaf_reader("additionalEventData.MFAUsed")(fields)
    return tuple(dict.fromkeys("false" if text == "No" else "true" for text in used))


def _resource_arns(fields: Mapping[str, Any]) -> Texts:
    """Return the ARN of each resource, which services spell in two ways."""
    found: list[str] = []
    for resource in _RESOURCES(fields):
        found += next((texts for path in _RESOURCE_ARNS if (texts := path.texts(resource))), ())
    dotted = (Path(f"resources.{path.name}").texts(fields) for path in _RESOURCE_ARNS) if not found else ()
    return tuple(dict.fromkeys(found)) or next((texts for texts in dotted if texts), ())


def _target(fields: Mapping[str, Any]) -> Texts:
    return leaf_reader("requestParameters.roleName")(fields) if _IAM in _EVENT_SOURCE(fields) else ()


def _related(fields: Mapping[str, Any]) -> Texts:
    found = [*_ARN(fields), *_ACCESS_KEY(fields), *_user_name(fields), *_ISSUER_ARN(fields), *_resource_arns(fields)]
    if _IAM in _EVENT_SOURCE(fields):
        for name in ("userName", "roleName", "groupName", "policyArn", "policyName", "instanceProfileName"):
            found += leaf_reader(f"requestParameters.{name}")(fields)
    return tuple(dict.fromkeys(found))


def _text_form(section: str) -> Reader:
    """Return what writes a section of a record as Elastic's pipeline does: as the text form of a Java map."""

    def read(fields: Mapping[str, Any]) -> Texts:
        value = fields.get(section)
        if isinstance(value, str):
            value = text_object.parse(value)
        try:
            text = java_map.write(value) if isinstance(value, dict) else None
        except TooDeepError:
            return ()
        return () if text is None else (text,)

    return read


def dataset(_: Mapping[str, Any]) -> Texts:
    """Return CloudTrail's dataset: every record is of it."""
    return (CLOUDTRAIL,)


_DERIVED: dict[str, Reader] = {
    "event.dataset": dataset,
    "data_stream.dataset": dataset,
    "event.outcome": _outcome,
    "user.name": _user_name,
    "user.id": _user_id,
    "cloud.account.id": _own_account,
    "source.ip": lambda fields: addresses(_ADDRESS(fields)),
    "entity.target.id": _target,
    "related.entity": _related,
    f"{CLOUDTRAIL}.resources.arn": _resource_arns,
    f"{CLOUDTRAIL}.console_login.additional_eventdata.mfa_used": _mfa_used,
    **{
        f"{CLOUDTRAIL}.{long}": _text_form(section)
        for section, long in SECTIONS.items()
        if section != "serviceEventDetails"
    },
}
