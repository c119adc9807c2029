"""The cases of a rule: records, and the alerts that they must give (U12)."""
