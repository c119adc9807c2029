"""The content of ``rootwatch demo``: a morning in an organisation, and the embedded broker for it."""
