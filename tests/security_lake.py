"""Parquet files of Amazon Security Lake: its columns by source version, and its folders.

The columns are those of the tables that AWS describes
(https://docs.aws.amazon.com/security-lake/latest/userguide/subscriber-query-examples.html) and that its samples create
(aws-samples/amazon-security-lake-quicksight). The folders are those of
https://docs.aws.amazon.com/security-lake/latest/userguide/aws-source-versions.html and of objects in AWS's own events.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from ocsf_events import FIRST, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TEXT, _INTEGER, _LONG, _TRUTH = pa.string(), pa.int32(), pa.int64(), pa.bool_()


def _struct(**fields: Any) -> Any:
    return pa.struct(list(fields.items()))


def _schema(*, is_first: bool) -> Any:
    user = {"type": _TEXT, "name": _TEXT, "uid": _TEXT, "credential_uid": _TEXT}
    user |= {"uuid": _TEXT, "account_uid": _TEXT} if is_first else {"uid_alt": _TEXT, "account": _struct(uid=_TEXT)}
    product = _struct(version=_TEXT, name=_TEXT, vendor_name=_TEXT, feature=_struct(name=_TEXT))
    data = {} if is_first else {"data": _TEXT}
    account = {"account_uid": _TEXT} if is_first else {"account": _struct(uid=_TEXT)}
    columns = {
        "metadata": _struct(product=product, event_code=_TEXT, uid=_TEXT, profiles=pa.list_(_TEXT), version=_TEXT),
        "time": _LONG,
        "time_dt": pa.timestamp("ms"),
        "cloud": _struct(region=_TEXT, provider=_TEXT),
        "api": _struct(
            response=_struct(error=_TEXT, message=_TEXT, **data),
            operation=_TEXT,
            version=_TEXT,
            service=_struct(name=_TEXT),
            request=_struct(uid=_TEXT, **data),
        ),
        "dst_endpoint": _struct(svc_name=_TEXT),
        "actor": _struct(
            user=_struct(**user),
            session=_struct(created_time=_LONG, issuer=_TEXT, **{"mfa" if is_first else "is_mfa": _TRUTH}),
            invoked_by=_TEXT,
            idp=_struct(name=_TEXT),
        ),
        "http_request": _struct(user_agent=_TEXT),
        "src_endpoint": _struct(uid=_TEXT, ip=_TEXT, domain=_TEXT),
        "resources": pa.list_(_struct(uid=_TEXT, type=_TEXT, **account)),
        **dict.fromkeys(("class_name", "category_name", "severity", "activity_name", "type_name", "status"), _TEXT),
        **dict.fromkeys(("class_uid", "category_uid", "severity_id", "activity_id", "type_uid"), _INTEGER),
        "user": _struct(uid=_TEXT, uuid=_TEXT, name=_TEXT),
        "mfa" if is_first else "is_mfa": _TRUTH,
        "unmapped": pa.map_(_TEXT, _TEXT),
    }
    if is_first:
        columns["status_id"] = _INTEGER
        del columns["time_dt"]
    else:
        columns["observables"] = pa.list_(_struct(name=_TEXT, value=_TEXT, type=_TEXT, type_id=_INTEGER))
    return pa.schema(list(columns.items()))


SCHEMAS = {FIRST: _schema(is_first=True), SECOND: _schema(is_first=False)}


def parquet(
    events: Iterable[Mapping[str, Any]], version: str = SECOND, compression: str = "zstd", **options: Any
) -> bytes:
    """A file of these events, as ``ocsf_events.ocsf`` makes them, with the columns of a version."""
    schema = SCHEMAS[version]
    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    for event in events:
        for name, values in columns.items():
            value = event.get(name)
            if name == "time_dt":
                value = event.get("time")
            values.append(list(value.items()) if name == "unmapped" and value is not None else value)
    table = pa.Table.from_pydict(columns, schema=schema)
    file = io.BytesIO()
    pq.write_table(table, file, compression=compression, **options)
    return file.getvalue()


def path_of(
    day: str, name: str = "48c42a18526e1c4409654c5587e35780", version: str = SECOND, account: str = "111111111111"
) -> str:
    """The path of a file in the lake's bucket, for a day such as ``20260101``."""
    number = "1.0" if version == FIRST else "2.0"
    partitions = f"region=us-east-1/accountId={account}/eventDay={day}"
    return f"aws/CLOUD_TRAIL_MGMT/{number}/{partitions}/{name}.gz.parquet"
