"""Readers of topics: they join no group and commit nothing."""
