"""Speed, beside peers: ``python -m bench`` measures and writes ``docs/performance.md``."""
