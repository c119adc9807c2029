"""The report's page: what it shows of a replay and of each rule."""
