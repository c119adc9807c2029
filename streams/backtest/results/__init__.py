"""What a replay writes: alerts, a summary, a report, a comparison, its progress."""
