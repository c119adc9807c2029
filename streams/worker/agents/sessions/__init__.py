"""The trace agent: it follows root sessions, and asks for the summaries that are due."""
