"""The mapping of field names to CloudTrail's paths, as data (U2). A change of what a field means raises its version.

``MAPPED`` has the fields with a path of their own. Their values in a raw record are those at the path, but for the
fields that ``derived.py`` works out. In a document of Elastic a field is read under its own name.
"""

from __future__ import annotations

MAPPING_VERSION = 1
"""The version of the mapping; it is part of the keys of the memory and of alerts."""

CLOUDTRAIL = "aws.cloudtrail"

_IDENTITY = f"{CLOUDTRAIL}.user_identity"
_SESSION = f"{_IDENTITY}.session_context"
_ISSUER = f"{_SESSION}.session_issuer"

MAPPED: dict[str, tuple[str, ...]] = {
    "event.provider": ("eventSource",),
    "event.action": ("eventName",),
    "event.id": ("eventID",),
    "cloud.region": ("awsRegion",),
    f"{_IDENTITY}.type": ("userIdentity.type",),
    f"{_IDENTITY}.arn": ("userIdentity.arn",),
    f"{_IDENTITY}.access_key_id": ("userIdentity.accessKeyId",),
    f"{_IDENTITY}.invoked_by": ("userIdentity.invokedBy",),
    f"{_SESSION}.mfa_authenticated": ("userIdentity.sessionContext.attributes.mfaAuthenticated",),
    f"{_ISSUER}.type": ("userIdentity.sessionContext.sessionIssuer.type",),
    f"{_ISSUER}.arn": ("userIdentity.sessionContext.sessionIssuer.arn",),
    f"{_ISSUER}.principal_id": ("userIdentity.sessionContext.sessionIssuer.principalId",),
    f"{_ISSUER}.account_id": ("userIdentity.sessionContext.sessionIssuer.accountId",),
    "user.name": ("userIdentity.userName",),
    "user.id": ("userIdentity.principalId", "userIdentity.onBehalfOf.userId"),
    "cloud.account.id": ("userIdentity.accountId",),
    "source.address": ("sourceIPAddress",),
    "user_agent.original": ("userAgent",),
    "tls.client.server_name": ("tlsDetails.clientProvidedHostHeader",),
    f"{CLOUDTRAIL}.error_code": ("errorCode",),
    f"{CLOUDTRAIL}.error_message": ("errorMessage",),
    f"{CLOUDTRAIL}.event_type": ("eventType",),
    f"{CLOUDTRAIL}.event_category": ("eventCategory",),
    f"{CLOUDTRAIL}.event_version": ("eventVersion",),
    f"{CLOUDTRAIL}.api_version": ("apiVersion",),
    f"{CLOUDTRAIL}.read_only": ("readOnly",),
    f"{CLOUDTRAIL}.management_event": ("managementEvent",),
    f"{CLOUDTRAIL}.request_id": ("requestID",),
    f"{CLOUDTRAIL}.shared_event_id": ("sharedEventID",),
    f"{CLOUDTRAIL}.recipient_account_id": ("recipientAccountId",),
    f"{CLOUDTRAIL}.vpc_endpoint_id": ("vpcEndpointId",),
    f"{CLOUDTRAIL}.resources.arn": ("resources.ARN",),
    f"{CLOUDTRAIL}.resources.account_id": ("resources.accountId",),
    f"{CLOUDTRAIL}.resources.type": ("resources.type",),
    f"{CLOUDTRAIL}.session_credential_from_console": ("sessionCredentialFromConsole",),
}
"""Each field's CloudTrail paths, which are names of it too. The first is where a raw record has it."""

UNMAPPED: tuple[str, ...] = (
    "event.dataset",
    "data_stream.dataset",
    "event.outcome",
    "source.ip",
    "source.as.number",
    "source.as.organization.name",
    f"{CLOUDTRAIL}.console_login.additional_eventdata.mfa_used",
    f"{CLOUDTRAIL}.request_parameters",
    f"{CLOUDTRAIL}.response_elements",
    f"{CLOUDTRAIL}.additional_eventdata",
    "entity.target.id",
    "related.entity",
    "rootwatch.principal",
    "rootwatch.member_account",
    "rootwatch.issuer_or_arn",
    "rootwatch.cross_account",
)
"""The fields without a CloudTrail path of their own."""

SECTIONS: dict[str, str] = {
    "requestParameters": "request_parameters",
    "responseElements": "response_elements",
    "additionalEventData": "additional_eventdata",
    "serviceEventDetails": "service_event_details",
}
"""The objects of a record whose leaves are fields, with their names in documents. Any path below them is a name."""

FLATTENED = f"{CLOUDTRAIL}.flattened"

ADDRESSES = frozenset({"source.ip"})
NUMBERS = frozenset({"source.as.number"})

NOT_IN_THE_BYTES = frozenset(
    {
        "event.dataset",
        "data_stream.dataset",
        "event.outcome",
        "source.ip",
        "source.as.number",
        "source.as.organization.name",
        f"{CLOUDTRAIL}.console_login.additional_eventdata.mfa_used",
        "rootwatch.cross_account",
        f"{FLATTENED}.additional_eventdata.MFAUsed",  # OCSF has it as a boolean (R10)
    }
)
"""The fields whose values need not be in the bytes of a record: they are worked out, or written in another form."""
