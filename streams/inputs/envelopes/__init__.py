"""Envelopes of forwarders (R8): each is known by its own top-level keys and carries another message."""
