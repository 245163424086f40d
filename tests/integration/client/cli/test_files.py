"""One file at a time: put, get, head, versions, rm, stage, commit, sign."""

import hashlib
import json
import os
import re
import signal
import threading
from pathlib import Path

import httpx
import pytest

from skold.credentials import new_api_key
from tests.integration.client.cli.conftest import Contentctl
from tests.support.cutting_proxy import CuttingProxy
from tests.support.plane import DataPlane

BODY = os.urandom(300_000)
DIGEST = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.png"
    path.write_bytes(BODY)
    return path


def test_what_was_put_is_got_and_head_and_versions_say_what_it_is(
    contentctl: Contentctl, scan: Path, tmp_path: Path, prefix: str
):
    place = f"photos/{prefix}scan.png"
    stored = contentctl("put", scan, f"photos/{prefix}", "--json")
    assert stored.status == 0
    assert stored.json["state"] == "stored"
    assert (stored.json["key"], stored.json["sha256"]) == (f"{prefix}scan.png", DIGEST)

    assert contentctl("put", scan, place, "--json").json["state"] == "unchanged"
    got = contentctl("get", place, tmp_path / "back.png", "--json")
    assert got.json["sha256"] == DIGEST
    assert (tmp_path / "back.png").read_bytes() == BODY

    head = contentctl("head", place, "--json").json
    assert head["media_type"] == "image/png"
    assert head["filename"] == "scan.png"
    assert head["version"] == stored.json["version"]
    assert "etag" in contentctl("head", place).out
    (version,) = contentctl("versions", place, "--json").lines
    assert (version["version"], version["size"]) == (head["version"], len(BODY))


def test_a_stream_goes_up_and_comes_back_with_its_digest_compared(
    contentctl: Contentctl, prefix: str
):
    place = f"documents/{prefix}letter.txt"
    assert contentctl("put", "-", place, "--media-type", "text/plain", stdin=b"hello\n").status == 0
    got = contentctl("get", place, "-")
    assert (got.status, got.out) == (0, "hello\n")
    assert "verified" in got.err
    got = contentctl("get", place, "-", "--json")
    assert got.out == "hello\n"
    assert json.loads(got.err)["size"] == 6
    assert contentctl("put", "-", f"documents/{prefix}", stdin=b"x").status == 2


def test_a_version_is_named_exactly_or_by_its_year(contentctl: Contentctl, prefix: str):
    place = f"photos/{prefix}a"
    for body in (b"one", b"two"):
        contentctl("put", "-", place, stdin=body)
    first, second = (line["version"] for line in contentctl("versions", place, "--json").lines)
    assert contentctl("get", place, "-", "--version", first).out == "one"
    assert contentctl("get", place, "-", "--as-of", second.split(".")[0]).out == "two"
    assert contentctl("get", place, "-", "--as-of", "then").status == 2
    assert contentctl("get", place, "-", "--as-of", "1999").status == 3


def test_a_removed_file_is_not_found_and_its_versions_are(contentctl: Contentctl, prefix: str):
    place = f"photos/{prefix}a"
    contentctl("put", "-", place, stdin=b"one")
    assert contentctl("rm", place, "--json").json == {"removed": place}
    got = contentctl("get", place, "-")
    assert (got.status, got.out) == (3, "")
    assert "contentctl versions" in got.err
    first, marker = contentctl("versions", place, "--json").lines
    assert (first["deleted"], marker["deleted"]) == (False, True)
    assert contentctl("get", place, "-", "--version", first["version"]).out == "one"


def test_of_several_files_to_remove_each_is_told_of(contentctl: Contentctl, prefix: str):
    contentctl("put", "-", f"photos/{prefix}b", stdin=b"b")
    removed = contentctl("rm", f"photos/{prefix}a", f"photos/{prefix}b")
    assert removed.status == 3
    assert removed.out == f"removed photos/{prefix}b\n"
    assert f"photos/{prefix}a: not found" in removed.err


def test_conditions_protect_what_is_there(contentctl: Contentctl, prefix: str):
    place = f"photos/{prefix}a"
    contentctl("put", "-", place, "--create-only", stdin=b"one")
    again = contentctl("put", "-", place, "--create-only", stdin=b"two")
    assert again.status == 4
    assert "contentctl head" in again.err
    etag = contentctl("head", place, "--json").json["etag"]
    assert contentctl("put", "-", place, "--if-match", etag, stdin=b"two").status == 0
    assert contentctl("rm", place, "--if-match", etag).status == 4


def test_facts_are_kept_with_the_file(contentctl: Contentctl, prefix: str, shared_data_plane):
    place = f"photos/{prefix}a"
    contentctl(
        "put", "-", place, "--custom", "box=17", "--custom", "by=anna", "--media-type", "image/png",
        "--data-subject", "p-1", stdin=b"one",
    )  # fmt: skip
    same = {"X-Custom": '{"box": "17", "by": "anna"}', "Content-Type": "image/png",
            "Content-Disposition": "attachment; filename=a", "Data-Subject": "p-1"}  # fmt: skip
    again = shared_data_plane.http.put(f"/v1/content/{place}", content=b"one", headers=same)
    assert again.status_code == 200, "other facts would have made a version"


def test_staged_bytes_become_a_version_by_commit_alone(
    contentctl: Contentctl, scan: Path, prefix: str
):
    place = f"photos/{prefix}film"
    staged = contentctl("stage", scan, place, "--json").json
    assert staged["offset"] == staged["length"] == len(BODY)
    assert contentctl("head", place).status == 3

    assert contentctl("commit", staged["upload"], "--sha256", "0" * 64).status == 6
    committed = contentctl("commit", staged["upload"], "--file", scan, "--json").json
    assert (committed["key"], committed["sha256"]) == (f"{prefix}film", DIGEST)
    again = contentctl("commit", staged["upload"], "--json").json
    assert again["version"] == committed["version"]
    assert contentctl("get", place, scan.with_name("back")).status == 0


def test_a_staged_upload_can_be_dropped(contentctl: Contentctl, scan: Path, prefix: str):
    staged = contentctl("stage", "-", f"photos/{prefix}film", "--json", stdin=BODY).json
    assert contentctl("rm", staged["upload"]).status == 0
    assert contentctl("commit", staged["upload"]).status == 3


def test_an_upload_that_was_stopped_goes_on_where_it_stood(
    contentctl: Contentctl, prefix: str, tmp_path: Path, shared_data_plane: DataPlane
):
    long, stopped = tmp_path / "long", threading.Event()
    long.write_bytes(BODY * 20)
    with CuttingProxy(shared_data_plane.config.port) as proxy:
        contentctl.environment["CONTENTSERVER_URL"] = proxy.url
        proxy.after(2_000_000, lambda: (running.send_signal(signal.SIGINT), stopped.wait(30)))
        running = contentctl.start("stage", long, f"photos/{prefix}long")
        _, said = running.communicate(timeout=60)
        stopped.set()
    assert running.returncode == 130
    (path,) = re.findall(r"go on with: contentctl stage \S+ --resume \S+(/v1/uploads/\S+)", said)

    contentctl.environment["CONTENTSERVER_URL"] = shared_data_plane.url
    at = shared_data_plane.http.head(path, headers={"Tus-Resumable": "1.0.0"})
    assert 0 < int(at.headers["Upload-Offset"]) < long.stat().st_size
    upload = shared_data_plane.url + path
    assert contentctl("stage", long, "--resume", upload).status == 0
    done = contentctl("commit", upload, "--file", long, "--json").json
    assert done["size"] == long.stat().st_size


def test_a_signed_address_opens_the_file_to_whoever_has_it(
    contentctl: Contentctl, prefix: str, signing: dict[str, str]
):
    place = f"photos/{prefix}ü ?#.jpg"
    contentctl("put", "-", place, stdin=b"picture")
    contentctl.environment |= signing
    signed = contentctl("sign", place, "--lifetime", "2m", "--json").json
    assert httpx.get(signed["url"]).content == b"picture"
    assert httpx.put(signed["url"], content=b"x").status_code == 401
    shown = contentctl("sign", place, "--disposition", "inline", "--subject", "anna")
    assert httpx.get(shown.out.strip()).status_code == 200
    assert "until" in shown.err


def test_without_a_signing_key_it_says_what_to_set(contentctl: Contentctl):
    signed = contentctl("sign", "photos/a")
    assert signed.status == 2
    assert "CONTENTSERVER_URL_KEY_ID" in signed.err


def test_a_profile_of_the_config_file_names_server_and_key(
    contentctl: Contentctl, prefix: str, tmp_path: Path
):
    contentctl("put", "-", f"photos/{prefix}a", stdin=b"one")
    config = tmp_path / "config" / "contentctl.toml"
    config.parent.mkdir()
    url, api_key = (
        contentctl.environment.pop(f"CONTENTSERVER_{name}") for name in ("URL", "API_KEY")
    )
    config.write_text(
        f'url = "http://127.0.0.1:1"\n[profiles.p]\nurl = "{url}"\napi_key = "{api_key}"'
    )
    config.chmod(0o600)
    assert contentctl("get", f"photos/{prefix}a", "-", "--profile", "p").out == "one"
    config.chmod(0o644)
    refused = contentctl("get", f"photos/{prefix}a", "-", "--profile", "p")
    assert refused.status == 2
    assert f"chmod 600 {config}" in refused.err
    assert api_key not in refused.err


def test_a_wrong_key_is_not_let_in_and_not_shown(contentctl: Contentctl):
    key = contentctl.environment["CONTENTSERVER_API_KEY"] = new_api_key().plaintext
    refused = contentctl("versions", "photos/a", "--json")
    assert refused.status == 4
    error = json.loads(refused.err)["error"]
    assert (error["status"], error["type"]) == (401, "unauthenticated")
    assert error["request_id"]
    assert key not in refused.err
