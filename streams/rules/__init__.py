"""Rules as data: a TOML file says what a rule takes and what its alerts say."""
