"""From a CloudTrail record to a sighting: who used root on which member account, and when."""
