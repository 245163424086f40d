"""`make acceptance` in small, and the proof that it would find what is wrong."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from rich.console import Console

from benchmarks.production import Production
from tests.acceptance.exchange import Exchange
from tests.acceptance.library import Library
from tests.acceptance.run import accept, find_differences, through_http, wait_for_catalog
from tests.support.migrated import prepare_folder

pytestmark = pytest.mark.xdist_group("production")
QUIET = Console(quiet=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of every kind that a library may hold."""
    folder = tmp_path / "library"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "empty").write_bytes(b"")
    (folder / "deep" / "er" / "one byte").write_bytes(b"\0")
    (folder / "100 % #1? ü&+=;.txt").write_text("a name that needs escapes")
    (folder / "a segment").write_bytes(os.urandom(131_072 - 56))
    (folder / "a segment and a byte").write_bytes(os.urandom(131_072 - 55))
    (folder / "large.bin").write_bytes(os.urandom(3_000_000))
    (folder / "page.html").write_text("<script>alert(1)</script>")
    (folder / "link").symlink_to("large.bin")
    return folder


@pytest.fixture
def production(tmp_path: Path) -> Iterator[Production]:
    prepare_folder(tmp_path / "production" / "pg")
    server = Production(tmp_path / "production")
    try:
        yield server.start()
    finally:
        server.close()


@pytest.mark.timeout(180)
def test_every_file_comes_back_and_catalog_disk_and_audit_agree(
    production: Production, folder: Path
) -> None:
    for package in ("json", "encodings"):
        (folder / package).symlink_to(Path(sys.modules[package].__file__ or "").parent)
    library = Library.scan(folder)
    encodings = Library.scan((folder / "encodings").resolve())
    library.sources += encodings.sources

    verdict = accept(production, library, QUIET)

    assert verdict.differences == []
    assert verdict.counts["read back equal"] == len(library.sources) > 100
    assert verdict.counts["records req"] == 2 * len(library.sources)
    assert verdict.counts["of these through links"] == 1


@pytest.mark.timeout(180)
def test_it_finds_a_lost_file_a_changed_row_and_a_missing_record(
    production: Production, folder: Path
) -> None:
    library = Library.scan(folder)
    exchange = Exchange(production.url, production.collection, production.headers)
    through_http(exchange, library, QUIET)
    production.wait_for_records(exchange.requests)
    wait_for_catalog(production, len(library.sources))
    assert find_differences(production, library, exchange) == []

    victim = max((production.home / "root-1").glob("2*/??/??/*"), key=lambda p: p.stat().st_size)
    victim.unlink()
    with psycopg.connect(production.postgres.url) as connection:
        connection.execute("UPDATE contentserver_storedversion SET size = 7 WHERE size = 0")
        connection.execute(
            "DELETE FROM skold_audit WHERE (node, leaf_index) IN (SELECT node, leaf_index"
            " FROM skold_audit WHERE kind = 'done' AND method = 'GET' AND bytes > 0 LIMIT 1)"
        )

    found = "\n".join(find_differences(production, library, exchange))
    assert f"{victim} is missing" in found
    assert "empty: the catalog has" in found
    assert "audit ('done', 'GET', 200)" in found
    assert "received" in found
    assert "rebuild_catalog failed" in found


def test_what_cannot_have_an_address_is_named_with_the_reason(folder: Path) -> None:
    (folder / "to nothing").symlink_to("nowhere")
    (folder / "to a folder").symlink_to("deep")
    os.mkfifo(folder / "fifo")
    (folder / "u\u0308.txt").write_text("decomposed")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff")).write_text("no UTF-8")
    (folder / "a\nb").write_text("a line break")

    library = Library.scan(folder)

    assert sorted(library.skipped.values()) == [
        "a link to a folder",
        "a link to nothing",
        "its name has control characters",
        "its name is not NFC",
        "its name is not UTF-8",
        "not a regular file",
    ]
    assert library.through_links == 1
    assert len(library.sources) == 8
