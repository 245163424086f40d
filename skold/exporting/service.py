"""An export of the audit log that proves itself: records, the hashes that lead from them to the
signed checkpoint, anchors, and the verifier.

Made from the ledger on disk alone. Every hash that goes out is checked against the checkpoint
first, so a damaged ledger is found here and not by the auditor.
"""

import datetime as dt
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from skold.checkpoints import Checkpoint, parse
from skold.exporting.covering import TreeHashes, iter_cover
from skold.exporting.readme import readme
from skold.exporting.selection import Selection
from skold.exporting.sinks import FolderSink, Pipe, ZipSink
from skold.ledger.bundles import Bundles, LedgerDamagedError
from skold.ledger.proofs import NoCheckpointError, TreeReader
from skold.ledger.tiles import Tiles
from skold.notes import split_note
from skold.verifier import verify_audit
from skold.verifier.verify_audit import Entry, Export, Tree

FORMAT = "skold-export-1"
STEP = 1000
"""Records between two chunks of a stream, and two looks at progress."""
_ANCHOR = re.compile(r"(\d{20})\.[A-Za-z0-9._-]+\.json")

Progress = Callable[[int, int], None]
"""(records written so far, counted once for each of the two files of records; their sum)"""


class ExportError(Exception):
    """The export was not made; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How it is to look. `keys` are the node's verify keys as texts, `filters` and `made_by` are
    told to the reader, `consistent_with` are sizes of older checkpoints that he holds.
    """

    format: Literal["jsonl", "csv"] = "jsonl"
    private: bool = True
    filters: Mapping[str, str] = field(default_factory=dict)
    made_by: str = ""
    keys: Sequence[str] = ()
    consistent_with: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """What it holds. `size` is that of the checkpoint, `end` lies behind the last leaf."""

    kind: str
    records: int
    first: int
    end: int
    size: int
    origin: str


class Exporting:
    """One export of a ledger as it is now. Raises ExportError where nothing is signed yet, and
    LedgerDamagedError.
    """

    def __init__(self, ledger: Path, selection: Selection, options: ExportOptions) -> None:
        self._ledger, self._options = ledger, options
        try:
            self._note = TreeReader(ledger).checkpoint_text()
        except NoCheckpointError as error:
            raise ExportError(str(error)) from error
        self._head: Checkpoint = parse(split_note(self._note)[0])
        self._bundles = Bundles(ledger)
        self._hashes = TreeHashes(Tiles(ledger), self._head.size)
        self._selection = selection.below(self._head.size)
        first, end = self._selection.bounds
        kind, count = self._selection.kind, len(self._selection.leaves)
        self.summary = ExportSummary(kind, count, first, end, self._head.size, self._head.origin)

    def write(self, sink: ZipSink | FolderSink) -> Iterator[int]:
        """Write all files; yields now and then how many records were written.

        Raises ExportError where a record was redacted meanwhile, LedgerDamagedError, OSError.
        """
        anchors = self._anchors()
        for name, text in self._small_files().items():
            with sink.file(name) as file:
                file.write(text.encode())
        for path in anchors:
            with sink.file(f"anchors/{path.name}") as file:
                file.write(path.read_bytes())
        seen, again = hashlib.sha256(), hashlib.sha256()
        yield from self._write_leaves(sink, seen)
        yield from self._write_table(sink, again)
        if seen.digest() != again.digest():
            raise ExportError("a record was redacted while it was exported; export once more")
        yield from self._write_hashes(sink, [int(path.name[:20]) for path in anchors])
        with sink.file("SHA256SUMS") as file:
            for name, digest in sorted(sink.sums.items()):
                file.write(f"{digest}  {name}\n".encode())

    def _write_leaves(self, sink: ZipSink | FolderSink, seen: "hashlib._Hash") -> Iterator[int]:
        with sink.file("leaves.bin") as file:
            for done, (leaf, entry) in enumerate(self._iter_entries(), 1):
                if verify_audit.leaf_hash(entry.body) != self._hashes(0, leaf):
                    raise LedgerDamagedError(f"leaf {leaf} is not the one that its hash is of")
                head = Export.HEAD.pack(leaf, len(entry.body))
                raw = head + entry.body + len(entry.private).to_bytes(4, "big") + entry.private
                file.write(raw)
                seen.update(raw)
                if done % STEP == 0:
                    yield done

    def _write_table(self, sink: ZipSink | FolderSink, again: "hashlib._Hash") -> Iterator[int]:
        is_csv, count = self._options.format == "csv", len(self._selection.leaves)
        line = verify_audit.csv_line if is_csv else verify_audit.jsonl_line
        with sink.file(f"records.{self._options.format}") as file:
            if is_csv:
                file.write(verify_audit.CSV_HEAD.encode())
            for done, (leaf, entry) in enumerate(self._iter_entries(), 1):
                head = Export.HEAD.pack(leaf, len(entry.body))
                size = len(entry.private).to_bytes(4, "big")
                again.update(head + entry.body + size + entry.private)
                file.write(line(leaf, entry).encode())
                if done % STEP == 0:
                    yield count + done

    def _write_hashes(self, sink: ZipSink | FolderSink, anchored: Sequence[int]) -> Iterator[int]:
        tree, count = Tree(), 2 * len(self._selection.leaves)
        cuts = [*anchored, *self._options.consistent_with]
        cover = iter_cover(self._selection.runs(), self._head.size, cuts)
        with sink.file("hashes.txt") as file:
            for done, (first, level) in enumerate(cover, 1):
                node = self._hashes(level or 0, first >> (level or 0))
                tree.append(node, level or 0)
                what = f"leaf {first}" if level is None else f"tree {first} {level}"
                file.write(f"{what} {node.hex()}\n".encode())
                if done % STEP == 0:
                    yield count
        if tree.root() != self._head.root:
            raise LedgerDamagedError("the tiles do not lead to the checkpoint")

    def _iter_entries(self) -> Iterator[tuple[int, Entry]]:
        private = self._options.private
        for first, end in self._selection.runs():
            for leaf in self._bundles.iter_leaves(first, end, self._head.size):
                yield leaf.index, Entry(leaf.body, leaf.private if private else b"")

    def _small_files(self) -> dict[str, str]:
        verifier = Path(verify_audit.__file__).read_text(encoding="utf-8")
        keys = "".join(f"{key}\n" for key in self._options.keys)
        facts = {
            "format": FORMAT,
            "kind": self.summary.kind,
            "first": self.summary.first,
            "end": self.summary.end,
            "records": self.summary.records,
            "table": self._options.format,
            "private": "included" if self._options.private else "left out",
            "filters": dict(self._options.filters),
            "made_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "made_by": self._options.made_by,
        }
        return {
            "README.txt": readme(self.summary, self._options.format, private=self._options.private),
            "export.json": json.dumps(facts, indent=2) + "\n",
            "checkpoint": self._note,
            "keys.txt": f"{verify_audit.KEYS_WARNING}\n{keys}",
            "verify_audit.py": verifier,
        }

    def _anchors(self) -> list[Path]:
        """Of all anchors within a stretch, else the nearest ones and the newest: each that lies
        outside of the records costs the hashes that lead to it.
        """
        found = [
            path
            for path in sorted((self._ledger / "anchors").glob("*.json"))
            if _ANCHOR.fullmatch(path.name) and int(path.name[:20]) <= self._head.size
        ]
        sizes = sorted({int(path.name[:20]) for path in found})
        chosen = set(sizes[-1:])
        first, end = self.summary.first, self.summary.end
        chosen.update([size for size in sizes if size <= first][-1:])
        chosen.update([size for size in sizes if size >= end][:1])
        if self.summary.kind != "selection":
            chosen.update(size for size in sizes if first < size <= end)
        return [path for path in found if int(path.name[:20]) in chosen]


def stream_zip(ledger: Path, selection: Selection, options: ExportOptions) -> Iterator[bytes]:
    """A .zip in chunks. What `Exporting` raises at once is raised at the first chunk; what fails
    later leaves a .zip without its end, which no program opens.
    """
    exporting = Exporting(ledger, selection, options)
    pipe = Pipe()
    sink = ZipSink(pipe)  # type: ignore[arg-type]
    for _done in exporting.write(sink):
        yield pipe.take()
    sink.close()
    yield pipe.take()


def export_to_path(
    ledger: Path,
    selection: Selection,
    options: ExportOptions,
    output: Path,
    progress: Progress = lambda _done, _total: None,
) -> ExportSummary:
    """A folder, or a .zip by its suffix. It is there as a whole or not at all.

    Raises ExportError, LedgerDamagedError, OSError.
    """
    if output.exists():
        raise ExportError(f"{output} exists; name another place or remove it")
    exporting = Exporting(ledger, selection, options)
    part = output.with_name(f".{output.name}.part")
    _remove(part)
    total = 2 * exporting.summary.records
    try:
        for done in _write_to(part, exporting, zipped=output.suffix == ".zip"):
            progress(done, total)
        os.rename(part, output)
    except BaseException:
        _remove(part)
        raise
    progress(total, total)
    return exporting.summary


def _write_to(part: Path, exporting: Exporting, *, zipped: bool) -> Iterator[int]:
    if not zipped:
        part.mkdir(mode=0o700)
        yield from exporting.write(FolderSink(part))
        return
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        sink = ZipSink(file)
        yield from exporting.write(sink)
        sink.close()
        file.flush()
        os.fsync(file.fileno())


def _remove(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part)
    else:
        part.unlink(missing_ok=True)
