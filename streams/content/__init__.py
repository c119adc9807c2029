"""Bytes and text, whatever they mean: compression, encodings, JSON text, redaction."""
