"""What the results say: tables, charts and sums on paper, all computed from ``bench/results``."""
