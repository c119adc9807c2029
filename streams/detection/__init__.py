"""Decisions as functions of values: a sighting and the memory of its principal give a decision and its alert."""
