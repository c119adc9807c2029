"""The fields that rules and exceptions name: their names, and how a record or a document gives their values."""
