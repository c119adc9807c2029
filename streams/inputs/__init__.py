"""From bytes to CloudTrail records: one module per message shape (R1)."""
