"""The simulation's own modules are found here, as `python tests/core/simulation` finds them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
