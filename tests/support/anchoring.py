"""Ledgers with a signed checkpoint, and the places it goes to: a web server, a mail server and a
time stamp authority, each a real one that can be told to lie."""

import contextlib
import datetime as dt
import ipaddress
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from skold.checkpoints import Checkpoint, sign
from skold.ledger.tiles import Tiles
from skold.ledger.tree import Tree
from skold.merkle import leaf_hash
from skold.notes import Signer

ORIGIN = "example.org/node-1"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


class GrowingLedger:
    """Tiles and checkpoint of a ledger whose leaves are numbers."""

    def __init__(self, folder: Path, salt: bytes = b"") -> None:
        self.folder = folder
        self._salt = salt
        self._tree = Tree()

    def grow_to(self, size: int) -> None:
        leaves = [leaf_hash(self._salt + b"%d" % n) for n in range(self._tree.size, size)]
        self._tree, tiles = self._tree.grow(leaves)
        Tiles(self.folder).write(tiles)
        checkpoint = Checkpoint(ORIGIN, size, self._tree.root)
        (self.folder / "checkpoint").write_text(sign(checkpoint, [Signer(ORIGIN, KEY)]))

    @property
    def text(self) -> str:
        return (self.folder / "checkpoint").read_text()

    @property
    def root(self) -> bytes:
        return self._tree.root


@dataclass(frozen=True, slots=True)
class Asked:
    path: str
    headers: dict[str, str]
    body: bytes


Answering = Callable[[Asked], tuple[int, str, bytes]]


@dataclass
class WebPlace:
    """`answer` makes (status, media type, body); `trickle`: seconds before each byte of it."""

    answer: Answering = lambda _: (200, "text/plain", b"taken, number 17")
    trickle: float = 0.0
    asked: list[Asked] = field(default_factory=list)
    port: int = 0


@contextlib.contextmanager
def web_place(place: WebPlace, tls: tuple[Path, Path] | None = None) -> Iterator[WebPlace]:
    """`tls`: certificate and key."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            names = {name.lower(): value for name, value in self.headers.items()}
            place.asked.append(Asked(self.path, names, body))
            status, media_type, answer = place.answer(place.asked[-1])
            self.send_response(status)
            self.send_header("content-type", media_type)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            with contextlib.suppress(OSError):
                if not place.trickle:
                    self.wfile.write(answer)
                for byte in answer if place.trickle else b"":
                    time.sleep(place.trickle)
                    self.wfile.write(bytes([byte]))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    place.port = server.server_address[1]
    try:
        yield place
    finally:
        server.shutdown()
        server.server_close()


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate of 127.0.0.1 and localhost, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(name, key, name, key, authority=True)
    return _write(folder, name, certificate, key)


class StampAuthority:
    """A time stamp authority of openssl's, with a root and a certificate of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        root, signer = (
            ec.generate_private_key(ec.SECP256R1()),
            ec.generate_private_key(ec.SECP256R1()),
        )
        issued = _certificate("stamp signer", signer, "stamp root", root, stamps=True)
        rooted = _certificate("stamp root", root, "stamp root", root, authority=True)
        self.ca_file, _ = _write(folder, "root", rooted, root)
        _write(folder, "signer", issued, signer)
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(
            "[tsa]\ndefault_tsa = one\n[one]\n"
            f"serial = {folder}/serial\nsigner_cert = {folder}/signer.pem\n"
            f"signer_key = {folder}/signer.key\nsigner_digest = sha256\n"
            "default_policy = 1.2.3.4.1\ndigests = sha256\nordering = no\ntsa_name = no\n"
        )

    def stamp(self, request: bytes) -> bytes:
        """The answer of `openssl ts -reply`."""
        (self._folder / "query").write_bytes(request)
        subprocess.run(
            [
                "openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query",
                "-out", "reply",
            ],
            cwd=self._folder, check=True, capture_output=True,
        )  # fmt: skip
        return (self._folder / "reply").read_bytes()

    def answer(self, asked: Asked) -> tuple[int, str, bytes]:
        return 200, "application/timestamp-reply", self.stamp(asked.body)


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    authority: bool = False,
    stamps: bool = False,
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
    )
    if stamps:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def _write(
    folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> tuple[Path, Path]:
    pem, secret = folder / f"{name}.pem", folder / f"{name}.key"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pem, secret
