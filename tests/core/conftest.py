"""How core's properties are tried."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is slow, not wrong.
settings.register_profile("core", max_examples=100, deadline=None)
settings.load_profile("core")
