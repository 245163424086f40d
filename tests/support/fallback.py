"""Legacy databases as a test sets them: answers lie as files in a folder that the data plane reads
at each question.

Named by `CONTENTSERVER_FALLBACK=tests.support.fallback.SetFallback` in a data plane's environment.
"""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from contentserver.conf import Config
from contentserver.delivery.fallback import LegacyDamaged, LegacyFile, LegacyUnavailable
from contentserver.store import errors
from contentserver.store.metadata import Metadata
from contentserver.store.store import Store
from skold.journal import Journal

FALLBACK = "tests.support.fallback.SetFallback"
PIECE = 64 * 1024


class Answers:
    """The test's side: what legacy holds and how it behaves, one file a fact."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "set-fallback"
        self._folder.mkdir(parents=True, exist_ok=True)

    def put(self, source: str, key: str, content: bytes, **facts: Any) -> None:
        """`stream`: given as a stream, of which `cut` bytes come before it is found damaged;
        `damaged`: cannot be opened; `size`, `media_type`, `filename`, `modified_ns`,
        `data_subject`.
        """
        facts = {"content": base64.b64encode(content).decode(), **facts}
        self._write(source, key, "file", facts)

    def remove(self, source: str, key: str) -> None:
        self._path(source, key, "file").unlink(missing_ok=True)

    def set_pending(self, source: str, key: str, *, pending: bool = True, **facts: Any) -> None:
        """`then_store`: the bytes that sync stores here while the question is being answered, whose
        answer is then that nothing waits.
        """
        self._write(source, key, "pending", {"pending": pending, **facts})

    def set_bring(self, source: str, key: str, **facts: Any) -> None:
        """`error`: the name of a StoreError that the import fails with; `wait` seconds."""
        self._write(source, key, "bring", facts)

    def set_down(self, *, down: bool = True) -> None:
        path = self._folder / "down"
        path.touch() if down else path.unlink(missing_ok=True)

    @property
    def asked(self) -> list[str]:
        """Every question so far: `is_pending photos id-1.jpg`."""
        try:
            return (self._folder / "asked").read_text().splitlines()
        except FileNotFoundError:
            return []

    def find(self, source: str, key: str, what: str) -> dict[str, Any] | None:
        try:
            facts: dict[str, Any] = json.loads(self._path(source, key, what).read_bytes())
        except FileNotFoundError:
            return None
        return facts

    def note(self, question: str, source: str, key: str) -> None:
        with (self._folder / "asked").open("a") as file:
            file.write(f"{question} {source} {key}\n")
        if (self._folder / "down").exists():
            raise LegacyUnavailable("the test has taken it away")

    def _write(self, source: str, key: str, what: str, facts: dict[str, Any]) -> None:
        path = self._path(source, key, what)
        path.with_suffix(".new").write_text(json.dumps(facts))
        path.with_suffix(".new").rename(path)

    def _path(self, source: str, key: str, what: str) -> Path:
        return self._folder / f"{source}~{quote(key, safe='')}~{what}.json"


class SetFallback:
    """The data plane's side: a FallbackSource."""

    def __init__(self, config: Config, store: Store, journal: Journal) -> None:
        self._answers = Answers(config.home)
        self._store = store
        self._collections: dict[str, str] = {}
        self.closed = False

    async def start(self) -> None: ...

    async def close(self) -> None:
        self.closed = True

    def describe(self, sources: Sequence[Mapping[str, Any]]) -> None:
        self._collections = {source["name"]: source["collection"] for source in sources}

    def breakers(self) -> dict[str, bool]:
        return dict.fromkeys(self._collections, False)

    async def is_pending(self, source: str, key: str) -> bool:
        self._answers.note("is_pending", source, key)
        facts = self._answers.find(source, key, "pending") or {"pending": False}
        if "then_store" in facts:
            content = base64.b64decode(facts["then_store"])
            await asyncio.to_thread(self._commit, source, key, content)
        return bool(facts["pending"])

    async def open(self, source: str, key: str) -> LegacyFile | None:
        self._answers.note("open", source, key)
        facts = self._answers.find(source, key, "file")
        if facts is None:
            return None
        if facts.get("damaged"):
            raise LegacyDamaged("chunk 2 is missing")
        content = base64.b64decode(facts["content"])
        streamed = "stream" in facts
        return LegacyFile(
            content=_stream(content, facts.get("cut")) if streamed else content,
            size=facts.get("size", None if streamed else len(content)),
            sha256=None if streamed else sha256(content).digest(),
            media_type=facts.get("media_type", "image/jpeg"),
            filename=facts.get("filename"),
            modified_ns=facts.get("modified_ns", time.time_ns()),
            data_subject=facts.get("data_subject"),
        )

    async def bring(self, source: str, key: str) -> bool:
        self._answers.note("bring", source, key)
        facts = self._answers.find(source, key, "bring") or {}
        await asyncio.sleep(facts.get("wait", 0))
        if "error" in facts:
            raise getattr(errors, facts["error"])(*facts.get("arguments", ()))
        file = self._answers.find(source, key, "file")
        if file is None:
            return False
        await asyncio.to_thread(self._commit, source, key, base64.b64decode(file["content"]))
        return True

    def _commit(self, source: str, key: str, content: bytes) -> None:
        metadata = Metadata(collection=self._collections[source], key=key, created_by="migrator")
        with self._store.create_upload(
            actor="migrator", metadata=metadata, length=len(content), direct=True
        ) as upload:
            upload.write(content)
            upload.end_part()
            upload.commit(actor="migrator", same_bytes_ok=True)


async def _stream(content: bytes, cut: int | None) -> AsyncIterator[bytes]:
    end = len(content) if cut is None else cut
    for start in range(0, end, PIECE):
        yield content[start : min(end, start + PIECE)]
    if cut is not None:
        raise LegacyDamaged("the digest is another one")
