"""Decisions as functions of values: record to sighting, sighting and memory to decision, decision to alert."""
