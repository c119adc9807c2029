"""The language of queries: a strict subset of KQL, compiled to functions over the fields of a record (U1)."""
