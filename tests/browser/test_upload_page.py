"""The example of a page that sends large files from a browser, in a real one, over a line that
breaks: examples/upload-page.
"""

import base64
import hashlib
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.browser.conftest import chromium
from tests.clients.interrupting import digest_of, write_file
from tests.support.cutting_proxy import CuttingProxy
from tests.support.plane import REPOSITORY, DataPlane, clean_environment, free_port
from tests.support.records import until
from tests.support.url_keys import add_url_key

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
EXAMPLE = REPOSITORY / "examples" / "upload-page"
MIB = 1 << 20
SIZE = 32 * MIB
BRISK, SLOW = 64 * MIB, 8 * MIB  # bytes a second of the line


class Institution:
    """The example's system, before a data plane whose only way in is a line that a test breaks."""

    def __init__(self, folder: Path) -> None:
        store, self.port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.plane = DataPlane(
            folder / "home",
            CONTENTSERVER_URL=f"http://127.0.0.1:{store}",
            CONTENTSERVER_CORS_ORIGINS=self.url,
        )
        secret = add_url_key(self.plane, "tester", "page")
        self.plane.publish_policy()
        self.line = CuttingProxy(self.plane.config.port, port=store, rate=BRISK)
        self.environment = {
            **clean_environment(),
            "PYTHONPATH": str(REPOSITORY),
            "CONTENTSERVER_URL": self.line.url,
            "CONTENTSERVER_API_KEY": self.plane.api_key,
            "CONTENTSERVER_URL_KEY_ID": "page",
            "CONTENTSERVER_URL_KEY": base64.b64encode(secret).decode(),
        }

    def start(self) -> None:
        """Run the system; return when its page is there."""
        options = ["--port", str(self.port), "--collection", "photos"]
        with (self.folder / "system.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, EXAMPLE / "system.py", *options],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        assert until(self._is_there, 20.0), (self.folder / "system.log").read_text()

    def end(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def close(self) -> None:
        self.end()
        self.line.close()
        self.plane.close()

    @property
    def newest(self) -> str:
        """The key of what was handed in last."""
        with closing(sqlite3.connect(self.folder / "recordings.sqlite3")) as rows:
            found = rows.execute("SELECT id FROM recording ORDER BY rowid DESC").fetchone()
        return f"recordings/{found[0]}"

    def _is_there(self) -> bool:
        try:
            return httpx.get(self.url, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Institution]:
    made = Institution(tmp_path_factory.mktemp("institution"))
    try:
        made.plane.start()
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture
def institution(house: Institution) -> Institution:
    """Running, its line at its quickest."""
    house.line.rate = BRISK
    return house


@pytest.fixture
def page(institution: Institution) -> Iterator["Page"]:
    """At the upload page. A breach of its Content-Security-Policy fails the test."""
    breaches: list[str] = []
    with chromium() as opened:
        opened.on(
            "console",
            lambda said: breaches.append(said.text) if "Content Security" in said.text else None,
        )
        opened.goto(institution.url)
        yield opened
    assert breaches == []


def test_a_large_file_arrives_whole_over_pause_reload_and_cut_line(
    institution: Institution, page: "Page", tmp_path: Path
) -> None:
    file = tmp_path / "Übung 7.mp4"
    digest = write_file(file, SIZE)
    before = institution.line.sent
    institution.line.rate = SLOW
    page.fill("#title", "Linear Algebra, week 7")
    page.set_input_files("#file", file)
    page.click("#send")

    _wait_for_percent(page, 10)
    page.click("#pause")
    page.wait_for_selector("#resume:visible")
    assert until(lambda: _rests(institution.line)), "it went on while it was paused"
    page.click("#resume")

    _wait_for_percent(page, 35)
    page.reload()
    page.wait_for_selector("#begun:visible")
    assert "Linear Algebra, week 7" in page.inner_text("#begun")
    page.set_input_files("#file", file)
    page.click("#send")

    for percent in (50, 60):
        _wait_for_percent(page, percent)
        institution.line.cut()
    institution.line.rate = BRISK
    page.wait_for_selector("#stored:visible", timeout=60_000)

    assert page.inner_text("#stored-digest") == digest
    key = institution.newest
    assert digest_of(institution.plane.http, "photos", key) == digest
    assert len(institution.plane.http.get(f"/v1/versions/photos/{key}").json()["versions"]) == 1
    assert institution.line.sent - before < SIZE * 1.25, "what had arrived was sent again"
    stored = institution.plane.http.head(f"/v1/content/photos/{key}").headers
    assert "%C3%9Cbung%207.mp4" in stored["content-disposition"]


@pytest.mark.slow
def test_a_server_that_is_killed_or_a_system_that_dies_costs_nothing_but_time(
    institution: Institution, page: "Page", tmp_path: Path
) -> None:
    file = tmp_path / "recording.bin"
    digest = write_file(file, SIZE // 2)
    institution.line.rate = SLOW
    page.fill("#title", "A recording")
    page.set_input_files("#file", file)
    page.click("#send")
    _wait_for_percent(page, 30)
    institution.plane.kill()
    page.wait_for_selector("#sending.waiting")
    assert "nothing that was sent is lost" in page.inner_text("#state")
    institution.plane.start()
    _wait_for_percent(page, 60)
    institution.end()
    institution.line.cut()
    page.wait_for_selector("#sending.waiting")
    institution.start()
    institution.line.rate = BRISK
    page.wait_for_selector("#stored:visible", timeout=60_000)
    assert page.inner_text("#stored-digest") == digest


def test_it_asks_for_the_same_file_and_says_what_is_missing(
    institution: Institution, page: "Page", tmp_path: Path
) -> None:
    file, other = tmp_path / "one.bin", tmp_path / "other.bin"
    write_file(file, 8 * MIB)
    write_file(other, MIB)
    staging = institution.plane.folder / "root-1" / "staging"
    before = set(staging.iterdir())  # of what is stored a receipt stays
    page.click("#send")
    assert page.inner_text("#problem") == "Give the recording a title."
    assert page.evaluate("document.activeElement.id") == "title"
    page.fill("#title", "One")
    page.click("#send")
    assert page.inner_text("#problem") == "Choose a file first."
    assert page.evaluate("document.activeElement.id") == "file"
    page.set_input_files("#file", file)
    institution.line.rate = MIB
    page.click("#send")
    _wait_for_percent(page, 5)
    page.reload()
    page.set_input_files("#file", other)
    page.click("#send")
    assert "Choose one.bin as it was" in page.inner_text("#problem")
    page.click("#forget")
    page.wait_for_selector("#title:visible")
    assert until(lambda: set(staging.iterdir()) == before), "the upload was not ended"


def test_the_browser_holds_no_key_and_its_address_opens_nothing_else(
    institution: Institution, page: "Page", tmp_path: Path
) -> None:
    seen: list[Any] = []
    page.on("request", lambda request: seen.append(request))  # noqa: PLW0108 - not a builtin
    file = tmp_path / "small.bin"
    write_file(file, MIB)
    page.fill("#title", "Small")
    page.set_input_files("#file", file)
    page.click("#send")
    page.wait_for_selector("#stored:visible")
    to_store = [request for request in seen if request.url.startswith(institution.line.url)]
    assert {request.method for request in to_store} <= {"HEAD", "PATCH", "OPTIONS"}
    assert not [request for request in seen if "authorization" in request.all_headers()]
    kept = json.dumps(page.evaluate("({...localStorage})"))
    assert "sig=" not in kept

    address = next(request.url for request in to_store if request.method == "PATCH")
    path, _, query = address.removeprefix(institution.line.url).partition("?")
    with institution.plane.client() as anybody:
        tus = {"Tus-Resumable": "1.0.0"}
        assert anybody.head(f"{path}?{query}", headers=tus).status_code == 200
        assert anybody.post(f"{path}/commit?{query}").status_code == 401
        assert anybody.delete(f"{path}?{query}", headers=tus).status_code == 401
        assert anybody.head(f"{path}x?{query}", headers=tus).status_code == 401
        content = f"/v1/content/photos/{institution.newest}"
        assert anybody.get(f"{content}?{query}").status_code == 401


def test_another_site_can_neither_use_the_system_nor_read_the_store(
    institution: Institution,
) -> None:
    about = {"title": "x", "name": "x", "size": 1}
    forged = {"Origin": "https://elsewhere.example"}
    assert httpx.post(f"{institution.url}/recordings", json=about).status_code == 400
    answer = httpx.post(f"{institution.url}/recordings", json=about, headers=forged)
    assert answer.status_code == 400
    preflight = {**forged, "Access-Control-Request-Method": "PATCH"}
    told = institution.plane.http.options("/v1/uploads", headers=preflight).headers
    assert "access-control-allow-origin" not in told
    policy = httpx.get(institution.url).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_vendored_client_is_the_published_one_with_its_licences() -> None:
    folder = EXAMPLE / "page" / "tus-js-client-4.3.1"
    published = "8cbb1b63fccc3bba0ae73ad1deb160ce046c3750851d0c3e94921ae3ef070eb8"
    assert hashlib.sha256((folder / "tus.min.js").read_bytes()).hexdigest() == published
    assert (folder / "LICENSE").is_file()
    notices = (folder / "THIRD-PARTY.txt").read_text()
    for name in ("base64-js", "buffer", "ieee754", "js-base64", "url-parse"):
        assert name in notices


def _rests(line: CuttingProxy) -> bool:
    """Whether nothing passes any more; what the browser had given to its system still does."""
    before = line.sent
    time.sleep(0.7)
    return line.sent == before


def _wait_for_percent(page: "Page", percent: int) -> None:
    """Until the page shows at least that much."""

    def is_there() -> bool:
        shown = page.inner_text("#percent").removesuffix(" %")
        return shown.isdigit() and int(shown) >= percent

    assert until(is_there, 60.0), page.inner_text("#sending")
