"""Notices: what ``rootwatch notify`` tells people of alerts, and how it gets there."""
