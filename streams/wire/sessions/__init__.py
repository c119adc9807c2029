"""Sessions as bytes: what is published of them, what travels to them, and what is remembered."""
