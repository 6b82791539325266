"""A cluster of one machine: the part of the API that Jobs need, over HTTP, with pods that are processes here."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "token-of-the-tests"
JOBS, PODS = "/apis/batch/v1/namespaces/ml/jobs", "/api/v1/namespaces/ml/pods"


class Pod:
    """A container that runs as a process group, and its log."""

    def __init__(self, job: dict[str, Any], secrets: dict[str, str], folder: Path) -> None:
        self.container = job["spec"]["template"]["spec"]["containers"][0]
        self.name = f"{job['metadata']['name']}-x1"
        self.lines: list[bytes] = []
        self.finished_at: str | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.waits = self.container["image"] == "gone:1"
        if not self.waits:
            env = {one["name"]: _value(one, secrets) for one in self.container.get("env", [])}
            beside = str(Path(sys.executable).parent)
            self.process = subprocess.Popen(
                self.container["command"],
                cwd=folder,
                env={
                    "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}",
                    "HOME": str(folder),
                    **env,
                },
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        for number, line in enumerate(self.process.stdout):
            stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime())}.{number:09d}Z "
            self.lines.append(stamp.encode() + line)
        self.process.wait()
        self.process.stdout.close()
        self.finished_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

    @property
    def code(self) -> int | None:
        """As a container's: 128 and the signal for one that a signal ended. None while it runs."""
        if self.process is None or self.finished_at is None:
            return None
        return (
            self.process.returncode
            if self.process.returncode >= 0
            else 128 - self.process.returncode
        )

    def end(self) -> None:
        if self.process is not None and self.finished_at is None:
            os.killpg(self.process.pid, signal.SIGTERM)

    def document(self) -> dict[str, Any]:
        state: dict[str, Any] = {"running": {}}
        phase = "Running"
        if self.waits:
            phase = "Pending"
            state = {"waiting": {"reason": "ErrImagePull", "message": "no such image gone:1"}}
        elif self.code is not None:
            phase = "Failed" if self.code else "Succeeded"
            reason = "OOMKilled" if self.code == 99 else "Error" if self.code else "Completed"
            state = {
                "terminated": {
                    "exitCode": self.code,
                    "reason": reason,
                    "finishedAt": self.finished_at,
                }
            }
        return {
            "metadata": {"name": self.name, "creationTimestamp": "2026-01-01T00:00:00Z"},
            "status": {"phase": phase, "containerStatuses": [
                {"name": self.container["name"], "image": self.container["image"], "imageID": "", "ready": False,
                 "restartCount": 0, "state": state},
            ]},
        }  # fmt: skip


class FakeCluster(ThreadingHTTPServer):
    """Answers as the API server does; `troubles` are statuses that it answers instead, one for each request."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.jobs: dict[str, dict[str, Any]] = {}
        self.pods: dict[str, Pod] = {}
        self.deleting: set[str] = set()
        self.secrets: dict[str, str] = {}
        self.troubles: list[int] = []
        self.loses_answer_of_create = False
        self.cuts_logs = 0
        self.requests: list[str] = []
        self.lock = threading.Lock()

    def kubeconfig(self, path: Path, token: str = TOKEN) -> Path:
        cluster = {"server": f"http://127.0.0.1:{self.server_address[1]}"}
        path.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "tests",
                    "clusters": [{"name": "here", "cluster": cluster}],
                    "users": [{"name": "me", "user": {"token": token}}],
                    "contexts": [{"name": "tests", "context": {"cluster": "here", "user": "me"}}],
                }
            )
        )
        return path

    def status_of(self, name: str) -> dict[str, Any]:
        pod = self.pods[name]
        if pod.code is None:
            return {"active": 1}
        kind = "Failed" if pod.code else "Complete"
        reason = (
            {"reason": "BackoffLimitExceeded", "message": "too many failures"} if pod.code else {}
        )
        return {"conditions": [{"type": kind, "status": "True", **reason}]}

    def job(self, name: str) -> dict[str, Any] | None:
        with self.lock:
            if name in self.deleting and (
                self.pods[name].waits or self.pods[name].code is not None
            ):
                del self.jobs[name], self.pods[name]
                self.deleting.discard(name)
            if name not in self.jobs:
                return None
            return {**self.jobs[name], "status": self.status_of(name)}

    def close(self) -> None:
        for pod in self.pods.values():
            if pod.process is not None and pod.finished_at is None:
                os.killpg(pod.process.pid, signal.SIGKILL)
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: FakeCluster
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _fail(self, status: int, reason: str, message: str) -> None:
        self._answer(
            status,
            {
                "kind": "Status",
                "status": "Failure",
                "reason": reason,
                "message": message,
                "code": status,
            },
        )

    def _is_refused(self) -> bool:
        length = int(self.headers.get("Content-Length") or 0)
        self.body = json.loads(self.rfile.read(length) or b"{}")
        self.server.requests.append(f"{self.command} {urlsplit(self.path).path}")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._fail(401, "Unauthorized", "Unauthorized")
            return True
        if self.server.troubles:
            self._fail(self.server.troubles.pop(0), "InternalError", "etcd is away")
            return True
        return False

    def do_POST(self) -> None:
        if self._is_refused():
            return
        if self.path.partition("?")[0] != JOBS:
            self._fail(404, "NotFound", "namespaces not found")
            return
        name = self.body["metadata"]["name"]
        if len(name) > 63 or not name.replace("-", "").isalnum() or name.lower() != name:
            self._fail(422, "Invalid", f"metadata.name: Invalid value: {name}")
            return
        with self.server.lock:
            if name in self.server.jobs:
                self._fail(409, "AlreadyExists", f'jobs.batch "{name}" already exists')
                return
            self.server.jobs[name] = self.body
            self.server.pods[name] = Pod(self.body, self.server.secrets, self.server.folder)
        if self.server.loses_answer_of_create:
            self.server.loses_answer_of_create = False
            self._fail(500, "InternalError", "the answer was lost")
            return
        self._answer(201, self.body)

    def do_GET(self) -> None:
        if self._is_refused():
            return
        url = urlsplit(self.path)
        if url.path.startswith(f"{JOBS}/"):
            job = self.server.job(url.path.rpartition("/")[2])
            if job is None:
                self._fail(404, "NotFound", "jobs.batch not found")
            else:
                self._answer(200, job)
        elif url.path == PODS:
            name = parse_qs(url.query)["labelSelector"][0].removeprefix("job-name=")
            pod = self.server.pods.get(name)
            self._answer(200, {"kind": "PodList", "items": [pod.document()] if pod else []})
        elif url.path.endswith("/log"):
            self._log(url.path.split("/")[-2])
        else:
            self._fail(404, "NotFound", f"{url.path} not found")

    def do_DELETE(self) -> None:
        if self._is_refused():
            return
        name = urlsplit(self.path).path.rpartition("/")[2]
        if name not in self.server.jobs:
            self._fail(404, "NotFound", "jobs.batch not found")
            return
        asked = parse_qs(urlsplit(self.path).query).get("propagationPolicy", [""])[0]
        assert (asked or self.body.get("propagationPolicy")) == "Foreground", (
            "or its pods would stay"
        )
        self.server.deleting.add(name)
        self.server.pods[name].end()
        self._answer(200, {"kind": "Status", "status": "Success"})

    def _log(self, name: str) -> None:
        pod = next((one for one in self.server.pods.values() if one.name == name), None)
        if pod is None:
            self._fail(404, "NotFound", f'pods "{name}" not found')
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        sent = 0
        while True:
            is_over = pod.finished_at is not None
            for line in pod.lines[sent:]:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                sent += 1
                if self.server.cuts_logs:
                    self.server.cuts_logs -= 1
                    self.close_connection = True  # with no last chunk
                    return
            self.wfile.flush()
            if is_over and sent == len(pod.lines):
                break
            threading.Event().wait(0.01)
        self.wfile.write(b"0\r\n\r\n")


def _value(variable: dict[str, Any], secrets: dict[str, str]) -> str:
    if "value" in variable:
        return str(variable["value"])
    reference = variable["valueFrom"]["secretKeyRef"]
    return base64.b64decode(secrets[f"{reference['name']}/{reference['key']}"]).decode()
