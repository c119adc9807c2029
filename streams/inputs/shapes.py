"""The registry of message shapes (R1). A new shape is one module of this package and one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.inputs.aws import announcements, awslogs, cloudtrail, cloudwatch, eventbridge, records_file, sns
from streams.inputs.elastic import elasticsearch, filebeat, ingested
from streams.inputs.envelopes import batches, carried, keyed, lake, otlp, splunk, wazuh
from streams.inputs.ocsf import event as ocsf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.inputs.read_context import Item, ReadContext, Shape

# The first shape that recognises a document reads it. Frequent shapes come first, and shapes with more specific keys
# before others. ``ingested`` reads the Elastic documents that ``filebeat`` does not recognise as raw. Lambda's events
# look like log files, so they come before. OCSF's events may have a ``message`` as envelopes do, so they come before.
SHAPES: tuple[Shape, ...] = (
    cloudtrail,
    batches.LAMBDA_SQS,
    batches.LAMBDA_SNS,
    batches.LAMBDA_KINESIS,
    batches.KINESIS_ANSWER,
    records_file,
    eventbridge,
    cloudwatch,
    awslogs,
    sns,
    elasticsearch,
    ocsf,
    keyed.KAFKA_CONNECT,
    keyed.CLOUDEVENTS,
    otlp,
    batches.FIREHOSE,
    batches.LAMBDA_KAFKA,
    batches.SQS_ANSWER,
    batches.FILTERED_LOG_EVENTS,
    batches.LOOKUP_EVENTS,
    lake,
    keyed.LOOKUP_EVENT,
    keyed.SNS_ENTRY,
    keyed.KINESIS_ENTRY,
    keyed.KINESIS,
    keyed.KAFKA,
    keyed.SQS,
    wazuh,
    filebeat,
    ingested,
    keyed.BEATS_JSON,
    keyed.GELF,
    keyed.CRIBL,
    splunk,
    keyed.VECTOR,
    keyed.LOG,
    keyed.MESSAGE,
    announcements,
)


def read_value(value: Any, context: ReadContext) -> Iterator[Item]:
    """Read the records in a JSON value: a document of a known shape, or an array of such documents."""
    if isinstance(value, dict):
        for shape in SHAPES:
            if shape.recognises(value):
                yield from shape.read(value, context.under(shape.NAME))
                return
        yield context.unknown("JSON of no known shape", value)
    elif isinstance(value, list):
        elements = context.elements()
        for element in value:
            if isinstance(element, dict) or _is_message(element):
                yield from elements.document(element)
            else:
                yield elements.unknown("an element of the array is not an object", element)
    elif _is_message(value):
        yield from carried.read(value, context, value)
    else:
        yield context.unknown("JSON that is neither an object nor an array", value)


def _is_message(value: Any) -> bool:
    """Whether a value is text that begins like JSON: some producers encode JSON twice."""
    return isinstance(value, str) and value.lstrip("\ufeff \t\r\n").startswith(("{", "[", '"'))
