"""The first-seen memory on disk, and its changelog."""
