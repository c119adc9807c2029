"""Events of the Open Cybersecurity Schema Framework that were made from CloudTrail records."""
