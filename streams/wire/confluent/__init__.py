"""Confluent's wire format: the schema registry, its client and its errors."""
