"""`make run`: everything comes up from an empty folder, and nothing is left when it ends."""

import datetime as dt
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.support.house import House, run_curl, wait_for_end
from tests.support.plane import REPOSITORY
from tests.support.servers import TestPostgres, freeze, thaw

pytestmark = pytest.mark.xdist_group("house")

DEMO_KEYS = {
    "url",
    "admin_url",
    "admin_user",
    "admin_password",
    "collection",
    "client_id",
    "api_key",
    "legacy_source",
    "legacy_dsn",
    "legacy_url_example",
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    # A name that must be quoted wherever it travels in an address.
    running = House(tmp_path_factory.mktemp("house") / "home 100% +&#?")
    try:
        yield running.start()
    finally:
        running.close()


def lines(house: House) -> dict[str, str]:
    """The printed curl lines by their word."""
    return dict(re.findall(r"^(store|fetch|audit) +(curl .*)$", house.output, re.MULTILINE))


def test_it_prints_three_lines_that_store_fetch_and_audit_a_file(house: House):
    printed = lines(house)
    stored = run_curl(printed["store"])
    assert stored.status_code in {200, 201}, stored.text
    fetched = run_curl(printed["fetch"])
    assert (fetched.status_code, fetched.text) == (200, "Hello, archive")
    request_ids = {stored.headers["x-request-id"], fetched.headers["x-request-id"]}
    deadline = time.monotonic() + 5
    while True:
        answer = run_curl(printed["audit"])
        assert answer.status_code == 200, answer.text
        found = {row["request_id"] for row in answer.json()["results"]}
        if request_ids <= found:
            break
        assert time.monotonic() < deadline, f"{request_ids - found} did not reach the audit"
        time.sleep(0.1)


def test_it_writes_the_same_for_programs_where_others_cannot_read_it(house: House):
    path = house.home / "demo.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(house.demo) == DEMO_KEYS
    assert house.demo["url"] == f"http://127.0.0.1:{house.port}"
    assert house.demo["api_key"] in lines(house)["fetch"]


def test_it_makes_a_legacy_database_and_an_old_application_that_writes(house: House):
    demo = house.demo
    dsn_file = house.home / "secrets" / "legacy" / f"{demo['legacy_source']}.dsn"
    assert stat.S_IMODE(dsn_file.stat().st_mode) == 0o600
    assert dsn_file.read_text().strip() == demo["legacy_dsn"]
    assert f"old URL {demo['legacy_url_example']}" in house.output
    with psycopg.connect(demo["legacy_dsn"], autocommit=True) as legacy:
        count = "SELECT count(*), max(changed_at) > now() - interval '60 s' FROM photo"
        deadline = time.monotonic() + 30
        while True:
            photos, written = legacy.execute(count).fetchone()
            if written:
                break
            assert time.monotonic() < deadline, "the old application wrote nothing"
            time.sleep(0.2)
        assert photos > 250
        role = "SELECT rolname, rolsuper FROM pg_roles WHERE rolname = current_user"
        assert legacy.execute(role).fetchone() == ("legacy_photos", False)


def test_it_lets_the_printed_administrator_log_in(house: House):
    with httpx.Client(base_url=house.demo["url"], follow_redirects=True, timeout=30) as browser:
        browser.get("/admin/login/")
        form = {
            "username": house.demo["admin_user"],
            "password": house.demo["admin_password"],
            "csrfmiddlewaretoken": browser.cookies["csrftoken"],
            "next": "/admin/",
        }
        page = browser.post("/admin/login/", data=form, headers={"Origin": house.demo["url"]})
        assert page.status_code == 200
        assert page.url.path == "/admin/"
        assert browser.cookies["contentserver_session"]
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


def test_it_serves_the_admins_own_styles(house: House):
    with httpx.Client(base_url=house.demo["url"], timeout=30) as browser:
        page = browser.get("/admin/login/").text
        (style, *_) = re.findall(r'href="(/static/[^"]+\.css)"', page)
        answer = browser.get(style)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/css")
        assert int(answer.headers["content-length"]) == len(answer.content) > 0
    assert "StreamingHttpResponse" not in (house.home / "logs" / "web.log").read_text()


def test_it_stored_the_demo_files_through_the_front_door(house: House):
    with house.client() as client:
        answer = client.get(f"/v1/content/{house.demo['collection']}/photos/1001.png")
    assert answer.status_code == 200
    assert answer.content.startswith(b"\x89PNG")


def test_it_makes_secrets_that_nobody_else_can_read(house: House):
    for folder in ("secrets", "keys", "journal"):
        assert stat.S_IMODE((house.home / folder).stat().st_mode) == 0o700
    for secret in (house.home / "secrets").rglob("*"):
        mode = 0o700 if secret.is_dir() else 0o600
        assert stat.S_IMODE(secret.stat().st_mode) == mode, secret


def shell_lines(page: str) -> str:
    """The block of a document that talks to a running house."""
    blocks = re.findall(
        r"^```sh\n(.*?)^```", (REPOSITORY / page).read_text(), re.MULTILINE | re.DOTALL
    )
    (lines,) = (block for block in blocks if "field()" in block)
    return lines


def run_shell(house: House, lines: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """As a reader would who pastes them; curl also writes each status to stderr."""
    (folder / ".curlrc").write_text('silent\nwrite-out = "%{stderr}%{http_code}\\n"\n')
    return subprocess.run(
        ["bash", "-e", "-u"],
        input=lines,
        cwd=folder,
        env={**house.environment, "CURL_HOME": str(folder)},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_lines_of_the_readme_work(house: House, tmp_path: Path):
    readme = (REPOSITORY / "README.md").read_text()
    (tmp_path / "README.md").write_text(readme)
    done = run_shell(house, shell_lines("README.md"), tmp_path)
    assert done.stderr.split() == ["201", "200", "200"], done.stdout
    assert readme in done.stdout


def test_the_lines_of_http_md_get_the_answers_they_name(house: House, tmp_path: Path):
    lines = shell_lines("docs/http.md")
    done = run_shell(house, lines, tmp_path)
    named = re.findall(r"^curl .* # (\d{3})\b", lines, re.MULTILINE)
    assert done.stderr.split() == named
    assert len(named) == lines.count("\ncurl ")


def test_no_file_that_it_writes_can_be_read_by_others(house: House):
    stored = house.home / "root-1"  # 0444 as docs/format.md has it, below folders that are closed
    open_to_others = [
        str(path)
        for path in house.home.rglob("*")
        if path.is_file() and not path.is_relative_to(stored) and path.stat().st_mode & 0o007
    ]
    assert not open_to_others


def test_it_is_found_by_commands_in_other_terminals(house: House):
    done = manage(house, "migrate", "--check")
    assert done.returncode == 0, done.stderr


def test_it_opens_the_next_year_when_it_is_told_to(house: House):
    year = dt.datetime.now(dt.UTC).year + 1
    done = manage(house, "open_year", str(year))
    assert done.returncode == 0, done.stderr
    assert f"has {year} on root-1" in done.stdout
    with house.client() as client:
        found = {row["year"] for row in client.get("/api/v1/years").json()}
    assert {year - 1, year} <= found


def test_it_opens_an_earlier_year_for_imports_when_it_is_told_to(house: House):
    done = manage(house, "open_year", "2019", "--importing")
    assert done.returncode == 0, done.stderr
    refused = manage(house, "open_year", "2019")
    assert "it takes imports there, and nothing else" in refused.stderr
    with house.client() as client:
        found = {row["year"]: row["state"] for row in client.get("/api/v1/years").json()}
        assert found[2019] == "importing"
        assert client.get("/readyz").status_code == 200


def test_its_worker_takes_tasks_from_its_broker(house: House):
    code = "from contentserver.tasks import clear_sessions; clear_sessions.delay()"
    done = manage(house, "shell", "-v", "0", "-c", code)
    assert done.returncode == 0, done.stderr
    deadline = time.monotonic() + 30
    log = house.home / "logs" / "worker.log"
    while "contentserver.tasks.clear_sessions" not in log.read_text() or (
        "succeeded" not in log.read_text()
    ):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def test_it_takes_one_supervisor_for_a_home(house: House):
    second = House(house.home)
    assert second.run() == 1
    assert f"is in use by process {house.process.pid}" in second.output


def test_it_answers_503_within_two_seconds_while_postgresql_is_frozen(house: House):
    with house.client() as client:
        assert client.get("/api/v1/collections").status_code == 200
        postgres = house.servers["pids"]["postgres"]
        freeze(postgres)
        try:
            started = time.monotonic()
            answer = client.get("/api/v1/collections")
            took = time.monotonic() - started
            file = client.get(f"/v1/content/{house.demo['collection']}/welcome.txt")
        finally:
            thaw(postgres)
        assert (answer.status_code, file.status_code) == (503, 200)
        assert answer.headers["retry-after"]
        assert answer.headers["content-type"] == "application/problem+json"
        assert took < 2.5
        again = client.get("/api/v1/collections")
        assert again.status_code == 200


def test_it_names_a_port_in_use_and_the_way_out(tmp_path: Path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        house = House(tmp_path / "home", CONTENTSERVER_PORT=str(port))
        assert house.run() == 1
    assert f"port {port} of 127.0.0.1 cannot be used" in house.output
    assert f"CONTENTSERVER_PORT={port + 1} make run" in house.output
    assert "Traceback" not in house.output


def test_it_names_a_home_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    house = House(tmp_path / "home", CONTENTSERVER_HOME=str(tmp_path / "file" / "home"))
    assert house.run() == 1
    assert f"{tmp_path / 'file'}" in house.output
    assert "Set CONTENTSERVER_HOME to a folder of your own." in house.output
    assert "Traceback" not in house.output


def test_it_leaves_nothing_after_a_kill_and_keeps_everything_after_a_restart(tmp_path: Path):
    # So deep that no socket's path would fit, so that the folder of sockets is elsewhere.
    home = tmp_path / ("d" * 60) / ("e" * 60)
    house = House(home).with_tables()
    try:
        house.start()
        before, sockets = house.demo, socket_folder(house)
        with house.client() as client:
            stored = client.put(f"/v1/content/{before['collection']}/kept.txt", content=b"kept")
            assert stored.status_code == 201
        started = house.everything()
        house.end(signal.SIGKILL)
        assert wait_for_end(started, timeout=20) == set()
        assert not sockets.exists()

        begun = time.monotonic()
        house.start()
        assert time.monotonic() - begun < 30
        # The folder of sockets is another, and with it the way to the legacy database.
        after, old, new = house.demo, before.pop("legacy_dsn"), house.demo["legacy_dsn"]
        assert after == {**before, "legacy_dsn": new}
        assert old.partition("@")[0] == new.partition("@")[0]
        with psycopg.connect(new) as legacy:
            photos = legacy.execute("SELECT count(*) FROM photo").fetchone()[0]
        assert photos > 250
        with house.client() as client:
            kept = client.get(f"/v1/content/{before['collection']}/kept.txt")
            assert (kept.status_code, kept.content) == (200, b"kept")
            assert client.get("/api/v1/collections").status_code == 200
        started, sockets = house.everything(), socket_folder(house)
        assert house.end(signal.SIGTERM) == 0
        assert wait_for_end(started, timeout=1) == set()
        assert not sockets.exists()
        assert not (home / "run" / "servers.json").exists()
    finally:
        house.close()


def test_it_stops_everything_and_says_why_when_a_child_dies(tmp_path: Path):
    house = House(tmp_path / "home").with_tables()
    try:
        house.start()
        started = house.everything()
        os.kill(house.servers["pids"]["bridge"], signal.SIGKILL)
        assert house.process.wait(60) == 1
        assert wait_for_end(started, timeout=1) == set()
        assert "cannot run: bridge ended by itself with status -9" in house.output
        assert str(house.home / "logs" / "bridge.log") in house.output
    finally:
        house.close()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_at_once_when_it_has_hardly_begun(tmp_path: Path, how: signal.Signals):
    house = House(tmp_path / "home")
    try:
        house.launch()
        deadline = time.monotonic() + 30
        while not (house.home / "logs" / "initialise.log").exists():
            assert time.monotonic() < deadline, house.output
            time.sleep(0.01)
        started = house.everything()
        assert house.end(how) == 0
        assert wait_for_end(started, timeout=1) == set()
        assert "Traceback" not in house.output
    finally:
        house.close()


@pytest.mark.slow
def test_it_uses_the_servers_that_the_environment_names(tmp_path: Path, own_postgres: TestPostgres):
    house = House(tmp_path / "home", DATABASE_URL=own_postgres.url, BROKER_URL="memory://")
    try:
        house.start()
        assert set(house.servers["pids"]) == {"bridge", "web", "worker", "legacy-writer"}
        assert not (house.home / "postgres").exists()
        with house.client() as client:
            assert client.get("/api/v1/collections").status_code == 200
    finally:
        house.close()
    with psycopg.connect(own_postgres.url) as connection:
        found = connection.execute("SELECT name FROM contentserver_collection").fetchall()
    assert set(found) == {("archive",), ("photos",)}


def manage(house: House, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in another terminal, which knows the home and nothing else."""
    environment = {**house.environment, "DJANGO_SETTINGS_MODULE": "contentserver.settings"}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=REPOSITORY,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def socket_folder(house: House) -> Path:
    return Path(house.servers["database_url"].partition("host=")[2])
