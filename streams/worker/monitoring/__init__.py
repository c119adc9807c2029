"""What a worker tells its operators: metrics, health, the baseline, the registry, the disk."""
