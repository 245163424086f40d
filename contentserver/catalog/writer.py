"""Versions into the catalog, each exactly once, however often it is told.

Promise: when `record` returns, every version given is committed in PostgreSQL and stands in the
change feed under one number. Only then may the caller unlink an outbox entry.
"""

import json
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, transaction

from contentserver.catalog import sql
from contentserver.catalog.facts import VersionFacts


def record(facts: Sequence[VersionFacts], *, node: str) -> int:
    """Write these versions in one transaction; how many were new. Reads no disk.

    Raises django.db.DatabaseError, and then nothing of the batch is in the catalog.
    """
    batch = sorted({fact.identity: fact for fact in facts}.values(), key=lambda fact: fact.identity)
    if not batch:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.LOCK_FEED, {"node": node, "identity": uuid.uuid4()})
        number = int(cursor.fetchone()[0])
        cursor.execute(sql.UPSERT_FILES, _file_columns(_latest(batch)))
        cursor.execute(sql.INSERT_VERSIONS, _version_columns(batch))
        new = _in_order_of_commit(batch, cursor.fetchall())
        if new:
            numbers = list(range(number, number + len(new)))
            cursor.execute(sql.INSERT_CHANGES, {"node": node, "number": numbers, "version": new})
            cursor.execute(sql.MOVE_FEED, {"node": node, "next": number + len(new)})
    return len(new)


def _latest(batch: Iterable[VersionFacts]) -> list[VersionFacts]:
    """One row for each file, as ON CONFLICT may not touch a row twice. `batch` is sorted."""
    return list({fact.address: fact for fact in batch}.values())


def _in_order_of_commit(
    batch: Sequence[VersionFacts], rows: Iterable[tuple[Any, ...]]
) -> list[int]:
    ids = {(file, year, number): row_id for row_id, file, year, number in rows}
    known = [fact for fact in batch if fact.identity in ids]
    known.sort(key=lambda fact: (fact.committed_at, fact.identity))
    return [ids[fact.identity] for fact in known]


def _file_columns(batch: Sequence[VersionFacts]) -> dict[str, Any]:
    names = (
        "collection", "key", "year", "number", "size", "sha256", "media_type", "filename",
        "created_by", "committed_at", "deleted",
    )  # fmt: skip
    columns: dict[str, Any] = {name: [getattr(fact, name) for fact in batch] for name in names}
    return columns | {"id": [fact.address for fact in batch]}


def _version_columns(batch: Sequence[VersionFacts]) -> dict[str, Any]:
    names = (
        "year", "number", "size", "sha256", "media_type", "filename", "created_by", "on_behalf_of",
        "data_subject", "original_time", "source", "committed_at", "deleted", "imported",
    )  # fmt: skip
    columns: dict[str, Any] = {name: [getattr(fact, name) for fact in batch] for name in names}
    return columns | {
        "file": [fact.address for fact in batch],
        "identity": [fact.header_id for fact in batch],
        "custom": [json.dumps(fact.custom, ensure_ascii=False) for fact in batch],
    }
