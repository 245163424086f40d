"""Writers of the old application, as a process of many: they change files until they are stopped.

    python -m tests.support.draining.writers LEDGER RECORDS FIRST COUNT SECONDS FILE

`SECONDS` is how long a transaction may stay open. The address comes by the environment; what was
rolled back goes to FILE, a token in each line.
"""

import os
import random
import sys
import threading
import time
from typing import Any

import psycopg

from tests.support.draining.application import Application
from tests.support.draining.changes import Effect, change
from tests.support.draining.ledger import SOURCES, Ledger

URL = "OLD_APPLICATION_DSN"
PREPARED = 2
"""At most so many transactions of one writer wait for their second phase."""


class Writer:
    """One connection, one transaction at a time; further ones prepared."""

    def __init__(self, number: int, ledger: Ledger, longest: float) -> None:
        self.number, self.ledger, self.longest = number, ledger, longest
        self.application = Application(os.environ[URL])
        self.chance = random.Random(f"{time.time_ns()} {number}")
        self.rolled_back: list[str] = []
        self._tokens = 0
        self._prepared: dict[str, tuple[float, list[Effect]]] = {}

    def run(self) -> None:
        while not (self.ledger.is_stopped and not self._prepared):
            try:
                self._turn()
            except psycopg.OperationalError:
                self._connect_again()

    def _turn(self) -> None:
        rests = self.ledger.is_paused or self.ledger.is_stopped
        for name, (due, _) in list(self._prepared.items()):
            if rests or time.monotonic() >= due:
                self._end_prepared(name)
        if rests:
            self.ledger.rest(self.number, resting=True)
            time.sleep(0.02)
            return
        self.ledger.rest(self.number, resting=False)
        if not self.ledger.is_paused:
            self._transaction()

    def _transaction(self) -> None:
        effects: list[Effect] = []
        patience = self.chance.uniform(0, self.longest) if self.chance.random() < 0.06 else 0.0
        self._execute("BEGIN")
        for source in self.chance.sample(SOURCES, self.chance.choice((1, 1, 1, 2))):
            effects += change(
                self.application, source, self.ledger.records, self.chance, self._token
            )
            self._wait(patience / 2)
        self._wait(patience / 2)
        self._end(effects)

    def _end(self, effects: list[Effect]) -> None:
        how = self.chance.random()
        if how < 0.1:
            self._execute("ROLLBACK")
            self._note_rolled_back(effects)
        elif how < 0.2 and len(self._prepared) < PREPARED and effects:
            name = self._token()
            due = time.monotonic() + self.chance.uniform(0, self.longest)
            self._prepared[name] = (due, effects)  # whether it is prepared: pg_prepared_xacts knows
            self._execute(f"PREPARE TRANSACTION '{name}'")
        else:
            self._announce(effects)
            self._execute("COMMIT")
            self._note_committed(effects)

    def _end_prepared(self, name: str) -> None:
        _, effects = self._prepared[name]
        found = self._execute("SELECT 1 FROM pg_prepared_xacts WHERE gid = %s", name).fetchone()
        if found is None:
            # The server died while it was prepared, or while it was committed: nobody said which.
            del self._prepared[name]
        elif self.chance.random() < 0.2:
            self._execute(f"ROLLBACK PREPARED '{name}'")
            del self._prepared[name]
            self._note_rolled_back(effects)
        else:
            self._announce(effects)
            self._execute(f"COMMIT PREPARED '{name}'")
            del self._prepared[name]
            self._note_committed(effects)

    def _announce(self, effects: list[Effect]) -> None:
        for effect in effects:
            if effect.deletes:
                self.ledger.deleting(effect.source, effect.record, effect.number)

    def _note_committed(self, effects: list[Effect]) -> None:
        for one in effects:
            self.ledger.committed(
                one.source, one.record, one.number, content=one.content, named=one.named
            )
        self.ledger.count(self.number, len(effects))

    def _note_rolled_back(self, effects: list[Effect]) -> None:
        self.rolled_back += [one.token for one in effects if one.token]

    def _wait(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and not (self.ledger.is_paused or self.ledger.is_stopped):
            time.sleep(0.01)

    def _token(self) -> str:
        self._tokens += 1
        return f"{os.getpid()}-{self.number}-{self._tokens}"

    def _execute(self, statement: str, *values: Any) -> psycopg.Cursor[Any]:
        return self.application.connection.execute(statement, values or None)

    def _connect_again(self) -> None:
        """The transaction that was open is gone, or was committed without a word."""
        self.application.close()
        while True:
            time.sleep(0.1)
            try:
                return self.application.connect()
            except psycopg.OperationalError:
                continue


def main(  # noqa: PLR0917 - the command line
    path: str, records: str, first: str, count: str, longest: str, file: str
) -> None:
    ledger = Ledger.of(path, records)
    numbers = range(int(first), int(first) + int(count))
    writers = [Writer(number, ledger, float(longest)) for number in numbers]
    threads = [threading.Thread(target=writer.run) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open(file, "w", encoding="ascii") as rolled_back:
        rolled_back.writelines(f"{token}\n" for writer in writers for token in writer.rolled_back)


if __name__ == "__main__":
    main(*sys.argv[1:])
