"""examples/java against a running server: compiled for JDK 11, used from a shell."""

import base64
import hashlib
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from tests.support.cutting_proxy import CuttingProxy
from tests.support.plane import REPOSITORY, DataPlane, clean_environment
from tests.support.url_keys import add_url_key

JAVA = REPOSITORY / "examples" / "java"

pytestmark = pytest.mark.skipif(
    not (shutil.which("javac") and shutil.which("java")), reason="no JDK: javac and java are needed"
)
Ended = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("java")
    sources = sorted(str(file) for file in JAVA.glob("*.java"))
    options = ["--release", "11", "-Xlint:all", "-Werror", "-d", str(folder)]
    subprocess.run(["javac", *options, *sources], check=True)
    return folder


@pytest.fixture(scope="module")
def plane(shared_data_plane: DataPlane) -> DataPlane:
    secret = add_url_key(shared_data_plane, "tester", "java-1")
    shared_data_plane.environment["TEST_URL_KEY"] = base64.b64encode(secret).decode()
    shared_data_plane.obey()
    return shared_data_plane


@pytest.fixture
def shell(classes: Path, plane: DataPlane) -> Callable[..., Ended]:
    def run(*words: object, url: str = plane.url, **changes: str) -> Ended:
        environment = {
            **clean_environment(),
            "CONTENTSERVER_URL": url,
            "CONTENTSERVER_API_KEY": plane.api_key,
            "CONTENTSERVER_URL_KEY_ID": "java-1",
            "CONTENTSERVER_URL_KEY": plane.environment["TEST_URL_KEY"],
            **changes,
        }
        # C1 and no JIT warm-up: each call is a JVM of its own
        command = ["java", "-XX:TieredStopAtLevel=1", "-cp", str(classes), "ContentServerShell"]
        return subprocess.run(
            [*command, *map(str, words)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return run


@pytest.fixture
def proxy(plane: DataPlane) -> Iterator[CuttingProxy]:
    with CuttingProxy(plane.config.port) as line:
        yield line


class BreakingReader(CuttingProxy):
    """Cuts the line once, when a million bytes of answers have come through."""

    received = 1_000_000

    def _may_answer(self, data: bytes) -> bool:
        before, self.received = self.received, self.received - len(data)
        return not self.received < 0 <= before


class Flipping(BaseHTTPRequestHandler):
    """A server between us and the file that changed a byte."""

    def do_GET(self) -> None:
        digest = base64.b64encode(hashlib.sha256(b"as it was stored").digest()).decode()
        self.send_response(200)
        self.send_header("Repr-Digest", f"sha-256=:{digest}:")
        self.send_header("Content-Length", "16")
        self.end_headers()
        self.wfile.write(b"as it was storeD")

    def log_message(self, *values: object) -> None:
        pass


def versions_of(plane: DataPlane, key: str) -> list[str]:
    answer = plane.http.get(f"/v1/versions/photos/{key}")
    return (
        [] if answer.status_code == 404 else [row["version"] for row in answer.json()["versions"]]
    )


def test_it_puts_a_file_and_reads_it_back(
    plane: DataPlane, shell: Callable[..., Ended], tmp_path: Path
) -> None:
    source, target = tmp_path / "grüße 1.txt", tmp_path / "back"
    source.write_bytes(b"hello from java")
    stored = shell("put", "photos", "java/ä b.txt", source, "text/plain")
    assert stored.returncode == 0, stored.stderr
    version = stored.stdout.split()[0]
    assert shell("get", "photos", "java/ä b.txt", target).returncode == 0
    assert target.read_bytes() == b"hello from java"
    seen = plane.http.head("/v1/content/photos/java/%C3%A4%20b.txt")
    assert seen.headers["x-version"] == version
    assert seen.headers["content-type"] == "text/plain"
    assert "gr%C3%BC%C3%9Fe%201.txt" in seen.headers["content-disposition"]


def test_a_put_whose_answer_was_lost_is_repeated_and_makes_one_version(
    plane: DataPlane, shell: Callable[..., Ended], proxy: CuttingProxy, tmp_path: Path
) -> None:
    source = tmp_path / "once"
    source.write_bytes(os.urandom(100_000))
    proxy.swallow(b"HTTP/1.1 201")
    stored = shell("put", "photos", "java/once", source, url=proxy.url)
    assert stored.returncode == 0, stored.stderr
    assert proxy.cuts == 1
    assert stored.stdout.endswith("(was there already)\n")
    assert len(versions_of(plane, "java/once")) == 1


def test_it_stages_and_commits(
    plane: DataPlane, shell: Callable[..., Ended], tmp_path: Path
) -> None:
    source = tmp_path / "two-stages"
    source.write_bytes(os.urandom(300_000))
    staged = shell("stage", "photos", "java/two", source)
    assert staged.returncode == 0, staged.stderr
    upload = staged.stdout.strip()
    assert plane.http.get("/v1/content/photos/java/two").status_code == 404
    committed = shell("commit", upload)
    assert committed.returncode == 0, committed.stderr
    assert shell("commit", upload).stdout == committed.stdout
    assert plane.http.get("/v1/content/photos/java/two").content == source.read_bytes()
    assert versions_of(plane, "java/two") == [committed.stdout.split()[0]]


def test_it_sends_only_the_rest_when_the_line_broke(
    plane: DataPlane, shell: Callable[..., Ended], proxy: CuttingProxy, tmp_path: Path
) -> None:
    source = tmp_path / "long"
    source.write_bytes(os.urandom(6_000_000))
    for sent in (1_500_000, 3_500_000, 5_000_000):
        proxy.after(sent, proxy.cut)
    staged = shell("stage", "photos", "java/long", source, url=proxy.url)
    assert staged.returncode == 0, staged.stderr
    assert proxy.cuts == 3
    assert proxy.sent < 2 * 6_000_000
    assert shell("commit", staged.stdout.strip()).returncode == 0
    assert plane.http.get("/v1/content/photos/java/long").content == source.read_bytes()


def test_another_run_takes_an_announced_upload_up_again(
    plane: DataPlane, shell: Callable[..., Ended], tmp_path: Path
) -> None:
    source = tmp_path / "later"
    source.write_bytes(b"later")
    upload = shell("announce", "photos", "java/later", source).stdout.strip()
    early = shell("commit", upload)
    assert (early.returncode, early.stderr[:4]) == (1, "409 ")
    assert shell("resume", upload, source).returncode == 0
    assert shell("commit", upload).returncode == 0
    assert plane.http.get("/v1/content/photos/java/later").content == b"later"


def test_reading_goes_on_where_the_line_broke(
    plane: DataPlane, shell: Callable[..., Ended], tmp_path: Path
) -> None:
    content = os.urandom(4_000_000)
    plane.http.put("/v1/content/photos/java/read", content=content)
    target = tmp_path / "read"
    with BreakingReader(plane.config.port) as line:
        got = shell("get", "photos", "java/read", target, url=line.url)
    assert got.returncode == 0, got.stderr
    assert line.received < 0
    assert target.read_bytes() == content


def test_bytes_that_do_not_have_their_digest_get_no_name(
    shell: Callable[..., Ended], tmp_path: Path
) -> None:
    with HTTPServer(("127.0.0.1", 0), Flipping) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        got = shell("get", "photos", "java/flipped", tmp_path / "flipped", url=url)
        server.shutdown()
    assert got.returncode == 1
    assert "digest" in got.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_url_that_it_signs_opens_this_file_alone(
    plane: DataPlane, shell: Callable[..., Ended]
) -> None:
    plane.http.put("/v1/content/photos/java/signed%20%C3%A4", content=b"signed")
    url = shell("sign", "GET", "photos", "java/signed ä", 60, "m. lind/é").stdout.strip()
    assert httpx.get(url).content == b"signed"
    assert httpx.get(url.replace("signed", "other", 1)).status_code == 401


def test_a_url_signed_for_an_upload_takes_its_bytes_alone(
    plane: DataPlane, shell: Callable[..., Ended], tmp_path: Path
) -> None:
    source = tmp_path / "page"
    source.write_bytes(b"from a page")
    upload = shell("announce", "photos", "java/page", source).stdout.strip()
    url = shell("sign-upload", upload, 60, "anna").stdout.strip()
    tus = {"Tus-Resumable": "1.0.0"}
    appended = {**tus, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    assert httpx.patch(url, headers=appended, content=b"from a page").status_code == 204
    assert httpx.head(url, headers=tus).headers["upload-offset"] == "11"
    assert httpx.delete(url, headers=tus).status_code in {401, 404}
    assert shell("commit", upload).returncode == 0


def test_what_is_refused_says_why_and_shows_no_secret(
    plane: DataPlane, shell: Callable[..., Ended], tmp_path: Path
) -> None:
    source = tmp_path / "refused"
    source.write_bytes(b"x")
    refused = shell("put", "photos", "a/../b", source)
    assert refused.returncode == 1
    assert refused.stderr.endswith("valid name: the key contains the segment '..'\n")
    unknown = shell("get", "photos", "java/none", "-")
    assert (unknown.returncode, unknown.stderr[:4]) == (1, "404 ")
    assert plane.api_key not in refused.stdout + refused.stderr + unknown.stderr
    assert (
        "CONTENTSERVER_API_KEY" in shell("get", "photos", "x", "-", CONTENTSERVER_API_KEY="").stderr
    )


def test_it_passes_the_signing_vectors(shell: Callable[..., Ended], tmp_path: Path) -> None:
    vectors = REPOSITORY / "docs" / "vectors"
    checked = shell("vectors", vectors)
    assert checked.returncode == 0
    passed = [line for line in checked.stdout.splitlines() if line.startswith("pass url-")]
    assert len(passed) == len(list(vectors.glob("url-*.json"))) > 0


def test_it_notices_a_vector_that_does_not_hold(
    shell: Callable[..., Ended], tmp_path: Path
) -> None:
    text = (REPOSITORY / "docs" / "vectors" / "url-get.json").read_text(encoding="utf-8")
    (tmp_path / "url-get.json").write_text(text.replace('"valid"', '"refused"'), encoding="utf-8")
    assert shell("vectors", tmp_path).returncode == 1
    assert shell("vectors", tmp_path / "..").returncode == 1
