"""The keys of a role, made at the first start and added to with every year and every rotation.

The file's format stands in `keyset_file` and in docs/format.md.
"""

import base64
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contentserver.store import fileops, keyset_file
from contentserver.store.derive import KEY_SIZE
from contentserver.store.errors import Corrupt, KeyMissing, StoreError
from contentserver.store.keyset_file import GENERATIONS, PURPOSES, Entry, Role, read_root_key

__all__ = ["Keyset", "Role", "add_year_key", "create_keysets", "new_root_key", "read_root_key"]

_DATA, _BRIDGE, _ERASURE_FOLDER = "data.keyset", "bridge.keyset", "erasure"


class Keyset:
    """The keys of a role. A year key it does not know makes it look at the file again, so that a
    new key reaches every process before a file under it is met.
    """

    def __init__(self, path: Path, root_key: bytes, role: Role) -> None:
        self._path = path
        self._root_key = root_key
        self._role: Role = role
        self._state = keyset_file.read(path, root_key, role)
        self.alarm: str | None = None
        """Why a newer file was refused; None if all is well."""

    @classmethod
    def open(cls, path: str | os.PathLike[str], root_key: bytes, role: Role) -> "Keyset":
        """Read and verify a keyset. Raises KeyMissing if it is not there, Corrupt if it does not
        authenticate under this root key or is older than one that was published here.
        """
        return cls(Path(path), root_key, role)

    @property
    def number(self) -> int:
        return self._state.number

    @property
    def naming(self) -> bytes:
        """The key of all addresses. It never changes."""
        return self._one("naming", "1")

    @property
    def url_keys(self) -> Mapping[int, bytes]:
        """Keys that wrap the clients' URL-signing keys, by their number."""
        return {int(key_id): key for key_id, key in self._of("url").items()}

    def erasure_key(self, key_id: int = 1) -> bytes:
        """The key that wraps erasure keys. Raises KeyMissing."""
        return self._one("erasure", str(key_id))

    def year_key(self, kek_id: int) -> bytes:
        """Raises KeyMissing: a matter for an alarm, never an absent file."""
        key = self._state.years.get(kek_id)
        if key is None:
            self.refresh()
            key = self._state.years.get(kek_id)
        if key is None:
            raise KeyMissing(f"year {kek_id}")
        return key

    def newest_year_key(self, year: int) -> tuple[int, bytes]:
        """(kek_id, key) that new files of the year are written under. Raises KeyMissing."""
        self.refresh()
        years = self._state.years
        newest = max((kek_id for kek_id in years if kek_id // GENERATIONS == year), default=0)
        if not newest:
            raise KeyMissing(f"of the year {year}")
        return newest, years[newest]

    def verify_keys(self, purpose: str) -> Mapping[str, bytes]:
        """Raw Ed25519 public keys by key id, oldest first. Raises KeyMissing if there is none.

        What is given follows the file: a key id that is not known makes it look again.
        """
        keys = _VerifyKeys(self, purpose)
        if not keys:
            raise KeyMissing(f"verify-{purpose}")
        return keys

    def public_keys(self, purpose: str) -> Mapping[str, bytes]:
        """As `verify_keys`, of this moment; empty if there is none."""
        return self._of(f"verify-{purpose}") or {
            key_id: _public(private) for key_id, private in self._of(f"sign-{purpose}").items()
        }

    def signing_key(self, purpose: str) -> tuple[str, Ed25519PrivateKey]:
        """(key id, key), the newest; only the bridge's keyset has any. Raises KeyMissing."""
        return self.signing_keys(purpose)[-1]

    def signing_keys(self, purpose: str) -> list[tuple[str, Ed25519PrivateKey]]:
        """Every key of the purpose, oldest first: two while they rotate. Raises KeyMissing."""
        self.refresh()
        keys = self._of(f"sign-{purpose}")
        if not keys:
            raise KeyMissing(f"sign-{purpose}")
        return [(name, Ed25519PrivateKey.from_private_bytes(key)) for name, key in keys.items()]

    def refresh(self) -> None:
        """Take a newer file, if there is one. One that does not verify leaves the last good one in
        force and sets `alarm`.
        """
        try:
            if keyset_file.stamp_of(self._path) == self._state.stamp:
                return
            state = keyset_file.read(self._path, self._root_key, self._role)
            if state.number < self._state.number:
                raise Corrupt(f"its number {state.number} is lower than {self._state.number}")
        except (StoreError, OSError) as error:
            self.alarm = f"the keyset {self._path.name} on disk is refused: {error}"
            return
        self._state, self.alarm = state, None

    def entries(self) -> list[Entry]:
        """Every key, in the order of the file."""
        return [
            Entry(kind, key_id, key)
            for kind, keys in self._state.keys.items()
            for key_id, key in keys.items()
        ]

    def _of(self, kind: str) -> Mapping[str, bytes]:
        return self._state.keys.get(kind, {})

    def _one(self, kind: str, key_id: str) -> bytes:
        try:
            return self._state.keys[kind][key_id]
        except KeyError:
            raise KeyMissing(f"{kind} {key_id}") from None


class _VerifyKeys(Mapping[str, bytes]):
    def __init__(self, keyset: Keyset, purpose: str) -> None:
        self._keyset = keyset
        self._purpose = purpose

    def __getitem__(self, key_id: str) -> bytes:
        found = self._now.get(key_id)
        if found is None:
            self._keyset.refresh()
            found = self._now.get(key_id)
        if found is None:
            raise KeyError(key_id)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._now)

    def __len__(self) -> int:
        return len(self._now)

    @property
    def _now(self) -> Mapping[str, bytes]:
        return self._keyset.public_keys(self._purpose)


def create_keysets(
    folder: str | os.PathLike[str], data_root: bytes, bridge_root: bytes, years: Iterable[int]
) -> None:
    """Make both keysets and the folder of erasure keys, durably; what is there stays as it is.

    Raises KeyMissing if the data keyset stands without the bridge's: signing keys cannot be made
    again for verify keys that are out.
    """
    folder = Path(folder)
    _make_folder(folder)
    data, bridge = folder / _DATA, folder / _BRIDGE
    with keyset_file.opened(folder) as dir_fd:
        fileops.close(fileops.make_dirs_durably(dir_fd, _ERASURE_FOLDER))
    if not bridge.exists():
        if data.exists():
            raise KeyMissing(f"set {bridge}")
        signing = [new_signing_key(purpose) for purpose in PURPOSES]
        keyset_file.write(bridge, bridge_root, "bridge", 1, signing)
    if not data.exists():
        keys = _data_keys(Keyset.open(bridge, bridge_root, "bridge"), years)
        keyset_file.write(data, data_root, "data", 1, keys)


def new_root_key() -> str:
    """A random root key, as its file holds it: base64."""
    return base64.b64encode(secrets.token_bytes(KEY_SIZE)).decode()


def add_year_key(path: str | os.PathLike[str], root_key: bytes, year: int) -> int:
    """Give the year a new key in the data keyset, durably; returns its kek_id.

    Files written from now on use it; a process takes it when it next writes, or meets its id.
    """
    with changing(Path(path), root_key, "data") as entries:
        ids = [int(entry.id) for entry in entries if entry.kind == "year"]
        kek_id = max((i for i in ids if i // GENERATIONS == year), default=year * GENERATIONS) + 1
        if kek_id // GENERATIONS != year:
            raise Corrupt(f"the year {year} has all the keys it can have")
        entries.append(Entry("year", str(kek_id), secrets.token_bytes(KEY_SIZE)))
    return kek_id


def add_url_key(path: str | os.PathLike[str], root_key: bytes) -> int:
    """One more key to wrap signing keys under, durably; returns its number. Those that are wrapped
    under older ones stay as they are: the older keys stay too.
    """
    with changing(Path(path), root_key, "data") as entries:
        number = max(int(entry.id) for entry in entries if entry.kind == "url") + 1
        entries.append(Entry("url", str(number), secrets.token_bytes(KEY_SIZE)))
    return number


@contextmanager
def changing(path: Path, root_key: bytes, role: Role) -> Iterator[list[Entry]]:
    """The keys of a keyset, to be changed in place by this process alone; written durably under the
    next number at the end, unless nothing was changed or an exception leaves the block.
    """
    with keyset_file.opened(path.parent) as dir_fd:
        lock = fileops.open_lock(dir_fd, f".{path.name}.lock")
    try:
        fileops.lock_file(lock)
        keyset = Keyset.open(path, root_key, role)
        entries = keyset.entries()
        yield entries
        if entries != keyset.entries():
            keyset_file.write(path, root_key, role, keyset.number + 1, entries)
    finally:
        fileops.close(lock)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    with keyset_file.opened(folder.parent) as dir_fd:
        fileops.sync_dir(dir_fd)


def _data_keys(bridge: Keyset, years: Iterable[int]) -> list[Entry]:
    entries = [
        Entry("year", str(year * GENERATIONS + 1), secrets.token_bytes(KEY_SIZE)) for year in years
    ]
    entries += [
        Entry(kind, "1", secrets.token_bytes(KEY_SIZE)) for kind in ("naming", "url", "erasure")
    ]
    for purpose in PURPOSES:
        keys = bridge.verify_keys(purpose).items()
        entries += [Entry(f"verify-{purpose}", key_id, public) for key_id, public in keys]
    return entries


def new_signing_key(purpose: str) -> Entry:
    """A fresh key; its id comes from its public key."""
    private = secrets.token_bytes(KEY_SIZE)
    name = hashlib.sha256(_public(private)).hexdigest()[:16]
    return Entry(f"sign-{purpose}", f"{purpose}-{name}", private)


def public_of(entry: Entry) -> bytes:
    """The verify key of a signing key."""
    return _public(entry.key)


def _public(private: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
