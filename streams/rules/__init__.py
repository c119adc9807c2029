"""Rules as data: a TOML file says which records a rule takes and what its alerts say."""
