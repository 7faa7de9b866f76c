"""A Kubernetes for tests: its API on loopback, and pods that are processes in empty folders.

It knows what the executor asks of it and nothing more. A pod sees its secrets, the volumes that it
mounts below its working directory, Python, and nothing of the folder of who submitted it.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

# `python` is this one. Plugins are in the image already, so nothing is installed.
_COMMANDS = {"python": f'exec {sys.executable} "$@"', "pip": 'echo "pip $*"'}


class Cluster:
    """Secrets, jobs and their pods.

    Attributes:
        jobs: what was submitted, by name, as JSON.
        secrets: the data of those there were, by name.
        deleted: the names of what was deleted.
        checked: the names of jobs whose pods were asked for.
        allow: whether a job is let run, when it is submitted; one that is not stays pending.
    """

    def __init__(
        self, folder: Path, plugins: Path, allow: Callable[[dict[str, Any]], bool]
    ) -> None:
        self.folder, self.plugins, self.allow = folder, plugins, allow
        self.jobs: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self.deleted: list[str] = []
        self.checked: list[str] = []
        self._pods: dict[str, subprocess.Popen] = {}
        commands = folder / "bin"
        commands.mkdir(parents=True)
        for name, body in _COMMANDS.items():
            (commands / name).write_text(f"#!/bin/sh\n{body}\n")
            (commands / name).chmod(0o755)

    def submit(self, job: dict[str, Any]) -> None:
        """Start a job's pod."""
        name = job["metadata"]["name"]
        self.jobs[name] = job
        if not self.allow(job):
            return
        pod = job["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        workdir = self.folder / "pods" / name
        workdir.mkdir(parents=True)
        for mount in container["volumeMounts"]:
            below = mount["mountPath"].removeprefix(container["workingDir"]).strip("/")
            if below:
                volume = self.folder / "volumes" / mount["name"]
                volume.mkdir(parents=True, exist_ok=True)
                (workdir / below).symlink_to(volume)
        environment = {
            "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin",
            "PYTHONPATH": os.pathsep.join([str(self.plugins), os.environ.get("PYTHONPATH", "")]),
            "HOME": str(workdir),
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        }
        for variable in container.get("env", ()):
            reference = variable["valueFrom"]["secretKeyRef"]
            value = self.secrets[reference["name"]][reference["key"]]
            environment[variable["name"]] = base64.b64decode(value).decode()
        with (workdir.parent / f"{name}.log").open("w") as log:
            self._pods[name] = subprocess.Popen(
                [*container["command"], *container["args"]],
                cwd=workdir, env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def log(self, name: str) -> str:
        """What a job's pod has printed."""
        path = self.folder / "pods" / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def preempt(self, name: str) -> None:
        """Take a job's node away."""
        os.killpg(self._pods[name].pid, signal.SIGKILL)

    def exit_code(self, name: str) -> int | None:
        """The exit status of a job's pod; None while it runs or is pending."""
        return self._pods[name].poll() if name in self._pods else None

    def stop(self) -> None:
        """End all pods."""
        for pod in self._pods.values():
            if pod.poll() is None:
                os.killpg(pod.pid, signal.SIGKILL)
            pod.wait()

    def answer(self, method: str, path: str, query: str, body: dict[str, Any]) -> Any:
        """What the API says; None for what it does not know."""
        kind, name = path.rstrip("/").split("/")[-2:]
        if method == "POST" and name == "secrets":
            self.secrets[body["metadata"]["name"]] = body.get("data", {})
            return body
        if method == "POST" and name == "jobs":
            self.submit(body)
            return body
        if method == "DELETE":
            self.deleted.append(name)
            return {"kind": "Status", "status": "Success"}
        if method == "GET" and name == "status":
            return self._status(kind)
        if method == "GET" and name == "pods":
            self.checked.append(job := query.rpartition("job-name%3D")[2])
            return {"items": [self._pod(job)]}
        if method == "GET" and name == "log":
            return self.log(kind)
        return None

    def _status(self, name: str) -> dict[str, Any]:
        code = self.exit_code(name)
        status = {} if code is None else {"failed" if code else "succeeded": 1}
        return {**self.jobs[name], "status": status}

    def _pod(self, name: str) -> dict[str, Any]:
        code = self.exit_code(name)
        state = {} if code is None else {"terminated": {"exitCode": code}}
        container = {
            "name": "snakemake", "state": state, "ready": True, "restartCount": 0,
            "image": "x", "imageID": "x",
        }  # fmt: skip
        return {"metadata": {"name": name}, "status": {"containerStatuses": [container]}}


@contextmanager
def cluster(
    folder: Path, plugins: Path, allow: Callable[[dict[str, Any]], bool] = lambda job: True
) -> Iterator[Cluster]:
    """A cluster whose address is in `folder`/kubeconfig."""
    state = Cluster(folder, plugins, allow)

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(size) or b"{}")
            path, _, query = self.path.partition("?")
            answer = state.answer(self.command, path, query, body)
            content = answer if isinstance(answer, str) else json.dumps(answer)
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content.encode())))
            self.end_headers()
            self.wfile.write(content.encode())

        do_GET = do_POST = do_DELETE = reply  # noqa: N815

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [
            {"name": "x", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
        ],
        "users": [{"name": "x", "user": {"token": "x"}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
    }  # fmt: skip
    (folder / "kubeconfig").write_text(yaml.safe_dump(config))
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        state.stop()
