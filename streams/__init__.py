"""rootwatch: alerts on rare root-privilege use in AWS organisations, from CloudTrail on Kafka."""

__version__ = "0.1.0"
