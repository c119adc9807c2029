"""Which events a query names: data events, which a trail may not record, and events of every minute (U12).

The names are those under which AWS documents them for CloudTrail. The lists are not complete: they decide what an
import says of a rule, and never what the rule takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.rules.query.tree import And, Match, Not
from streams.rules.query.wildcard import compile_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from streams.rules.query.tree import Query

_DATA_EVENTS: dict[str, str] = {
    "s3.amazonaws.com": "AbortMultipartUpload CompleteMultipartUpload CopyObject CreateMultipartUpload DeleteObject "
    "DeleteObjectTagging DeleteObjects GetObject GetObjectAcl GetObjectAttributes GetObjectLegalHold "
    "GetObjectRetention GetObjectTagging GetObjectTorrent HeadBucket HeadObject ListObjectVersions ListObjects "
    "ListParts PutObject PutObjectAcl PutObjectLegalHold PutObjectRetention PutObjectTagging RestoreObject "
    "SelectObjectContent UploadPart UploadPartCopy",
    "lambda.amazonaws.com": "Invoke",
    "dynamodb.amazonaws.com": "BatchExecuteStatement BatchGetItem BatchWriteItem DeleteItem ExecuteStatement "
    "ExecuteTransaction GetItem PutItem Query Scan TransactGetItems TransactWriteItems UpdateItem",
    "sns.amazonaws.com": "Publish PublishBatch",
    "sqs.amazonaws.com": "ChangeMessageVisibility ChangeMessageVisibilityBatch DeleteMessage DeleteMessageBatch "
    "ReceiveMessage SendMessage SendMessageBatch",
    "kinesis.amazonaws.com": "GetRecords GetShardIterator PutRecord PutRecords SubscribeToShard",
    "ebs.amazonaws.com": "GetSnapshotBlock ListChangedBlocks ListSnapshotBlocks PutSnapshotBlock",
    "bedrock.amazonaws.com": "InvokeAgent InvokeFlow InvokeInlineAgent Retrieve RetrieveAndGenerate",
    "sagemaker.amazonaws.com": "InvokeEndpoint InvokeEndpointWithResponseStream",
    "rdsdata.amazonaws.com": "BatchExecuteStatement BeginTransaction CommitTransaction ExecuteStatement "
    "RollbackTransaction",
}
_EVERYDAY_EVENTS: dict[str, str] = {
    "sts.amazonaws.com": "AssumeRole AssumeRoleWithWebIdentity GetCallerIdentity",
    "kms.amazonaws.com": "Decrypt GenerateDataKey",
    "s3.amazonaws.com": "GetObject HeadObject ListBuckets ListObjects PutObject",
    "lambda.amazonaws.com": "Invoke",
    "dynamodb.amazonaws.com": "GetItem PutItem Query Scan UpdateItem",
    "sns.amazonaws.com": "Publish",
    "sqs.amazonaws.com": "ReceiveMessage SendMessage",
    "ec2.amazonaws.com": "DescribeInstances",
    "ssm.amazonaws.com": "GetParameter GetParameters",
    "secretsmanager.amazonaws.com": "GetSecretValue",
    "logs.amazonaws.com": "CreateLogStream",
}

_PROVIDER, _ACTION = "event.provider", "event.action"
_CATEGORY, _MANAGEMENT = "aws.cloudtrail.event_category", "aws.cloudtrail.management_event"
_TYPE = "aws.cloudtrail.event_type"
# Records of the first kinds are never taken (U3); all others have one of the second kinds, or another that may come.
_PASSED_OVER = (
    (_CATEGORY, ("Insight", "NetworkActivity"), ("Management", "Data")),
    (
        _TYPE,
        ("AwsCloudTrailInsight", "AwsVpceEvent"),
        ("AwsApiCall", "AwsServiceEvent", "AwsConsoleSignIn", "AwsConsoleAction"),
    ),
)
_NO_NAME = "\0"  # no event and no service has it


def data_events(query: Query) -> tuple[str, ...]:
    """Return the data events that a query asks for by name or kind; none if it takes other events as well as these."""
    other = {_CATEGORY: "Management", _MANAGEMENT: "true"}
    return _named(query, _DATA_EVENTS, {_CATEGORY: "Data", _MANAGEMENT: "false"}, other)


def everyday_events(query: Query) -> tuple[str, ...]:
    """Return the events that a query asks for by name, and that happen all the time."""
    return _named(query, _EVERYDAY_EVENTS, {}, {})


def takes_any_event(query: Query) -> bool:
    """Return whether a query takes events of any name and any service."""
    return _may_take(query, {_PROVIDER: _NO_NAME, _ACTION: _NO_NAME})


def asks_for_what_is_never_taken(query: Query) -> bool:
    """Return whether a query asks for Insight or network activity events only, which no rule takes (U3)."""
    return any(
        any(_may_take(query, {field: kind}) for kind in passed_over)
        and not any(_may_take(query, {field: kind}) for kind in (*others, _NO_NAME))
        for field, passed_over, others in _PASSED_OVER
    )


def _named(
    query: Query, events: Mapping[str, str], known: Mapping[str, str], known_of_others: Mapping[str, str]
) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_taken_by_name(query, events, known, known_of_others)))


def _taken_by_name(
    query: Query, events: Mapping[str, str], known: Mapping[str, str], known_of_others: Mapping[str, str]
) -> Iterator[str]:
    for provider, names in events.items():
        if _may_take(query, {_PROVIDER: provider, _ACTION: _NO_NAME, **known_of_others}):
            continue  # the service's other events as well, so it names none of these
        for name in names.split():
            if _may_take(query, {_PROVIDER: provider, _ACTION: name, **known}):
                yield name


def _may_take(query: Query, known: Mapping[str, str]) -> bool:
    """Return whether a query may take a record of which some fields are known, and all others may have any value."""
    stack: list[bool | None] = []
    for step in query.steps:
        if isinstance(step, Match):
            value = known.get(step.field.name)
            stack.append(None if value is None else compile_texts([step.pieces])(value))
        elif isinstance(step, Not):
            stack[-1] = None if stack[-1] is None else not stack[-1]
        else:
            operands = stack[-step.count :]
            del stack[-step.count :]
            stack.append(_joined(operands, decisive=not isinstance(step, And)))
    return stack[0] is not False


def _joined(operands: Sequence[bool | None], *, decisive: bool) -> bool | None:
    """Join what is known of operands; one that is ``decisive`` is enough."""
    if decisive in operands:
        return decisive
    return None if None in operands else not decisive
