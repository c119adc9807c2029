"""The fields that rules and exceptions name: what they are called, and how a record or a document gives their values."""
