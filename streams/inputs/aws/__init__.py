"""The shapes in which AWS itself sends CloudTrail records."""
