"""The commit of many imports at once, with few flushes for all of them.

Each step is durable for all before the next begins for any:

    headers, mode 0444 -> bodies on stable storage -> links into the slots, each under its address's
    lock -> names on stable storage -> links into the outbox, all in one minute, one flush

One draft or a few flush their files and folders themselves, as an ordinary commit does; many share
flushes of the whole file system. Interrupted anywhere, `recovery` removes a body without a place
and goes on after the link of one that has it.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from contentserver.store import fileops
from contentserver.store.address import folder_path, slot_name
from contentserver.store.commit import Committer
from contentserver.store.disk_errors import disk_errors
from contentserver.store.environment import Environment
from contentserver.store.errors import LatestChanged, SlotTaken, StoreError, Unavailable
from contentserver.store.flushing import Flushing, OneByOne, Together
from contentserver.store.header import NO_ERASURE
from contentserver.store.import_draft import ImportDraft
from contentserver.store.import_place import root_for
from contentserver.store.latest import find_latest_version
from contentserver.store.locks import address_lock
from contentserver.store.outbox import feed_staged
from contentserver.store.placing import Draft, link_body, refuse_gap, write_header
from contentserver.store.results import Receipt, VersionInfo, receipt_of
from contentserver.store.roots import Root
from contentserver.store.versions import Versions

FEW = 4
"""Drafts on one root below which each flushes for itself."""


@dataclass(slots=True)
class _Item:
    """A draft and how far it has come; nothing more is done once it has an error."""

    draft: ImportDraft
    address: bytes
    folder: str = field(init=False)
    sealed: Draft | None = None
    same: VersionInfo | None = None
    receipt: Receipt | None = None
    error: StoreError | None = None

    def __post_init__(self) -> None:
        self.folder = folder_path(self.draft.version.year, self.address)

    def result(self) -> Receipt | StoreError:
        if self.error is not None:
            return self.error
        assert self.receipt is not None
        return self.receipt


class ImportBatch:
    """Commits drafts."""

    def __init__(self, environment: Environment, versions: Versions, committer: Committer) -> None:
        self._environment = environment
        self._versions = versions
        self._committer = committer

    def commit(self, drafts: Sequence[ImportDraft]) -> list[Receipt | StoreError]:
        """As `Imports.commit`."""
        items = [_Item(one, self._environment.address(one.metadata)) for one in drafts]
        with ExitStack() as closing:
            for draft in drafts:
                closing.callback(draft.close)
            for root in {item.draft.root.name: item.draft.root for item in items}.values():
                self._commit_on(root, [item for item in items if item.draft.root is root])
        return [item.result() for item in items]

    def _commit_on(self, root: Root, items: list[_Item]) -> None:
        _each(items, self._end)
        self._obtain_keys(items)
        _each(items, self._seal)
        staged = [item for item in items if item.sealed is not None]
        flushing = _flushing(root, staged)
        _each(staged, lambda item: _sync_body(item, flushing))
        _all(staged, flushing.sync_bodies)
        _each(staged, lambda item: self._place(item, flushing))
        _all(staged, flushing.sync_folders)
        _all(staged, lambda: self._feed(root, staged))
        _each(staged, _clear)

    def _end(self, item: _Item) -> None:
        """All bytes are written."""
        draft = item.draft.end()
        item.sealed = replace(draft, erasure_id=self._environment.erasure_id(draft.metadata))
        item.same = item.draft.find_same(item.sealed)

    def _obtain_keys(self, items: Sequence[_Item]) -> None:
        """The key of every subject is there to seal its files with, durably."""
        subjects = [
            item
            for item in items
            if item.sealed and item.same is None and item.sealed.erasure_id != NO_ERASURE
        ]
        ids = {item.sealed.erasure_id for item in subjects if item.sealed}
        _all(subjects, lambda: self._environment.erasure.obtain_many(ids))

    def _seal(self, item: _Item) -> None:
        draft = item.draft
        if root_for(self._environment, draft.version, draft.standing) is not draft.root:
            raise Unavailable(f"the year {draft.version.year} changed its root; begin again")
        if item.same is None:
            assert item.sealed is not None
            item.receipt = write_header(
                self._environment, item.sealed, item.address, draft.version,
                self._environment.clock(),
            )  # fmt: skip

    def _place(self, item: _Item, flushing: Flushing) -> None:
        with address_lock(self._environment.roots, item.address):
            latest = find_latest_version(self._versions, item.address)
            if latest != item.draft.standing.version:
                raise LatestChanged(latest)
            if item.same is None:
                self._link(item, flushing)
            else:
                self._repeat(item, item.same, flushing)

    def _link(self, item: _Item, flushing: Flushing) -> None:
        assert item.sealed is not None
        body, version = item.sealed.body, item.draft.version
        folder = flushing.open_folder(item.folder)
        try:
            refuse_gap(folder, item.address, version)
            slot = slot_name(item.address, version.number)
            link_body(body, body.dir_fd, body.name, folder, slot)
            flushing.sync_folder(folder)
        except SlotTaken:  # by someone without the lock
            raise LatestChanged(version) from None
        finally:
            fileops.close(folder)

    def _repeat(self, item: _Item, same: VersionInfo, flushing: Flushing) -> None:
        """The version that stands there; the one who linked it may have died before its flush."""
        item.receipt = receipt_of(same, created=False)
        if same.root != item.draft.root.name:
            self._committer.repeat(same)
            return
        folder = flushing.open_folder(folder_path(same.version.year, same.address))
        try:
            flushing.sync_folder(folder)
        finally:
            fileops.close(folder)

    def _feed(self, root: Root, items: Sequence[_Item]) -> None:
        names = {
            item.draft.stage.name: f"{item.address.hex()}.{item.draft.version}"
            for item in items
            if item.error is None and item.same is None
        }
        if names:
            feed_staged(root, names, self._environment.minute_now)


def _flushing(root: Root, items: Sequence[_Item]) -> Flushing:
    bodies = [item for item in items if item.error is None]
    if len(bodies) < FEW or not fileops.SYNCFS_TELLS:
        return OneByOne(root)
    oldest = min(items, key=lambda item: item.draft.number)
    assert oldest.sealed is not None
    return Together(root, oldest.sealed.body.fd)


def _sync_body(item: _Item, flushing: Flushing) -> None:
    if item.same is None and item.sealed is not None:
        flushing.sync_body(item.sealed.body)


def _clear(item: _Item) -> None:
    item.draft.stage.clear()


def _each(items: Sequence[_Item], step: Callable[[_Item], None]) -> None:
    """One step of every draft that still has none against it; an error stops that one alone."""
    for item in items:
        if item.error is None:
            try:
                with disk_errors():
                    step(item)
            except StoreError as error:
                item.error = error


def _all(items: Sequence[_Item], step: Callable[[], None]) -> None:
    """A step that all take together: its error is everybody's."""
    waiting = [item for item in items if item.error is None]
    if not waiting:
        return
    try:
        with disk_errors():
            step()
    except StoreError as error:
        for item in waiting:
            item.error = error
