"""What SeaweedFS itself acknowledged: objects that are put past Stageline, to tell its losses from ours."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from servers import KEY, SECRET

BUCKET = "witness"
RESTS_S = 0.02
TRIES = 100
AT_ONCE = 8


class Witness:
    """A thread that creates objects, each once and without asking again, and remembers which were acknowledged."""

    def __init__(self, endpoint: str) -> None:
        from botocore.config import Config
        from botocore.session import get_session

        once = Config(
            retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=20,
            s3={"addressing_style": "path"},
        )  # fmt: skip
        self._s3: Any = get_session().create_client(
            "s3", "us-east-1", endpoint_url=endpoint, config=once,
            aws_access_key_id=KEY, aws_secret_access_key=SECRET,
        )  # fmt: skip
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on)
        self.told: dict[str, bytes] = {}
        self.unanswered = 0

    def start(self) -> None:
        """Begin to put. Raises what the last try to make a bucket did."""
        from botocore.exceptions import BotoCoreError, ClientError

        for left in reversed(range(TRIES)):  # the first seconds of a server
            try:
                self._s3.create_bucket(Bucket=BUCKET)
                break
            except (BotoCoreError, ClientError):
                if not left:
                    raise
                self._stop.wait(0.2)
        self._thread.start()

    def stop(self) -> None:
        """Put no more."""
        self._stop.set()
        self._thread.join()

    def _go_on(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        while not self._stop.wait(RESTS_S):
            key, body = uuid.uuid4().hex, uuid.uuid4().bytes * 64
            try:
                self._s3.put_object(Bucket=BUCKET, Key=key, Body=body, IfNoneMatch="*")
                self.told[key] = body
            except (BotoCoreError, ClientError):
                self.unanswered += 1

    def judge(self) -> list[str]:
        """Objects that SeaweedFS acknowledged and has not, or lets be created again."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return [
                what for what in pool.map(self._of_object, self.told, self.told.values()) if what
            ]

    def _of_object(self, key: str, body: bytes) -> str:
        from botocore.exceptions import ClientError

        try:
            if self._s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() != body:
                return f"SeaweedFS: {key} is another object than was put"
            self._s3.put_object(Bucket=BUCKET, Key=key, Body=b"again", IfNoneMatch="*")
        except ClientError as error:
            is_refused = error.response["Error"]["Code"] == "PreconditionFailed"
            return "" if is_refused else f"SeaweedFS: {key}: {error}"
        return f"SeaweedFS: {key} could be created twice"
