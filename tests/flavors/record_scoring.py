"""Records what MLflow's scoring server answers: run it by `.venv/flavors/bin/python` (`make test-flavors` makes that).

Writes tests/core/models/fixtures/scoring/mlflow-<version>.json, which the everyday suite replays against ours.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CORE = Path(__file__).parents[1] / "core" / "models"
sys.path.insert(0, str(CORE))

import mlflow  # noqa: E402
import mlflow.pyfunc  # noqa: E402
import scored  # noqa: E402
from mlflow.models import ModelSignature  # noqa: E402
from scoring_cases import CASES, MODELS, SIGNATURES, Case  # noqa: E402

STARTS_WITHIN_S = 60


class Wrapped(mlflow.pyfunc.PythonModel):
    """One of the models, as MLflow keeps it."""

    def __init__(self, behaviour: str) -> None:
        self.behaviour = behaviour

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        call = scored.BEHAVIOURS[self.behaviour]
        return call(model_input, params) if self.behaviour == "params" else call(model_input)


def main() -> None:
    recorded = []
    signatures: dict[str, Any] = {}
    for model, (behaviour, name) in MODELS.items():
        wanted = SIGNATURES[name]
        signature = (
            ModelSignature.from_dict({part: json.dumps(value) for part, value in wanted.items()})
            if wanted
            else None
        )
        signatures[name] = signature.to_dict() if signature else {}
        with (
            tempfile.TemporaryDirectory() as made,
            Server(Path(made), behaviour, signature) as server,
        ):
            mine = [case for case in CASES if case.model == model]
            recorded += [{"name": case.name, **server.answer(case)} for case in mine]
            if model == "answers":
                pages = {
                    path: server.get(path)
                    for path in ("/ping", "/health", "/version", "/nothing", "/invocations")
                }
    target = CORE / "fixtures" / "scoring" / f"mlflow-{mlflow.__version__}.json"
    target.parent.mkdir(exist_ok=True)
    document = {
        "mlflow": mlflow.__version__,
        "signatures": signatures,
        "pages": pages,
        "answers": recorded,
    }
    target.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    print(f"{len(recorded)} answers in {target}")


class Server:
    """`mlflow models serve`, without the environment that it would build."""

    def __init__(self, folder: Path, behaviour: str, signature: Any) -> None:
        path = folder / "model"
        mlflow.pyfunc.save_model(
            str(path),
            python_model=Wrapped(behaviour),
            signature=signature,
            pip_requirements=["pandas"],
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "--port", str(self.port), "--log-level", "error",
             "mlflow.pyfunc.scoring_server.app:app"],
            env={
                **os.environ,
                "__pyfunc_model_path__": str(path),
                "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true",
                "PYTHONPATH": os.pathsep.join([str(CORE), str(Path(__file__).parent)]),
            },
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def __enter__(self) -> Server:
        give_up = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < give_up:
            try:
                self.get("/ping")
                return self
            except OSError:
                time.sleep(0.1)
        raise TimeoutError("MLflow's server does not start")

    def __exit__(self, *exception: object) -> None:
        self.process.kill()
        self.process.wait()

    def get(self, path: str) -> dict[str, Any]:
        return self._ask("GET", path, None, {})

    def answer(self, case: Case) -> dict[str, Any]:
        headers = {} if case.content_type is None else {"Content-Type": case.content_type}
        return self._ask("POST", "/invocations", case.body, headers)

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        text = data.decode()
        if answer.status >= 400 and text.startswith("{"):  # the trace holds paths of this machine
            text = json.dumps(
                {key: value for key, value in json.loads(text).items() if key != "stack_trace"}
            )
        return {"status": answer.status, "type": answer.getheader("content-type"), "body": text}


if __name__ == "__main__":
    main()
