"""Programs that answer one question each, apart from ``python -m bench``."""
