"""Client certificates through the real nginx, with the configuration that we deliver."""

import datetime as dt
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest

from skold.certificate_identity import read_certificate
from tests.support.certificates import DAY, Authority, Issued
from tests.support.plane import POLICY_SEEN_AFTER, REPOSITORY, DataPlane, free_port
from tests.support.records import records
from tests.support.tus import Tus

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
PROXY = "127.0.0.2"  # from where nginx connects: the only peer that is trusted
pytestmark = pytest.mark.skipif(not Path(NGINX).exists(), reason="nginx is not installed")

MAIN = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off; proxy_bind {proxy};
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    include {folder}/site.conf;
}}
"""


class Gateway:
    """nginx before a data plane; certificates of two authorities, one of them trusted."""

    def __init__(self, plane: DataPlane, folder: Path) -> None:
        self.plane, self.folder = plane, folder
        self.authority, self.stranger = Authority(), Authority()
        self.url = f"https://127.0.0.1:{free_port()}"
        now = dt.datetime.now(dt.UTC)
        self.good = self.authority.issue("portal")
        self.unknown = self.authority.issue("portal")
        self.expired = self.authority.issue("portal", now - 2 * DAY, now - DAY)
        self.foreign = self.stranger.issue("portal")
        self.authority.issue("files.example.org").write(folder, "server")
        (folder / "client-ca.crt").write_bytes(self.authority.pem)
        for known in (self.good, self.expired, self.foreign):
            row = {"id": read_certificate(known.pem).fingerprint, "client": "tester"}
            plane.policy.setdefault("certificates", []).append({**row, "expires": None})
        plane.publish_policy()
        self._configure()
        self._process = subprocess.Popen([NGINX, "-p", str(folder), "-c", "nginx.conf"])
        self._wait()
        time.sleep(POLICY_SEEN_AFTER)

    def get(self, path: str = "/v1/versions/photos/a.jpg", **options: object) -> httpx.Response:
        with self.client(None) as http:
            return http.get(path, **options)  # type: ignore[arg-type]

    def client(self, issued: Issued | None) -> httpx.Client:
        trust = ssl.create_default_context(cadata=self.authority.pem.decode())
        trust.check_hostname = True
        if issued is not None:
            trust.load_cert_chain(*issued.write(self.folder, f"client-{id(issued)}"))
        return httpx.Client(base_url=self.url, verify=trust, timeout=30)

    def ask(self, issued: Issued | None, **options: object) -> httpx.Response:
        with self.client(issued) as http:
            return http.get("/v1/versions/photos/a.jpg", **options)  # type: ignore[arg-type]

    def reason(self) -> str:
        return [each for each in records(self.plane) if each["kind"] == "req"][-1]["reason"]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def _configure(self) -> None:
        port = self.url.rpartition(":")[2]
        delivered = (REPOSITORY / "deploy" / "nginx-mtls.conf").read_text(encoding="utf-8")
        for ours, here in (
            ("/etc/contentserver", str(self.folder)),
            ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
            ("127.0.0.1:8000", f"127.0.0.1:{self.plane.config.port}"),
        ):
            assert ours in delivered
            delivered = delivered.replace(ours, here)
        (self.folder / "site.conf").write_text(delivered, encoding="utf-8")
        main = MAIN.format(folder=self.folder, proxy=PROXY)
        (self.folder / "nginx.conf").write_text(main, encoding="utf-8")

    def _wait(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                if self.get("/healthz").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError((self.folder / "error.log").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("nginx")
    plane = DataPlane(folder / "home", CONTENTSERVER_TRUSTED_PROXIES=PROXY)
    plane.start()
    plane.http.put("/v1/content/photos/a.jpg", content=b"picture")
    made = Gateway(plane, folder)
    yield made
    made.close()
    plane.close()


def test_a_known_certificate_opens_what_its_client_may(gateway: Gateway) -> None:
    answer = gateway.ask(gateway.good)
    assert answer.status_code == 200, answer.text
    record = [each for each in records(gateway.plane) if each["kind"] == "req"][-1]
    fingerprint = read_certificate(gateway.good.pem).fingerprint
    assert (record["client"], record["credential"]) == ("tester", f"certificate:{fingerprint}")
    assert record["private"]["network"] == "127.0.0.1", "the caller's, not the proxy's"


def test_others_are_refused_and_recorded(gateway: Gateway) -> None:
    for issued, reason in (
        (gateway.unknown, "unknown_certificate"),
        (gateway.expired, "certificate_not_verified"),
        (gateway.foreign, "certificate_not_verified"),
        (None, "no_credential"),
    ):
        answer = gateway.ask(issued)
        assert (answer.status_code, gateway.reason()) == (401, reason)


def test_without_a_certificate_other_ways_in_stay_open(gateway: Gateway) -> None:
    key = {"Authorization": f"Bearer {gateway.plane.api_key}"}
    assert gateway.ask(None, headers=key).status_code == 200
    assert gateway.ask(gateway.good, headers=key).status_code == 401
    assert gateway.reason() == "two_credentials"


def forged(gateway: Gateway) -> dict[str, str]:
    """Exactly what nginx sends for a good certificate."""
    escaped = quote(gateway.good.pem.decode(), safe="")
    return {"X-SSL-Client-Verify": "SUCCESS", "X-SSL-Client-Cert": escaped}


def test_headers_forged_through_nginx_are_replaced(gateway: Gateway) -> None:
    assert gateway.ask(None, headers=forged(gateway)).status_code == 401
    assert gateway.reason() == "no_credential"
    assert gateway.ask(gateway.unknown, headers=forged(gateway)).status_code == 401
    assert gateway.reason() == "unknown_certificate"


@pytest.mark.parametrize("forwarded", [{}, {"X-Forwarded-For": PROXY}])
def test_headers_forged_past_nginx_are_a_reject_even_beside_a_good_key(
    gateway: Gateway, forwarded: dict[str, str]
) -> None:
    headers = {**forged(gateway), **forwarded}
    path = f"{gateway.plane.url}/v1/versions/photos/a.jpg"
    assert httpx.get(path, headers=headers).status_code == 401
    assert gateway.reason() == "certificate_not_from_proxy"
    key = {"Authorization": f"Bearer {gateway.plane.api_key}"}
    assert httpx.get(path, headers={**headers, **key}).status_code == 401
    assert httpx.get(path, headers=key).status_code == 200


def test_a_header_that_stands_twice_is_refused(gateway: Gateway) -> None:
    transport = httpx.HTTPTransport(local_address=PROXY)
    twice = [*forged(gateway).items(), ("X-SSL-Client-Cert", "x")]
    with httpx.Client(transport=transport, base_url=gateway.plane.url) as http:
        path = "/v1/versions/photos/a.jpg"
        assert http.get(path, headers=forged(gateway)).status_code == 200
        assert http.get(path, headers=twice).status_code == 400


def test_while_the_server_is_away_an_upload_is_told_to_wait(gateway: Gateway) -> None:
    """A tus client that meets a 5xx at HEAD forgets the upload; of the rest it is told as ever."""
    with gateway.client(gateway.good) as http:
        tus = Tus(http)
        url = urlsplit(tus.begin("away", 3)).path
        assert tus.head(url).headers["upload-offset"] == "0"
        gateway.plane.kill()
        head = tus.head(url)
        assert (head.status_code, head.headers["retry-after"]) == (423, "1")
        assert "upload-offset" not in head.headers
        assert tus.patch(url, 0, b"abc").status_code == 502
        assert http.head("/v1/content/photos/a.jpg").status_code == 502
        gateway.plane.start()
        assert tus.head(f"{url}0").status_code == 404, "its own answers go through"
        assert tus.patch(url, 0, b"abc").headers["upload-offset"] == "3"
        assert tus.commit(url).status_code == 201
