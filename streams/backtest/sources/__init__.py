"""Where a replay reads from, and which part of it."""
