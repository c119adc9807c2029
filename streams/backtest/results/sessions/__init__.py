"""What a replay writes about root sessions: lines, their part of the report, their comparison."""
