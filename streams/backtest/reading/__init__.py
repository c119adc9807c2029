"""How a replay reads its input, in several processes."""
