"""What a writer does to one table in one transaction: some records, each in a way of its own."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from migrator.legacy.encoding import encode
from tests.support.draining import contents
from tests.support.draining.application import Application
from tests.support.draining.contents import State
from tests.support.legacy import CHUNK, LegacyTables, digest_text

MEDIA_TYPES = ("image/jpeg", "image/png", "text/plain", "application/pdf")


class Effect(NamedTuple):
    """`content`: whether bytes changed, a deletion counting as that; `named`: whether there is a
    new file name, with `number` in it.
    """

    source: str
    record: int
    number: int
    token: str
    content: bool
    named: bool
    deletes: bool = False


def change(
    application: Application,
    source: str,
    records: int,
    chance: random.Random,
    token: Callable[[], str],
) -> list[Effect]:
    """In the transaction that is open. Records that another writer has are passed over."""
    at_once = chance.random() < 0.25
    picks = [_hot(records)] if chance.random() < 0.6 else _picks(records, chance, at_once=at_once)
    tables = application.tables[source]
    rows = tables.execute(
        "UPDATE {schema}.counter SET n = n + 1 WHERE id IN (SELECT id FROM {schema}.counter "
        "WHERE id = ANY(%s) FOR UPDATE SKIP LOCKED) RETURNING id, n, alive", picks,
    ).fetchall()  # fmt: skip
    if at_once:
        return _rename(tables, source, [(record, n) for record, n, alive in rows if alive], chance)
    return [
        _Change(tables, State(source, record, n, token()), chance).make(alive=alive)
        for record, n, alive in rows
    ]


def _hot(records: int) -> int:
    """The record that everybody changes now and soon nobody: its last changes come while
    the ones before are being imported.
    """
    return int(time.monotonic() * 8) % records


def _picks(records: int, chance: random.Random, *, at_once: bool) -> list[int]:
    count = chance.randint(5, max(5, records // 8)) if at_once else chance.randint(1, 4)
    return chance.sample(range(records), count)


def _rename(
    tables: LegacyTables, source: str, rows: list[tuple[int, int]], chance: random.Random
) -> list[Effect]:
    """Many by one statement."""
    tables.execute(
        "UPDATE {photo} SET filename = {photo}.id || '-' || c.n || '.jpg', mime = %s "
        "FROM {schema}.counter AS c WHERE c.id = {photo}.id AND c.id = ANY(%s)",
        chance.choice(MEDIA_TYPES), [record for record, _ in rows],
    )  # fmt: skip
    return [Effect(source, record, n, "", content=False, named=True) for record, n in rows]


class _Change:
    """Of one record, to `state`."""

    def __init__(self, tables: LegacyTables, state: State, chance: random.Random) -> None:
        self._tables, self._state, self._chance = tables, state, chance

    def make(self, *, alive: bool) -> Effect:
        if not alive:
            return self._put()
        kind = self._chance.random()
        if kind < 0.5:
            return self._put()
        if kind < 0.7:
            return self._content_alone()
        if kind < 0.8:
            self._tables.update(self._state.record, **self._facts())
            return self._effect(content=False, named=True)
        if kind < 0.93:
            return self._delete()
        self._delete()
        return self._put()

    def _put(self) -> Effect:
        data = contents.make(self._state, contents.random_size(self._chance))
        self._tables.put(self._state.record, data, **self._facts())
        self._note(alive=True)
        return self._effect(content=True, named=True)

    def _content_alone(self) -> Effect:
        """Chunks without their record; a large object by lo_put, with its record touched."""
        record = self._state.record
        if self._tables.kind == "chunks":
            data = contents.make(self._state, contents.random_size(self._chance))
            chunks = list(encode(self._tables.codec, self._tables.scope, [data], CHUNK))
            self._tables.put_chunks(record, chunks)
        elif self._tables.kind == "large_object":
            found = self._tables.execute(
                "SELECT size FROM {photo} WHERE id = %s", record
            ).fetchone()
            assert found is not None
            data = contents.make(self._state, found[0])
            self._tables.execute(
                "SELECT lo_put(data, 0, %b) FROM {photo} WHERE id = %s", data, record
            )
            self._tables.update(record, digest=digest_text("md5", data))
        else:
            return self._put()
        return self._effect(content=True, named=False)

    def _delete(self) -> Effect:
        self._tables.delete(self._state.record)
        self._note(alive=False)
        return self._effect(content=True, named=False, deletes=True)

    def _note(self, *, alive: bool) -> None:
        statement = "UPDATE {schema}.counter SET alive = %s WHERE id = %s"
        self._tables.execute(statement, alive, self._state.record)

    def _facts(self) -> dict[str, object]:
        return {
            "filename": f"{self._state.record}-{self._state.number}.jpg",
            "mime": self._chance.choice(MEDIA_TYPES),
            "changed_at": datetime.now(UTC),
        }

    def _effect(self, *, content: bool, named: bool, deletes: bool = False) -> Effect:
        return Effect(*self._state, content, named, deletes)
