"""A server in front of a data plane: it lists what a test says, and damages what a test says."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

PAGE = 2
PASSED_ON = ("etag", "x-version", "repr-digest", "content-type", "content-range", "x-request-id")


class Front:
    """`entries` is the list of files, newest first, `damaged` the keys whose bytes are changed on
    the way, `fetched` what was asked for; `on_fetch` hears how many that are before each answer.
    """

    def __init__(self, plane: httpx.Client) -> None:
        self.plane = plane
        self.entries: list[dict[str, Any]] = []
        self.damaged: set[str] = set()
        self.fetched: list[str] = []
        self.on_fetch: Callable[[int], None] = lambda _: None
        self.url = ""

    def show(self, keys: Iterable[str], **facts: Any) -> None:
        """List files of photos as the data plane has them; `facts` take the place of its own."""
        for number, key in enumerate(keys):
            head = self.plane.post("/v1/heads", json={"collection": "photos", "keys": [key]})
            found = head.json()["heads"].get(key) or {}
            entry = {
                "id": f"{number:032x}", "collection": "photos", "key": key, "deleted": False,
                "version": found.get("version", "2026.1"), "size": found.get("size", 0),
                "sha256": found.get("sha256"), "media_type": "image/png", "filename": None,
                "created_by": "tester", "committed_at": f"2026-01-01T00:00:{number:02}Z", **facts,
            }  # fmt: skip
            self.entries.insert(0, entry)

    def page(self, query: dict[str, list[str]]) -> dict[str, Any]:
        prefix, after = query.get("prefix", [""])[0], int(query.get("after", ["0"])[0])
        wanted = [entry for entry in self.entries if entry["key"].startswith(prefix)]
        more = f"{self.url}/api/v1/files?after={after + PAGE}"
        following = more if len(wanted) > after + PAGE else None
        return {"next": following, "results": wanted[after : after + PAGE]}


def _handler(front: Front) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/api/v1/files":
                page = json.dumps(front.page(parse_qs(parts.query))).encode()
                self._answer(200, {"content-type": "application/json"}, page)
                return
            front.fetched.append(parts.path)
            front.on_fetch(len(front.fetched))
            asked = {
                name: self.headers[name] for name in ("range", "if-match") if name in self.headers
            }
            answer = front.plane.get(self.path, headers=asked)
            headers = {name: answer.headers[name] for name in PASSED_ON if name in answer.headers}
            body = answer.content
            if any(parts.path.endswith(key) for key in front.damaged) and body:
                body = bytes([body[0] ^ 1]) + body[1:]
            self._answer(answer.status_code, headers, body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def running_front(plane: httpx.Client) -> Iterator[Front]:
    front = Front(plane)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(front))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    front.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield front
    finally:
        server.shutdown()
        server.server_close()
