"""The parts of the benchmark, a module per row or question."""
