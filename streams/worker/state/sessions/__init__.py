"""The root sessions' table: a partition as one batch sees it, and what is due in it."""
