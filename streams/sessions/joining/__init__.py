"""Joining grants and actions into sessions: what is remembered of a key, and what one more item changes."""
