"""Runs in tuspy's environment: uploads one file as the JSON on standard input says.

Prints {"url": where the upload lies, "answers": [[method, status, X-Request-Id], …]} as JSON; those
of the awaited half of tuspy are not seen. "resume" names a file in which it keeps addresses, so
that another process goes on; "stop_at" ends this one there.
"""

import asyncio
import json
import sys
from typing import Any

import requests
from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage

answers: list[list[Any]] = []
_send = requests.Session.send


def _watched(self: Any, request: Any, **options: Any) -> Any:
    """What requests would do; the client above it is as it was published."""
    answer = _send(self, request, **options)
    answers.append([request.method, answer.status_code, answer.headers.get("X-Request-Id")])
    return answer


requests.Session.send = _watched  # type: ignore[method-assign]

wish = json.load(sys.stdin)
client = TusClient(wish["endpoint"], headers=wish["headers"])
kept = {"store_url": True, "url_storage": FileStorage(wish["resume"])} if "resume" in wish else {}
uploader = (client.async_uploader if wish.get("awaited") else client.uploader)(
    wish["path"],
    metadata=wish["metadata"],
    chunk_size=wish["chunk_size"],
    upload_checksum=wish["checksum"],
    retries=wish["retries"],
    retry_delay=0.1,
    **kept,
)
if wish.get("awaited"):
    asyncio.run(uploader.upload())
else:
    uploader.upload(stop_at=wish.get("stop_at"))
json.dump({"url": uploader.url, "answers": answers}, sys.stdout)
