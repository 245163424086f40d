"""Catalog, disk and audit compared with what the client sent and was told. Shares no code with the
server: SQL, and the arithmetic of docs/format.md.
"""

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg

from tests.acceptance.exchange import Stored

CATALOG = """
    SELECT f.key, f.id, v.year || '.' || v.number, v.size, v.sha256
    FROM contentserver_storedversion v JOIN contentserver_file f ON f.id = v.file_id
    WHERE f.collection = %s AND NOT v.deleted
"""
AUDIT = """
    SELECT kind, method, status, count(*), sum(bytes), count(DISTINCT (writer, coalesce(ref, n)))
    FROM skold_audit
    WHERE plane = 'data' AND collection = %s AND reason IS DISTINCT FROM 'recovered'
    GROUP BY kind, method, status
"""
MAGIC = bytes.fromhex("89534b460d0a1a0a")
SEGMENT = 131_072
TAG = 16
FIRST_HEAD = 40


def iter_catalog_differences(
    database_url: str, collection: str, stored: Mapping[str, Stored], addresses: dict[str, str]
) -> Iterator[str]:
    """Every stored version stands in the catalog with version, size and digest, and no other does.

    `addresses` is filled: key -> 32 hex digits and version, for the comparison with the disk.
    """
    seen = set()
    with psycopg.connect(database_url) as connection:
        for key, address, version, size, digest in connection.execute(CATALOG, [collection]):
            seen.add(key)
            addresses[key] = f"{address.hex}.{version}"
            ours = stored.get(key)
            if ours is None:
                yield f"{key}: in the catalog, never stored"
            elif (version, size, digest) != (ours.version, ours.size, ours.sha256):
                yield f"{key}: the catalog has {version}, {size} bytes, {digest.hex()}"
    yield from (f"{key}: not in the catalog" for key in stored if key not in seen)


def iter_disk_differences(
    root: Path, stored: Mapping[str, Stored], addresses: Mapping[str, str]
) -> Iterator[str]:
    """Every version lies where its address says, with the size its format demands; nothing else
    lies there, and nothing is left in staging.
    """
    expected = {}
    for key, address in addresses.items():
        name, year, number = address.split(".")
        expected[root / year / name[:2] / name[2:4] / f"{name}.{number}"] = key
    found = {path for path in root.glob("[0-9]*/??/??/*") if path.is_file()}
    yield from (f"{path}: nobody stored it" for path in found - expected.keys())
    for path, key in expected.items():
        if path not in found:
            yield f"{key}: {path} is missing"
        elif key in stored:
            yield from _wrong_file(path, stored[key].size)


def _wrong_file(path: Path, size: int) -> Iterator[str]:
    with path.open("rb") as file:
        head = file.read(12)
    (header_length,) = struct.unpack(">H", head[10:12])
    if head[:8] != MAGIC:
        yield f"{path}: no magic"
    first = SEGMENT - FIRST_HEAD - TAG
    segments = 1 if size <= first else 1 - (first - size) // (SEGMENT - TAG)
    wanted = header_length + FIRST_HEAD + size + TAG * segments
    if path.stat().st_size != wanted:
        yield f"{path}: {path.stat().st_size} bytes on disk, {wanted} expected"
    if path.stat().st_mode & 0o777 != 0o444:
        yield f"{path}: mode {path.stat().st_mode & 0o777:o}"


def iter_audit_differences(
    database_url: str, collection: str, puts: int, gets: int, bytes_read: int
) -> Iterator[str]:
    """One `req` and one `done` for each request, with the status the client saw and the bytes it
    got.
    """
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(AUDIT, [collection]).fetchall()
    counts = {
        (kind, method, status): (n, total, once) for kind, method, status, n, total, once in rows
    }
    wanted = {
        ("req", "PUT", None): puts,
        ("done", "PUT", 201): puts,
        ("req", "GET", None): gets,
        ("done", "GET", 200): gets,
    }
    for which in wanted.keys() | counts.keys():
        count, _, once = counts.get(which, (0, 0, 0))
        expected = wanted.get(which, 0)
        if count != expected or once != count:
            yield f"audit {which}: {count} records, {once} distinct, {expected} expected"
    sent = int(counts.get(("done", "GET", 200), (0, 0, 0))[1] or 0)
    if sent != bytes_read:
        yield f"audit: {sent} bytes recorded as sent, {bytes_read} received"
