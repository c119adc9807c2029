"""Bytes and schemas: Avro codecs, the schema registry, and the bytes of stored memory."""
