"""Session tokens: they are found and replaced in everything that leaves the process (T7)."""
