"""The shapes in which Elastic's tools write CloudTrail records."""
