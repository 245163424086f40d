"""A small institution's policy, to be changed by each test."""

import time
from typing import Any

from skold import credentials, urls
from skold.gate import Gate, RequestFacts
from skold.policy import Policy

NOW = 1_795_000_000
WRAPPING = {7: b"w" * 32}


class Institution:
    """A client with an API key, a signing key and a grant for photos; `payload` may be changed."""

    def __init__(self) -> None:
        self.key = credentials.new_api_key()
        self.url_secret = urls.new_url_secret()
        self.now = NOW
        self.payload: dict[str, Any] = {
            "clients": [client("campus")],
            "keys": [
                {
                    "id": self.key.key_id,
                    "client": "campus",
                    "sha256": self.key.sha256,
                    "expires": None,
                }
            ],
            "url_keys": [
                {
                    "id": "kid-1",
                    "client": "campus",
                    "wrapped": urls.wrap_url_key(WRAPPING[7], "kid-1", self.url_secret),
                    "wrapping": 7,
                    "expires": None,
                }
            ],
            "grants": [grant(1, "campus", "photos", "read", "write", "sign")],
            "collections": {"photos": collection(), "papers": collection()},
        }

    def gate(self) -> Gate:
        """A gate over the payload as it is now."""
        policy = Policy.from_payload(self.payload)
        return Gate(lambda: policy, WRAPPING, lambda: self.now * 1_000_000_000)

    def asks(self, **changes: Any) -> RequestFacts:
        """A request with the good API key, unless changed."""
        facts = {
            "method": "GET",
            "raw_path": b"/v1/content/photos/a.jpg",
            "query": b"",
            "authorization": f"Bearer {self.key.plaintext}",
            "on_behalf_of": None,
            "address": "10.1.2.3",
        }
        return RequestFacts(**{**facts, **changes})

    def signed(
        self, method: str = "GET", path: str = "/v1/content/photos/a.jpg", **more: Any
    ) -> bytes:
        """Query of a good signed URL."""
        given = {"expires": self.now + 600, **more}
        return (
            urls.sign_url(self.url_secret, "kid-1", method, path, **given)
            .partition("?")[2]
            .encode()
        )

    def asks_signed(
        self, method: str = "GET", query: bytes | None = None, **changes: Any
    ) -> RequestFacts:
        """A request with a good signed URL, unless changed."""
        query = self.signed() if query is None else query
        return self.asks(method=method, query=query, authorization=None, **changes)


def client(name: str, **changes: Any) -> dict[str, Any]:
    usual = {"name": name.title(), "enabled": True, "address_ranges": [], "may_act_for": "optional"}
    return {"id": name, **usual, **changes}


def grant(
    number: int, client: str, collection: str, *actions: str, prefix: str = "", **years: int | None
) -> dict[str, Any]:
    return {
        **years,
        "id": number,
        "client": client,
        "collection": collection,
        "actions": list(actions),
        "prefix": prefix,
    }


def collection(**changes: Any) -> dict[str, Any]:
    usual = {
        "max_size": None,
        "media_types": [],
        "inline_types": [],
        "erasure": "none",
        "on_behalf_of": "optional",
        "url_lifetime": 3600,
        "cache_control": None,
        "durability": "local",
    }
    return {**usual, **changes}


def median_seconds(call: Any, rounds: int = 300) -> float:
    """How long a call takes, undisturbed by the slowest half."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return sorted(times)[rounds // 2]
