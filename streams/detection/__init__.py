"""Decisions as functions of values: record to sighting, memory and sighting to memory and decision, decision to alert."""
