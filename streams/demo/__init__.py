"""What ``rootwatch demo`` shows: a morning in an organisation, and the embedded broker that carries it."""
