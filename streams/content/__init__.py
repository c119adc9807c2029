"""Bytes and text, before anybody asks what they mean: compression, encodings, JSON text, redaction."""
