"""From a CloudTrail record to sightings: which principal used root on which member account, and when."""
