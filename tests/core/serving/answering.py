"""A model for serving tests: says who it is, takes as long as it is asked to, and dies when it is told to."""

from __future__ import annotations

import os
import signal
import time
from typing import Any


class Answering:
    """Asked for `{"inputs": [seconds]}`, it answers its name after that time; for a negative number it dies."""

    def __init__(self, name: str) -> None:
        self.name = name

    def predict(self, data: Any) -> list[Any]:
        values = data.to_numpy().ravel() if hasattr(data, "to_numpy") else data
        seconds = float(values[0])
        if seconds < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(seconds)
        return [self.name, os.getpid()]
