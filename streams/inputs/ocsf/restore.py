"""From the attributes of an OCSF event back to the CloudTrail record that it was made of (R10).

The way there is documented by AWS, and read backwards here:
- API Activity, Authentication and Account Change in 1.0.0-rc.2 and in 1.1.0, a table each:
  https://github.com/ocsf/examples, ``mappings/markdown/AWS`` and its history. Security Lake's source version 1 is
  1.0.0-rc.2, version 2 is 1.1.0.
- The same columns as Security Lake's tables have them, with ``api.request.data`` and ``api.response.data`` as JSON text
  and ``unmapped`` as a map of texts:
  https://docs.aws.amazon.com/security-lake/latest/userguide/subscriber-query-examples2.html.

The versions differ. In 1.0.0-rc.2 the caller's ARN is ``actor.user.uuid`` and ``uid`` is the principal id; in 1.1.0 the
ARN is ``uid`` and the principal id ``uid_alt``. Request parameters and response elements are in ``unmapped`` in the
former, and in ``api`` in the latter.

Nothing is invented: what no attribute holds stays missing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from streams.content import text_object
from streams.extraction.event_time import format_time, parse_time
from streams.fields.account import account_id
from streams.inputs.ocsf.attributes import at, text_at
from streams.inputs.ocsf.consumed import put_consumed
from streams.inputs.ocsf.unmapped import fields_of, merge, own

if TYPE_CHECKING:
    from collections.abc import Mapping

_CANDIDATE = "1.0.0-rc"
_LONGEST_VERSION = 20
_NO_MILLISECONDS = ".000Z"
_ARN = "arn:"
_FEDERATED = ("SAMLUser", "WebIdentityUser")
_CATEGORIES = frozenset({"Management", "Data", "Insight", "NetworkActivity"})
_FAILED = frozenset({"failure", "failed"})
_FAILURE = 2
_FLAGS = {True: "true", False: "false"}

_TEXTS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("eventVersion",), ("metadata.product.version",)),
    (("eventSource",), ("api.service.name",)),
    (("eventName",), ("api.operation",)),
    (("awsRegion",), ("cloud.region",)),
    (("sourceIPAddress",), ("src_endpoint.ip", "src_endpoint.domain")),
    (("userAgent",), ("http_request.user_agent",)),
    (("errorCode",), ("api.response.error",)),
    (("errorMessage",), ("api.response.message", "api.response.error_message")),
    (("requestID",), ("api.request.uid",)),
    (("eventID",), ("metadata.original_event_uid", "metadata.uid")),
    (("apiVersion",), ("api.version",)),
    (("vpcEndpointId",), ("src_endpoint.uid",)),
    (("userIdentity", "type"), ("actor.user.type",)),
    (("userIdentity", "accountId"), ("actor.user.account.uid", "actor.user.account_uid")),
    (("userIdentity", "accessKeyId"), ("actor.user.credential_uid",)),
    (("userIdentity", "userName"), ("actor.user.name",)),
    (("userIdentity", "invokedBy"), ("actor.invoked_by",)),
    (("userIdentity", "sessionContext", "sessionIssuer", "arn"), ("actor.session.issuer",)),
)
"""Each field's path in CloudTrail, and the attributes that may have its text: the first one that has some counts."""


def record_of(event: Mapping[str, Any], class_uid: int) -> dict[str, Any]:
    """Return the record under CloudTrail's names.

    Args:
        event: the event; ``api.operation`` is a text.
        class_uid: its class.
    """
    record: dict[str, Any] = {}
    for path, names in _TEXTS:
        _put(record, path, text_at(event, *names))
    _put(record, ("eventTime",), _time(at(event, "time")) or text_at(event, "time_dt"))
    _put_identity(record, event)
    _put_kind(record, event)
    _put(record, ("resources",), _resources(event.get("resources")))
    _put(record, ("requestParameters",), _data(at(event, "api.request.data")))
    _put(record, ("responseElements",), _data(at(event, "api.response.data")))
    kept = fields_of(event.get("unmapped"))
    for name in ("requestParameters", "responseElements", "userIdentity", "additionalEventData"):
        if isinstance(text := kept.get(name), str) and isinstance(value := text_object.parse(text), dict):
            kept[name] = value
    merge(record, kept)
    account = account_id(text_at(event, "cloud.account.uid", "cloud.account_uid"))
    _put(record, ("recipientAccountId",), account)
    put_consumed(record, event, class_uid)
    _put_failure(record, event)
    return record


def loss(event: Mapping[str, Any]) -> str:
    """Return in words what such an event does not tell of the record that it was made of."""
    version = (text_at(event, "metadata.version") or "of no version")[:_LONGEST_VERSION]
    general = "nulls, the types of unmapped fields and resources beyond ARN, type and account are lost"
    if at(event, "api.request.data") is not None:
        return f"restored from OCSF {version}: {general}"
    return (
        f"restored from OCSF {version}, which has no api.request.data: request parameters and response elements are"
        f" the texts of unmapped, without lists and types; {general}"
    )


def _put(record: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Set a value that is there; one that was set before stays."""
    if value is None:
        return
    for key in path[:-1]:
        record = record.setdefault(key, {})
    record.setdefault(path[-1], value)


def _put_identity(record: dict[str, Any], event: Mapping[str, Any]) -> None:
    arn, principal_id = _arn_and_principal_id(event)
    _put(record, ("userIdentity", "arn"), arn)
    _put(record, ("userIdentity", "principalId"), principal_id)
    session = ("userIdentity", "sessionContext")
    # One attribute for two fields of CloudTrail, of which an identity has one, by its type.
    provider = text_at(event, "actor.idp.name")
    if text_at(event, "actor.user.type") in _FEDERATED:
        _put(record, ("userIdentity", "identityProvider"), provider)
    else:
        _put(record, (*session, "webIdFederationData", "federatedProvider"), provider)
    # Some writers have 0 for none.
    created = at(event, "actor.session.created_time") or None
    began = _time(created) or text_at(event, "actor.session.created_time_dt")
    _put(record, (*session, "attributes", "creationDate"), began)
    for name in ("actor.session.is_mfa", "actor.session.mfa"):
        if isinstance(with_mfa := at(event, name), bool):
            _put(record, (*session, "attributes", "mfaAuthenticated"), _FLAGS[with_mfa])


def _arn_and_principal_id(event: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the caller's ARN and principal id.

    A principal id may look like an ARN: that of a web identity begins with the ARN of its provider. So the version
    decides, and the text only where a writer of 1.0.0 or later has the two in each other's place.
    """
    uid, uuid, other = (text_at(event, f"actor.user.{name}") for name in ("uid", "uuid", "uid_alt"))
    if uuid is not None:
        return uuid, uid
    if (text_at(event, "metadata.version") or "").startswith(_CANDIDATE):
        return None, uid
    if uid is None or uid.startswith(_ARN):
        return uid, other
    if other is not None and other.startswith(_ARN):
        return other, uid
    return None, other or uid


def _put_kind(record: dict[str, Any], event: Mapping[str, Any]) -> None:
    """Set type and category of the event, if the attributes hold CloudTrail's own words for them."""
    kind = text_at(event, "metadata.event_code", "metadata.log_name")
    if kind is not None and kind.startswith("Aws"):
        _put(record, ("eventType",), kind)
    category = text_at(event, "metadata.product.feature.name")
    if category in _CATEGORIES:
        _put(record, ("eventCategory",), category)


def _put_failure(record: dict[str, Any], event: Mapping[str, Any]) -> None:
    """Let a call fail whose status says so and that has no error; a sign-in says it in its response elements (T2)."""
    if record.get("errorCode") or record.get("errorMessage") or record.get("eventName") == "ConsoleLogin":
        return
    status = text_at(event, "status")
    number = at(event, "status_id")
    if (status is not None and status.lower() in _FAILED) or (number == _FAILURE and status is None):
        record["errorCode"] = text_at(event, "status_code") or f"status {status or 'Failure'}"
        _put(record, ("errorMessage",), text_at(event, "status_detail"))


def _resources(resources: Any) -> list[dict[str, Any]] | None:
    if not isinstance(resources, list):
        return None
    restored = []
    for resource in resources:
        if isinstance(resource, dict):
            account = text_at(resource, "account.uid", "account_uid")
            named = {"ARN": text_at(resource, "uid"), "accountId": account, "type": text_at(resource, "type")}
            restored.append({name: value for name, value in named.items() if value is not None})
    return restored


def _data(data: Any) -> Any:
    """Return request parameters or response elements, which are an object or its text."""
    if not isinstance(data, str):
        return own(data)
    value = text_object.parse(data)
    return value if isinstance(value, dict) else data or None


def _time(value: Any) -> str | None:
    """Return a time in milliseconds since the epoch as CloudTrail writes it, and a date as it is; else ``None``."""
    if isinstance(value, str):
        if not (value.isascii() and value.removeprefix("-").isdigit() and len(value) <= len("-62135596800000")):
            return value if parse_time(value) is not None else None
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    try:
        time = format_time(int(value))
    except OverflowError:
        return None
    return f"{time.removesuffix(_NO_MILLISECONDS)}Z" if time.endswith(_NO_MILLISECONDS) else time
