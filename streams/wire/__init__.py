"""Bytes and schemas: Avro codecs, the schema registry, what is stored."""
