"""A token provider of a test's own: a real HTTP server on loopback with keys generated here."""

import base64
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

AUDIENCE = "https://files.example.org"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def new_key(algorithm: str = "ES256") -> PrivateKey:
    """A private key that signs by this algorithm."""
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm in {"ES256", "ES384"}:
        return ec.generate_private_key(ec.SECP256R1() if algorithm == "ES256" else ec.SECP384R1())
    return rsa.generate_private_key(65_537, 2048)


def public_jwk(key: PrivateKey, algorithm: str, kid: str, **more: Any) -> dict[str, Any]:
    """The public half as a member of a JWK set."""
    maker = get_default_algorithms()[algorithm]
    made: dict[str, Any] = json.loads(maker.to_jwk(key.public_key()))
    made.pop("key_ops", None)
    return {**made, "kid": kid, "use": "sig", "alg": algorithm, **more}


class TokenProvider:
    """Keys by kid; tokens are signed by the newest. `documents` are what it serves, by path."""

    def __init__(self, algorithm: str = "ES256", issuer: str = "https://id.example.org") -> None:
        self.algorithm = algorithm
        self.issuer = issuer
        self.keys: dict[str, PrivateKey] = {}
        self.rotate("key-1")

    def rotate(self, kid: str, *, keep: bool = True) -> None:
        """Sign with a new key from now on."""
        if not keep:
            self.keys.clear()
        self.keys[kid] = new_key(self.algorithm)

    @property
    def jwks(self) -> dict[str, Any]:
        made = [public_jwk(key, self.algorithm, kid) for kid, key in self.keys.items()]
        return {"keys": made}

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Those of a good token; a change to None leaves a claim out."""
        now = changes.pop("now", None) or int(time.time())
        usual = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "azp": "portal-app",
            "sub": "anna",
            "iat": now,
            "exp": now + 300,
        }
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    def token(self, headers: dict[str, Any] | None = None, **changes: Any) -> str:
        """Signed by the newest key."""
        kid, key = list(self.keys.items())[-1]
        head = {"kid": kid, "typ": "at+jwt", **(headers or {})}
        return jwt.encode(self.claims(**changes), key, self.algorithm, head)  # type: ignore[arg-type]

    def row(self, **changes: Any) -> dict[str, Any]:
        """As the policy carries it."""
        usual = {
            "id": "idp",
            "issuer": self.issuer,
            "audiences": [AUDIENCE],
            "algorithms": [self.algorithm],
            "client_claim": "azp",
            "end_user_claim": "sub",
        }
        return {**usual, "keys": self.jwks["keys"], **changes}


def raw_token(header: dict[str, Any], claims: Any, signature: bytes = b"x" * 64) -> str:
    """Any three parts at all, for tokens that no library would make."""
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def public_pem(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class Served:
    """What the HTTP server answers: `answers[path] = (status, headers, body)`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []

    def put(self, path: str, document: Any, status: int = 200, **headers: str) -> None:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.answers[path] = (status, headers, body)

    def publish(self, provider: TokenProvider) -> None:
        """Discovery document and keys of a provider whose issuer is this server."""
        provider.issuer = self.url
        found = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        self.put("/.well-known/openid-configuration", found)
        self.put("/keys", provider.jwks)


@contextlib.contextmanager
def serving() -> Iterator[Served]:
    """A server on a free port of loopback, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            status, headers, body = served.answers.get(self.path, (404, {}, b"{}"))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing on the terminal of the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Served(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
