"""A small institution's system that takes recordings through the browser: `python system.py`.

It serves one page and holds the API key. See README.md; the rules are in recordings.py.
"""

# ruff: noqa: INP001 - a folder to copy, no package

import argparse
import json
import os
import re
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from recordings import NotGranted, NotThere, NotYet, Recordings, Wish

from contentserver.client import Client, errors

PAGE = Path(__file__).with_name("page")
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/favicon.svg": ("favicon.svg", "image/svg+xml"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/tus.min.js": ("tus-js-client-4.3.1/tus.min.js", "text/javascript; charset=utf-8"),
}
ONE = re.compile(r"/recordings/([A-Za-z0-9_-]{22})(/done)?")
LONGEST = 4096  # bytes of a request's JSON
SAID: dict[type[Exception], tuple[HTTPStatus, str]] = {  # the first that fits
    NotThere: (HTTPStatus.NOT_FOUND, "This upload is not there any more."),
    errors.NotFound: (HTTPStatus.NOT_FOUND, "This upload is not there any more."),
    errors.Gone: (HTTPStatus.NOT_FOUND, "This upload is not there any more."),
    NotYet: (HTTPStatus.CONFLICT, "Not all of the file has arrived."),
    NotGranted: (
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "This page is not set up yet. Its operator finds why in the log.",
    ),
    errors.BadRequest: (
        HTTPStatus.BAD_REQUEST,
        "The archive does not take a file of this name or kind.",
    ),
    errors.TooLarge: (
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The file is larger than the archive takes.",
    ),
    errors.NoSpace: (HTTPStatus.INSUFFICIENT_STORAGE, "There is no room for a file of this size."),
    errors.ClientError: (HTTPStatus.BAD_GATEWAY, "The store does not answer."),
}


class Handler(BaseHTTPRequestHandler):
    """Each request is answered by one method named for what it does."""

    protocol_version = "HTTP/1.1"
    recordings: Recordings
    content_server: str  # its origin, the one other place the page may talk to
    own: str  # host and port of this system

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def do_DELETE(self) -> None:
        self._answer(self._delete)

    def signed_in(self) -> str:
        """Who asks. Your system knows it from its session; this example has one user."""
        return "demo.user"

    def _get(self) -> None:
        if self.path in FILES:
            name, media_type = FILES[self.path]
            self._send(HTTPStatus.OK, (PAGE / name).read_bytes(), media_type)
        else:
            identifier, _ = self._which()
            self._send_json(HTTPStatus.OK, self.recordings.show(self.signed_in(), identifier))

    def _post(self) -> None:
        said = self._read_json()
        if self.path == "/recordings":
            begun = self.recordings.begin(self.signed_in(), _wish(said))
            self._send_json(HTTPStatus.CREATED, begun)
            return
        identifier, done = self._which()
        if not done:
            raise NotThere
        self._send_json(HTTPStatus.OK, self.recordings.finish(self.signed_in(), identifier))

    def _delete(self) -> None:
        self._read_json()
        identifier, _ = self._which()
        self.recordings.give_up(self.signed_in(), identifier)
        self._send_json(HTTPStatus.OK, {})

    def _which(self) -> tuple[str, bool]:
        found = ONE.fullmatch(self.path)
        if found is None:
            raise NotThere
        return found[1], found[2] is not None

    def _read_json(self) -> dict[str, Any]:
        """Raises ValueError for what no page of ours sends: a form of another site cannot send
        JSON, nor name our origin.
        """
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(min(length, LONGEST))
        if length > LONGEST or self.headers.get_content_type() != "application/json":
            raise ValueError("send JSON")
        if self.headers.get("Origin") != f"http://{self.own}":
            raise ValueError("this is for the page of this system only")
        said = json.loads(raw)
        if isinstance(said, dict):
            return said
        raise ValueError("send a JSON object")

    def _answer(self, work: Any) -> None:
        if self.headers.get("Host") != self.own:  # a name that somebody else pointed here
            self._send_json(HTTPStatus.MISDIRECTED_REQUEST, {"message": "Another host is meant."})
            return
        try:
            work()
        except ValueError as error:
            self._send_json(HTTPStatus.BAD_REQUEST, {"message": str(error)})
        except tuple(SAID) as error:
            self.log_message("%s: %s", type(error).__name__, error)
            status, message = next(SAID[kind] for kind in SAID if isinstance(error, kind))
            self._send_json(status, {"message": message})

    def _send_json(self, status: HTTPStatus, said: dict[str, Any]) -> None:
        self._send(status, json.dumps(said).encode(), "application/json")

    def _send(self, status: HTTPStatus, body: bytes, media_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header(
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            f"connect-src 'self' {self.content_server}; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'; require-trusted-types-for 'script'",
        )
        self.end_headers()
        self.wfile.write(body)


def _wish(said: dict[str, Any]) -> Wish:
    """Raises ValueError naming the field."""
    title, name = str(said.get("title", "")).strip(), str(said.get("name", ""))
    size, media_type = said.get("size"), str(said.get("type") or "application/octet-stream")
    if not 0 < len(title) <= 200:
        raise ValueError("Give the recording a title of at most 200 characters.")
    if not 0 < len(name.encode()) <= 255:
        raise ValueError("The file has no name, or one of more than 255 bytes.")
    if type(size) is not int or size <= 0:
        raise ValueError("The file is empty.")
    return Wish(title, name, size, media_type)


def main() -> None:
    """Serve until interrupted."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=8080)
    options.add_argument("--collection", default="documents")
    options.add_argument("--database", type=Path, default=Path("recordings.sqlite3"))
    chosen = options.parse_args()
    if not os.environ.get("CONTENTSERVER_URL_KEY"):
        options.error("CONTENTSERVER_URL_KEY is missing: README.md says where it comes from")
    with Client.from_environment() as client:
        Handler.recordings = Recordings(chosen.database, client, chosen.collection)
        Handler.recordings.take_up()
        store = urlsplit(os.environ["CONTENTSERVER_URL"])
        Handler.content_server = f"{store.scheme}://{store.netloc}"
        Handler.own = f"127.0.0.1:{chosen.port}"
        print(f"ready http://{Handler.own}/", flush=True)
        ThreadingHTTPServer(("127.0.0.1", chosen.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
