"""From bytes to CloudTrail records: one module for each shape of message (R1)."""
