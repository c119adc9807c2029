"""What a notice says: pure functions of an alert or of a session's summary."""
