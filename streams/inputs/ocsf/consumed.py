"""Fields of a CloudTrail record that the classes Authentication and Account Change use up for attributes of their own.

AWS maps them "conditionally": such a field is in the attribute only, not in ``unmapped``. The tables are those of
https://github.com/ocsf/examples, ``mappings/markdown/AWS/…/CloudTrail/Authentication`` and ``…/Account Change``; the
samples beside them show which fields ``unmapped`` lacks.

- Authentication: ``status`` is ``responseElements.ConsoleLogin``, ``dst_endpoint.svc_name`` is
  ``additionalEventData.LoginTo``, ``mfa`` or ``is_mfa`` is ``additionalEventData.MFAUsed``. Of an assumed role the
  ``user`` is ``requestParameters.roleArn`` and ``roleSessionName``.
- Account Change: ``user.name`` is the name of the user or of the role in the request. In the creation of a role it may
  as well be the role's path or description, so there the name cannot be restored.

Where ``api.request.data`` holds the request parameters, none of them is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.inputs.ocsf.attributes import at, text_at
from streams.inputs.ocsf.unmapped import merge

if TYPE_CHECKING:
    from collections.abc import Mapping

_ACCOUNT_CHANGE, _AUTHENTICATION = 3001, 3002
_SIGN_IN = "ConsoleLogin"
_IAM = "iam.amazonaws.com"
_OF_ROLE = ":role/"
_WITH_PATH_AND_DESCRIPTION = frozenset({"CreateRole", "UpdateRoleDescription"})
_MFA_USED = {True: "Yes", False: "No"}


def put_consumed(record: dict[str, Any], event: Mapping[str, Any], class_uid: int) -> None:
    """Add to a restored record what the attributes of its class hold of it; what is there stays."""
    operation = record["eventName"]
    if class_uid == _AUTHENTICATION and operation == _SIGN_IN:
        _add(record, "responseElements", {_SIGN_IN: text_at(event, "status")})
        used = next((flag for name in ("is_mfa", "mfa") if isinstance(flag := at(event, name), bool)), None)
        login_to = text_at(event, "dst_endpoint.svc_name")
        _add(record, "additionalEventData", {"LoginTo": login_to, "MFAUsed": None if used is None else _MFA_USED[used]})
    if at(event, "api.request.data") is not None:
        return
    name = text_at(event, "user.name")
    if class_uid == _AUTHENTICATION and operation.startswith("AssumeRole"):
        role = text_at(event, "user.uuid", "user.uid")
        if role is not None and _OF_ROLE in role:
            _add(record, "requestParameters", {"roleArn": role, "roleSessionName": name})
    elif class_uid == _ACCOUNT_CHANGE and record.get("eventSource") == _IAM:
        if "Role" not in operation:
            _add(record, "requestParameters", {"userName": name})
        elif operation not in _WITH_PATH_AND_DESCRIPTION:
            _add(record, "requestParameters", {"roleName": name})


def _add(record: dict[str, Any], section: str, values: dict[str, str | None]) -> None:
    known = {name: value for name, value in values.items() if value is not None}
    if known:
        merge(record, {section: known})
