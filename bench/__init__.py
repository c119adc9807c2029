"""Speed, beside peers: ``python -m bench`` measures and writes ``docs/performance.md``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the broker and the workers are started as tests do it
