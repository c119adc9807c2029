"""Alerts and session summaries as documents that other tools know: ECS and OCSF. Pure functions, and their tables."""
