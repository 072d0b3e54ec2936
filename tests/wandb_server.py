"""As much of W&B's server as a run, ``wandb sync`` and the API's look-ups need; keeps what it is sent."""

from __future__ import annotations

import base64
import http.server
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Kept:
    """What the server has been sent.

    Attributes:
        operations: names of GraphQL operations, in order.
        history: run id -> its history lines, at their offsets.
        unknown: operations that are answered with an empty result.
    """

    def __init__(self) -> None:
        self.operations: list[str] = []
        self.variables: list[dict[str, Any]] = []
        self.history: dict[str, dict[int, Any]] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.stored: dict[str, bytes] = {}
        self.artifacts: list[dict[str, Any]] = []
        self.committed: list[str] = []
        self.unknown: list[str] = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.answer({})

    def do_PUT(self) -> None:
        self.server.kept.stored[self.path.removeprefix("/storage/")] = self.read()
        self.answer({})

    def do_POST(self) -> None:
        body = self.read()
        if self.path == "/graphql":
            self.answer(self.graphql(json.loads(body)))
        elif match := re.match(r"^/files/[^/]+/[^/]+/([^/]+)/file_stream$", self.path):
            self.answer(self.file_stream(match[1], json.loads(body)))
        else:
            self.answer({})

    def read(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass

    def graphql(self, request: dict[str, Any]) -> dict[str, Any]:
        kept, variables = self.server.kept, request.get("variables") or {}
        match = re.search(r"(?:query|mutation)\s+(\w+)", request["query"])
        name = match[1] if match else "?"
        kept.operations.append(name)
        kept.variables.append(variables)
        make = getattr(self, f"on_{name}", None)
        if make is None:
            kept.unknown.append(name)
            print("UNKNOWN", name, request["query"][:1500], variables)
            return {"data": {}}
        return {"data": make(variables)}

    def file_stream(self, run_id: str, body: dict[str, Any]) -> dict[str, Any]:
        chunk = body.get("files", {}).get("wandb-history.jsonl")
        if chunk:
            lines = self.server.kept.history.setdefault(run_id, {})
            for index, line in enumerate(chunk["content"]):
                lines[chunk["offset"] + index] = json.loads(line)
        return {}

    def on_Viewer(self, variables: dict[str, Any]) -> Any:
        viewer = {"id": "VXNlcjox", "entity": "us", "username": "us", "email": "", "flags": "{}"}
        return {"viewer": {**viewer, "teams": {"edges": []}, "admin": False}}

    def on_GetDefaultEntity(self, variables: dict[str, Any]) -> Any:
        return {"viewer": {"id": "VXNlcjox", "entity": "us"}}

    def on_UpsertBucket(self, variables: dict[str, Any]) -> Any:
        kept, name = self.server.kept, variables["name"]
        inserted = name not in kept.runs
        kept.runs.setdefault(name, {}).update({k: v for k, v in variables.items() if v is not None})
        return {
            "upsertBucket": {
                "bucket": self.bucket(name, variables.get("project") or "p"),
                "inserted": inserted,
            }
        }

    def bucket(self, name: str, project: str) -> dict[str, Any]:
        lines = self.server.kept.history.get(name, {})
        return {
            "id": base64.b64encode(name.encode()).decode(),
            "name": name,
            "displayName": name,
            "description": "",
            "config": "{}",
            "sweepName": None,
            "project": {"id": "cA==", "name": project, "entity": {"id": "dQ==", "name": "us"}},
            "historyLineCount": len(lines),
            "eventsLineCount": 0,
            "logLineCount": 0,
            "historyTail": json.dumps([json.dumps(lines[max(lines)])] if lines else []),
            "eventsTail": "[]",
            "summaryMetrics": "{}",
            "wandbConfig": json.dumps({"t": 1}),
            "tags": [],
        }

    def on_RunResumeStatus(self, variables: dict[str, Any]) -> Any:
        name = variables["name"]
        bucket = self.bucket(name, variables["project"]) if name in self.server.kept.runs else None
        return {
            "model": {
                "id": "cA==",
                "name": variables["project"],
                "entity": {"id": "dQ==", "name": "us"},
                "bucket": bucket,
            }
        }

    def on_CreateRunFiles(self, variables: dict[str, Any]) -> Any:
        files = [{"name": n, "uploadUrl": f"{self.server.address}/storage/{n}"} for n in variables["files"]]
        return {"createRunFiles": {"runID": "cg==", "uploadHeaders": [], "files": files}}

    def on_ServerFeaturesQuery(self, variables: dict[str, Any]) -> Any:
        return {"serverInfo": {"features": []}}

    def on_CreateArtifact(self, variables: dict[str, Any]) -> Any:
        artifacts = self.server.kept.artifacts
        artifacts.append(variables["input"])
        made = {
            "id": f"artifact-{len(artifacts)}",
            "state": "PENDING",
            "artifactSequence": {"latestArtifact": None},
        }
        return {"createArtifact": {"artifact": made}}

    def on_CreateArtifactManifest(self, variables: dict[str, Any]) -> Any:
        file = {"id": "file", **self.place(f"{variables['artifactID']}/manifest")}
        return {"createArtifactManifest": {"artifactManifest": {"id": "manifest", "file": file}}}

    def on_UpdateArtifactManifest(self, variables: dict[str, Any]) -> Any:
        file = {"id": "file", **self.place("updated/manifest")}
        return {"updateArtifactManifest": {"artifactManifest": {"id": "manifest", "file": file}}}

    def on_CreateArtifactFiles(self, variables: dict[str, Any]) -> Any:
        files = []
        for spec in variables["input"]["artifactFiles"]:
            name, owner = spec["name"], spec["artifactID"]
            node = {
                "id": name,
                "name": name,
                "displayName": name,
                "artifact": {"id": owner},
                "storagePath": name,
            }
            node |= {"uploadMultipartUrls": None, **self.place(f"{owner}/{name}")}
            files.append({"node": node})
        return {"createArtifactFiles": {"files": {"edges": files}}}

    def on_CommitArtifact(self, variables: dict[str, Any]) -> Any:
        self.server.kept.committed.append(variables["artifactID"])
        return {"commitArtifact": {"artifact": {"id": variables["artifactID"], "digest": ""}}}

    def place(self, name: str) -> dict[str, Any]:
        return {"uploadUrl": f"{self.server.address}/storage/{name}", "uploadHeaders": []}


class Server(http.server.ThreadingHTTPServer):
    """Serves until `running` ends."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that ends without closing its connections is no news."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.kept = Kept()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def running() -> Iterator[Server]:
    """A server on a free port."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
