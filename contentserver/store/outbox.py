"""The change feed: one hard link for each commit, by the minute, until every consumer has taken it.

```
outbox/new/20250131T1200/<address>.2025.1         made by the commit
outbox/<consumer>/20250131T1200/<address>.2025.1  made by `fan_out`, removed by `done`
```
Folders by the minute, because one flat ext4 folder refuses entries at about 8 million. There are no
sequence numbers: an entry is forgotten only after the work was durable, so it may come twice.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from contentserver.store import fileops
from contentserver.store.address import Version, folder_path, slot_name
from contentserver.store.placed import Placed
from contentserver.store.roots import Root, Roots

NEW = "new"
_TRIES = 8
_MINUTE = "%Y%m%dT%H%M"


@dataclass(frozen=True, slots=True)
class Entry:
    """A link to a version in the outbox of a consumer; it may come twice."""

    root: str
    box: str
    minute: str
    name: str
    address: bytes
    version: Version

    @property
    def path(self) -> str:
        """Below the root."""
        return f"outbox/{self.box}/{self.minute}/{self.name}"


def feed(placed: Placed, minute: Callable[[], str]) -> None:
    """Put a durable link to a version into the outbox `new`. It may be there already."""
    version = placed.version
    name = f"{placed.address.hex()}.{version}"
    with fileops.opened_dir(placed.root.fd, folder_path(version.year, placed.address)) as folder:
        slot = slot_name(placed.address, version.number)
        _link_durably(placed.root, folder, {slot: name}, lambda: f"outbox/{NEW}/{minute()}")


def feed_staged(root: Root, names: Mapping[str, str], minute: Callable[[], str]) -> None:
    """As `feed`, of many versions by their staged names on one root: one minute, one flush.

    `names` leads from the name in `staging` to `<address>.<version>`.
    """
    _link_durably(root, root.staging_fd, names, lambda: f"outbox/{NEW}/{minute()}")


def _link_durably(
    root: Root, folder: int, names: Mapping[str, str], path: Callable[[], str]
) -> None:
    """Second names, durably, in a minute of a box; a minute just emptied may vanish meanwhile."""
    for attempt in range(_TRIES):
        try:
            _link_into_minute(root, folder, names, path())
        except FileNotFoundError:
            if attempt == _TRIES - 1:
                raise
        else:
            return


def _link_into_minute(root: Root, folder: int, names: Mapping[str, str], minute: str) -> None:
    """Raises FileNotFoundError where the minute vanishes, be it between its making and opening."""
    fd = fileops.make_dirs_durably(root.fd, minute)
    try:
        for name, new_name in names.items():
            fileops.link_into_place(folder, name, fd, new_name, "link_outbox")
        fileops.sync_dir(fd, "sync_outbox")
    finally:
        fileops.close(fd)


class Outbox:
    """The outboxes of all roots. Consumers are idempotent."""

    def __init__(self, roots: Roots, minute_now: Callable[[], str]) -> None:
        self._roots = roots
        self._minute_now = minute_now

    def fan_out(self, consumers: Sequence[str] | Callable[[], Sequence[str]]) -> int:
        """Move every entry of `new` to each consumer, durably there before it leaves `new`.

        How many entries. Without consumers they are dropped: the walk that switches one on finds
        what they told. A function is asked after the entries were listed: a consumer that is
        switched on before a commit misses nothing of it.
        """
        return sum(
            self._fan_out_minute(root, minute, consumers)
            for root in self._roots.iter_open()
            for minute in _minutes(root, NEW)
        )

    def iter_entries(self, consumer: str) -> Iterator[Entry]:
        """Entries waiting for a consumer, oldest minute first on each root."""
        for root in self._roots.iter_open():
            for minute in _minutes(root, consumer):
                names = fileops.list_dir(root.fd, f"outbox/{consumer}/{minute}")
                if not names:
                    # Its last entry was taken while the minute was not over.
                    self._remove_past(root, consumer, minute)
                yield from (_entry(root, consumer, minute, name) for name in names)

    def done(self, entries: Iterable[Entry]) -> None:
        """Forget entries whose work is durable; emptied minutes of the past go too."""
        folders = set()
        for entry in entries:
            fileops.unlink_if_there(self._roots.get(entry.root).fd, entry.path)
            folders.add((entry.root, entry.box, entry.minute))
        for name, box, minute in folders:
            self._remove_past(self._roots.get(name), box, minute)

    def move(self, entries: Sequence[Entry], box: str) -> None:
        """From their box into another, durably there before they leave; an entry that is gone
        already is left out. It may be in both after a crash."""
        for entry in entries:
            root = self._roots.get(entry.root)
            folder, _, name = entry.path.rpartition("/")
            with fileops.opened_dir(root.fd, folder) as fd, suppress(FileNotFoundError):
                _link_durably(root, fd, {name: name}, partial(_path, box, entry.minute))
        self.done(entries)

    def oldest_minute(self, box: str = NEW) -> datetime | None:
        """The oldest minute (UTC) with an entry in `new` or a consumer's box: the lag.

        None when all is taken.
        """
        waiting = [
            minute
            for root in self._roots.iter_open()
            for minute in _minutes(root, box)
            if fileops.list_dir(root.fd, f"outbox/{box}/{minute}")
        ]
        return datetime.strptime(min(waiting), _MINUTE).replace(tzinfo=UTC) if waiting else None

    def _fan_out_minute(
        self, root: Root, minute: str, consumers: Sequence[str] | Callable[[], Sequence[str]]
    ) -> int:
        with fileops.opened_dir(root.fd, f"outbox/{NEW}/{minute}") as new:
            names = fileops.list_dir(new)
            boxes = consumers() if callable(consumers) else consumers
            for consumer in boxes if names else ():
                self._copy(root, new, names, f"outbox/{consumer}/{minute}")
            for name in names:
                fileops.unlink_if_there(new, name)
        self._remove_past(root, NEW, minute)
        return len(names)

    def _copy(self, root: Root, new: int, names: Sequence[str], path: str) -> None:
        _link_durably(root, new, dict(zip(names, names, strict=True)), lambda: path)

    def _remove_past(self, root: Root, box: str, minute: str) -> None:
        if minute < self._minute_now():
            fileops.remove_empty_dir(root.fd, f"outbox/{box}/{minute}")


def _entry(root: Root, box: str, minute: str, name: str) -> Entry:
    address, _, version = name.partition(".")
    return Entry(root.name, box, minute, name, bytes.fromhex(address), Version.parse(version))


def _path(box: str, minute: str) -> str:
    return f"outbox/{box}/{minute}"


def _minutes(root: Root, box: str) -> list[str]:
    return fileops.list_dir(root.fd, f"outbox/{box}")
