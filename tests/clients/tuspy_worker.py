"""Runs in tuspy's environment: uploads one file as the JSON on standard input says.

Prints {"url": where the upload lies, "answers": [[method, status, X-Request-Id], …]} as JSON.
"""

import json
import sys
from typing import Any

import requests
from tusclient.client import TusClient

answers: list[list[Any]] = []
_send = requests.Session.send


def _watched(self: Any, request: Any, **options: Any) -> Any:
    """What requests would do; the client above it is as it was published."""
    answer = _send(self, request, **options)
    answers.append([request.method, answer.status_code, answer.headers.get("X-Request-Id")])
    return answer


requests.Session.send = _watched  # type: ignore[method-assign]

wish = json.load(sys.stdin)
uploader = TusClient(wish["endpoint"], headers=wish["headers"]).uploader(
    wish["path"],
    metadata=wish["metadata"],
    chunk_size=wish["chunk_size"],
    upload_checksum=wish["checksum"],
    retries=wish["retries"],
    retry_delay=0.1,
)
uploader.upload()
json.dump({"url": uploader.url, "answers": answers}, sys.stdout)
