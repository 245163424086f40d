"""Readers of the content server, as a process of many: what they get is never older than what was
committed in legacy before they asked.

    python -m tests.support.draining.readers LEDGER RECORDS HOST PORT THREADS FILE

The API key comes by the environment. What they saw goes to FILE as JSON.
"""

import http.client
import json
import os
import random
import re
import sys
import threading
import time
from collections import Counter

from tests.support.draining.contents import read
from tests.support.draining.ledger import SOURCES, Ledger

API_KEY = "READERS_API_KEY"
KEPT = 20


class Reader:
    """One keep-alive connection."""

    def __init__(self, ledger: Ledger, host: str, port: int) -> None:
        self.ledger = ledger
        self.seen: Counter[str] = Counter()
        self.old: list[str] = []
        self.failed: list[str] = []
        self._headers = {"Authorization": f"Bearer {os.environ[API_KEY]}"}
        self._connection = http.client.HTTPConnection(host, port, timeout=30)

    def run(self) -> None:
        while self.ledger.is_read:
            try:
                self._read(random.choice(SOURCES), random.randrange(self.ledger.records))
            except (OSError, http.client.HTTPException):
                self.seen["lost"] += 1
                self._connection.close()
                time.sleep(0.1)

    def _read(self, source: str, record: int) -> None:
        content, facts = self.ledger.content(source, record), self.ledger.facts(source, record)
        self._connection.request("GET", f"/v1/content/{source}/{record}.jpg", headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status == 503 and answer.getheader("Retry-After"):
            self.seen["unavailable"] += 1
        elif answer.getheader("X-Unchecked"):
            self.seen["unchecked"] += 1
        elif answer.status in {404, 410}:
            self.seen["absent"] += 1
            # A file that was there before the question may have been deleted since, not before.
            if self.ledger.deleted(source, record) < content:
                self._note_old(f"{source} {record}: {answer.status}, but {content} was committed")
        elif answer.status == 200:
            self.seen["served"] += 1
            self._judge(source, record, content, facts, body, answer)
        else:
            self.failed.append(f"{source} {record}: {answer.status} {body[:200]!r}")

    def _judge(  # noqa: PLR0917
        self,
        source: str,
        record: int,
        content: int,
        facts: int,
        body: bytes,
        answer: http.client.HTTPResponse,
    ) -> None:
        try:
            state = read(body)
        except ValueError as error:
            self.failed.append(f"{source} {record}: {error}")
            return
        named = re.search(rf"\b{record}-(\d+)\.jpg", answer.getheader("Content-Disposition", ""))
        if (state.source, state.record) != (source, record) or named is None:
            self.failed.append(f"{source} {record}: {state} {dict(answer.getheaders())}")
        elif state.number < content:
            self._note_old(f"{source} {record}: bytes {state}, but {content} was committed")
        elif int(named[1]) < facts:
            self._note_old(f"{source} {record}: name {named[1]}, but {facts} was committed")

    def _note_old(self, text: str) -> None:
        self.seen["old"] += 1
        self.old.append(text)


def main(path: str, records: str, host: str, port: str, threads: str, file: str) -> None:  # noqa: PLR0917
    ledger = Ledger.of(path, records)
    readers = [Reader(ledger, host, int(port)) for _ in range(int(threads))]
    crowd = [threading.Thread(target=reader.run) for reader in readers]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    seen: Counter[str] = sum((reader.seen for reader in readers), Counter())
    old = [text for reader in readers for text in reader.old][:KEPT]
    failed = [text for reader in readers for text in reader.failed][:KEPT]
    with open(file, "w", encoding="utf-8") as out:
        json.dump({"seen": seen, "old": old, "failed": failed}, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
