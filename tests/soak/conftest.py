"""Where the parts of the soak are found by their tests, as `make soak` finds them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
