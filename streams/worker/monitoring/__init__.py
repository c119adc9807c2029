"""What a worker reports to its operators: metrics, health, the baseline, the registry, the disk."""
