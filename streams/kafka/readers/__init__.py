"""Readers of topics: they join no group and commit nothing, except for ``group.py``."""
