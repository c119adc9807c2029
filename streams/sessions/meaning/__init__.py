"""What actions and sessions mean: outcome, severity, counts and the sentences about them."""
