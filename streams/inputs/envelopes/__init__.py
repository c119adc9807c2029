"""Envelopes of forwarders (R8): each has its own top-level keys and carries another message."""
