"""By HTTP: the checkpoint is POSTed as it is; a 2xx answer is the receipt.

The server's certificate is verified against the system's authorities (or SSL_CERT_FILE). Redirects
are not followed: the operator named this address and no other.
"""

import http.client
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from skold.anchors.places import Place
from skold.anchors.ways import (
    MAX_ANSWER,
    NotAnchoredError,
    Receipt,
    Sent,
    Ways,
    deadline,
    secret_of,
)

CHECKPOINT_TYPE = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` holds at most MAX_ANSWER bytes; `cut` says that there were more."""

    body: bytes
    media_type: str
    cut: bool


def send_by_web(place: Place, sent: Sent, ways: Ways) -> Receipt:
    """Raises NotAnchoredError."""
    headers = {"Content-Type": CHECKPOINT_TYPE}
    token = _find_token(ways.tokens_file, place.host)
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    answer = post(place.url, sent.text.encode(), headers, ways.patience)
    return Receipt(answer.body, answer.media_type)


def post(url: str, body: bytes, headers: dict[str, str], patience: float) -> Answer:
    """One request on a connection of its own, over after `patience` seconds.

    Raises NotAnchoredError also for every answer that is not 2xx.
    """
    try:
        with deadline(patience) as sockets:
            connection = _connection(url, patience)
            try:
                connection.connect()
                sockets.append(connection.sock)
                return _exchange(connection, _target(url), body, headers)
            finally:
                connection.close()
    except (OSError, http.client.HTTPException) as error:
        raise NotAnchoredError(f"no answer: {_reason(error)}") from error


def _exchange(
    connection: http.client.HTTPConnection, target: str, body: bytes, headers: dict[str, str]
) -> Answer:
    connection.request("POST", target, body, {"User-Agent": "skold", **headers})
    response = connection.getresponse()
    if not 200 <= response.status < 300:
        raise NotAnchoredError(f"refused with status {response.status}")
    # One byte more than is kept tells a whole answer from one that was cut.
    answer = response.read(MAX_ANSWER + 1)
    expected = response.length
    cut = len(answer) > MAX_ANSWER
    if not cut and expected:
        raise NotAnchoredError("the answer broke off")
    media_type = response.getheader("Content-Type", "application/octet-stream")[:200]
    return Answer(answer[:MAX_ANSWER], media_type, cut)


def _connection(url: str, patience: float) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port, timeout=patience)
    context = ssl.create_default_context()
    return http.client.HTTPSConnection(host, parts.port, timeout=patience, context=context)


def _target(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _find_token(path: Path | None, host: str) -> str | None:
    """Lines `host token`: a token goes to its host and to no other."""
    if path is None:
        return None
    for line in secret_of(path).splitlines():
        name, _, token = line.strip().partition(" ")
        if name == host:
            if not token.strip().isascii() or not token.strip().isprintable():
                raise NotAnchoredError(f"the token of {host} is not printable ASCII")
            return token.strip()
    return None


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not verify ({error.verify_message})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__ if not isinstance(error, TimeoutError) else "timed out"
