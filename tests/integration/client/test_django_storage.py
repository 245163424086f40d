"""ContentServerStorage against a running server: Django's storage API, sentence by sentence.

Each test of the first part carries the sentence of Django's documentation (ref/files/storage,
howto/custom-file-storage; Django 5.2) that it holds the storage to.
"""

import csv
import io
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage
from django.core.files.uploadedfile import (
    InMemoryUploadedFile,
    SimpleUploadedFile,
    TemporaryUploadedFile,
)
from django.db.migrations.writer import MigrationWriter
from django.test import override_settings

from contentserver.client import Client
from contentserver.client.django_storage import ContentServerStorage
from contentserver.client.django_storage.files import PIECE
from contentserver.client.django_storage.pool import pool
from contentserver.client.errors import Erased
from tests.integration.client.storage_support import (
    MakeStorage,
    credentials_of,
    is_gone,
    use,
    versions_of,
)
from tests.support.cutting_proxy import CuttingProxy
from tests.support.plane import DataPlane

Check = Callable[[ContentServerStorage], object]


@pytest.fixture(scope="module")
def environment(shared_data_plane: DataPlane) -> dict[str, str]:
    return credentials_of(shared_data_plane)


@pytest.fixture
def storage_of(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> MakeStorage:
    return use(monkeypatch, environment)


@pytest.fixture
def storage(storage_of: MakeStorage) -> ContentServerStorage:
    return storage_of()


def saved(storage: ContentServerStorage, name: str = "a.txt", content: bytes = b"one") -> str:
    return storage.save(name, ContentFile(content))


def read(storage: ContentServerStorage, name: str) -> bytes:
    with storage.open(name) as file:
        found: bytes = file.read()
        return found


def is_refused(kind: type[Exception], act: Callable[[], object]) -> bool:
    with pytest.raises(kind):
        act()
    return True


def just_now(moment: datetime) -> bool:
    return abs(datetime.now(UTC) - moment) < timedelta(minutes=1)


SENTENCES: dict[str, Check] = {
    "Your custom storage system must be a subclass of django.core.files.storage.Storage": (
        lambda storage: isinstance(storage, Storage)
    ),
    "Django must be able to instantiate your storage system without any arguments.": (
        lambda _storage: ContentServerStorage()
    ),
    "Deletes the file referenced by name.": (
        lambda storage: (
            storage.delete(saved(storage, "gone.txt")) is None and not storage.exists("gone.txt")
        )
    ),
    "delete() will not raise an exception if the given file name does not exist.": (
        lambda storage: storage.delete("never-was.txt") is None
    ),
    "Returns True if a file referenced by the given name already exists in the storage system.": (
        lambda storage: storage.exists(saved(storage)) is True
    ),
    "or False if the name is available for a new file": (
        lambda storage: storage.exists("nothing/here.txt") is False
    ),
    "For storage systems unable to return the last accessed time this will raise "
    "NotImplementedError.": (
        lambda storage: is_refused(
            NotImplementedError, lambda: storage.get_accessed_time(saved(storage))
        )
    ),
    "Returns an alternative filename based on the file_root and file_ext parameters, an underscore "
    "plus a random 7 character alphanumeric string is appended to the filename": (
        lambda storage: len(storage.get_alternative_name("root", ".txt")) == len("root_1234567.txt")
    ),
    "Returns a filename based on the name parameter that's free and available for new content to "
    "be written to": (
        lambda storage: not storage.exists(storage.get_available_name(saved(storage)))
    ),
    "The length of the filename will not exceed max_length, if provided.": (
        lambda storage: (
            len(storage.get_available_name(saved(storage, "d/" + 40 * "a" + ".txt"), 30)) == 30
        )
    ),
    "If a free unique filename cannot be found, a SuspiciousFileOperation exception will be "
    "raised.": (
        lambda storage: is_refused(
            SuspiciousFileOperation,
            lambda: storage.get_available_name(saved(storage, "d/abcde.txt"), 12),
        )
    ),
    "If a file with name already exists, get_alternative_name() is called to obtain an alternative "
    "name.": (
        lambda storage: storage.get_available_name(saved(storage, "b.tar.gz")).endswith(".tar.gz")
    ),
    "Returns a datetime of the creation time of the file.": (
        lambda storage: just_now(storage.get_created_time(saved(storage)))
    ),
    "Returns a datetime of the last modified time of the file.": (
        lambda storage: just_now(storage.get_modified_time(saved(storage)))
    ),
    "Returns a filename based on the name parameter that's suitable for use on the target storage "
    "system.": lambda storage: storage.get_valid_name("ä b?.txt") == "ä_b.txt",
    "Validates the filename by calling get_valid_name() and returns a filename to be passed to the "
    "save() method.": (lambda storage: storage.generate_filename("d e/f g.txt") == "d e/f_g.txt"),
    "the path won't be passed to get_valid_name() but will be prepended back to the resulting "
    "name.": (lambda storage: storage.generate_filename("2026/ä b/c?.txt") == "2026/ä b/c.txt"),
    "Opens the file given by name. the returned file is guaranteed to be a File object": (
        lambda storage: isinstance(storage.open(saved(storage)), File)
    ),
    "The FileNotFoundError exception should be raised when a file doesn't exist.": (
        lambda storage: is_refused(FileNotFoundError, lambda: storage.open("none.txt"))
    ),
    "For storage systems that aren't accessible from the local filesystem, path() will raise "
    "NotImplementedError instead.": (
        lambda storage: is_refused(NotImplementedError, lambda: storage.path(saved(storage)))
    ),
    "Saves a new file using the storage system, preferably with the name specified.": (
        lambda storage: saved(storage, "preferred.txt") == "preferred.txt"
    ),
    "If there already exists a file with this name, the storage system may modify the filename as "
    "necessary to get a unique name. The actual name of the stored file will be returned.": (
        lambda storage: (
            read(storage, saved(storage, "u.txt", b"1")) == b"1"
            and read(storage, saved(storage, "u.txt", b"2")) == b"2"
            and read(storage, "u.txt") == b"1"
        )
    ),
    "The max_length argument is passed along to get_available_name().": (
        lambda storage: storage.save("abcdefgh.txt", ContentFile(b"x"), max_length=9) == "abcde.txt"
    ),
    "The content argument must be an instance of django.core.files.File or a file-like object that "
    "can be wrapped in File.": (
        lambda storage: read(storage, storage.save("raw.bin", io.BytesIO(b"raw"))) == b"raw"  # type: ignore[arg-type]
    ),
    "The content should be ... ready to be read from the beginning.": (
        lambda storage: read(storage, storage.save("c.txt", at_its_end(b"whole"))) == b"whole"
    ),
    "If no name is given, use the name of the content.": (
        lambda storage: storage.save(None, ContentFile(b"x", name="own.txt")) == "own.txt"
    ),
    "Returns the total size, in bytes, of the file referenced by name.": (
        lambda storage: storage.size(saved(storage, content=b"four")) == 4
    ),
    "Returns the URL where the contents of the file referenced by name can be accessed.": (
        lambda storage: (
            httpx.get(storage.url(saved(storage, content=b"by url"))).content == b"by url"
        )
    ),
}


def at_its_end(content: bytes) -> ContentFile[bytes]:
    file = ContentFile(content)
    file.seek(0, io.SEEK_END)
    return file


@pytest.mark.parametrize("sentence", SENTENCES)
def test_it_is_what_django_says_a_storage_is(storage: ContentServerStorage, sentence: str) -> None:
    assert SENTENCES[sentence](storage) is not False


@override_settings(USE_TZ=False, TIME_ZONE="Asia/Kolkata")
def test_times_are_naive_and_local_without_use_tz(storage: ContentServerStorage) -> None:
    name = saved(storage)
    local = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=5, minutes=30)
    for found in (storage.get_modified_time(name), storage.get_created_time(name)):
        assert found.tzinfo is None
        assert abs(found - local) < timedelta(minutes=1)


def test_a_migration_shows_its_options_and_no_secret(
    storage_of: MakeStorage, environment: dict[str, str]
) -> None:
    storage = storage_of(prefix="p", overwrite=True)
    saved(storage, "a.txt")
    text, imports = MigrationWriter.serialize(storage)
    name = "contentserver.client.django_storage.ContentServerStorage"
    assert text == f"{name}(collection='photos', overwrite=True, prefix='p')"
    assert imports == {"import contentserver.client.django_storage"}
    shown = f"{text} {storage!r} {vars(storage)} {pickle.dumps(storage)!r}"
    for secret in ("CONTENTSERVER_API_KEY", "CONTENTSERVER_URL_KEY"):
        assert environment[secret] not in shown


# Names


def test_with_overwrite_a_changed_file_is_the_next_version_of_the_same_name(
    storage_of: MakeStorage,
) -> None:
    storage = storage_of(overwrite=True)
    assert [saved(storage, "a.txt", text) for text in (b"1", b"2", b"2")] == ["a.txt"] * 3
    assert read(storage, "a.txt") == b"2"
    assert [deleted for _, deleted in versions_of(storage, "a.txt")] == [False, False]
    assert storage.save("abcdefgh.txt", ContentFile(b""), max_length=9) == "abcde.txt"


def test_a_name_taken_in_the_meantime_is_not_written_to(
    storage: ContentServerStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(storage, "race.txt", b"theirs")
    asked: list[str] = []
    real = ContentServerStorage.exists

    def exists(self: ContentServerStorage, name: str) -> bool:
        asked.append(name)
        return len(asked) > 1 and real(self, name)

    monkeypatch.setattr(ContentServerStorage, "exists", exists)
    ours = saved(storage, "race.txt", b"ours")
    assert ours != "race.txt"
    assert (read(storage, "race.txt"), read(storage, ours)) == (b"theirs", b"ours")


def test_a_save_whose_answer_was_lost_stores_one_file(
    storage: ContentServerStorage, shared_data_plane: DataPlane
) -> None:
    with CuttingProxy(shared_data_plane.config.port) as line:
        line.swallow(b"HTTP/1.1 201")
        cut = ContentServerStorage(collection="photos", prefix=storage.key("x")[:-2], url=line.url)
        assert saved(cut, "lost.txt", b"stored") == "lost.txt"
        assert line.cuts == 1
    assert len(versions_of(storage, "lost.txt")) == 1


def test_a_deleted_name_is_free_again_and_its_versions_stay(storage: ContentServerStorage) -> None:
    saved(storage, "again.txt", b"1")
    storage.delete("again.txt")
    storage.delete("again.txt")
    assert saved(storage, "again.txt", b"2") == "again.txt"
    assert [deleted for _, deleted in versions_of(storage, "again.txt")] == [False, True, False]


@pytest.mark.parametrize(
    "name", ["../a", "a/../../b", "/etc/passwd", "a\x00b", "a\nb", "", "a/", 600 * "x", 300 * "ä"]
)
def test_it_refuses_names_that_no_key_can_stand_for(
    storage: ContentServerStorage, name: str
) -> None:
    for act in (storage.open, storage.size, storage.url):
        with pytest.raises(SuspiciousFileOperation):
            act(name)


def test_names_that_are_too_long_for_a_key_are_cut_before_their_extension(
    storage: ContentServerStorage,
) -> None:
    name = saved(storage, "ordner/" + 600 * "ä" + ".txt")
    assert name.endswith("ä.txt")
    assert 508 < len(storage.key(name).encode()) <= 512
    assert storage.exists(name)


def test_one_name_has_one_spelling(storage: ContentServerStorage) -> None:
    mac = "Ordner/u\u0308ber.txt"
    name = saved(storage, mac)
    assert name == "Ordner/über.txt"
    assert storage.exists(mac)
    assert storage.exists("Ordner//./über.txt")
    assert storage.exists("Ordner\\über.txt")
    assert storage.get_valid_name("u\u0308.txt") == "ü.txt"


# What can be saved


class OnlyChunks:
    """Something with nothing but what Storage.save asks for."""

    name = "chunks.bin"

    def chunks(self, chunk_size: int | None = None) -> Any:
        yield from (b"by", b"", b"tes")


def temporary_upload(_path: Path) -> TemporaryUploadedFile:
    upload = TemporaryUploadedFile("up.bin", "image/x-test", 5, None)
    upload.write(b"bytes")
    return upload


CONTENTS: dict[str, Callable[[Path], Any]] = {
    "ContentFile": lambda _path: ContentFile(b"bytes"),
    "text": lambda _path: ContentFile("bytes"),
    "SimpleUploadedFile": lambda _path: SimpleUploadedFile("s.bin", b"bytes"),
    "TemporaryUploadedFile": temporary_upload,
    "InMemoryUploadedFile": lambda _path: InMemoryUploadedFile(
        io.BytesIO(b"bytes"), "f", "m.bin", "image/x-test", 5, None
    ),
    "File": lambda path: File(path.open("rb")),
    "text file": lambda path: File(path.open(encoding="utf-8")),
    "pipe": lambda _path: File(Unseekable(b"bytes")),  # type: ignore[arg-type]
    "chunks": lambda _path: OnlyChunks(),
}


class Unseekable(io.RawIOBase):
    def __init__(self, content: bytes) -> None:
        self._rest = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._rest.readinto(buffer)


@pytest.mark.parametrize("kind", CONTENTS)
def test_it_saves_whatever_django_hands_over(
    storage: ContentServerStorage, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "there.bin"
    path.write_bytes(b"bytes")
    content = CONTENTS[kind](path)
    assert read(storage, storage.save("given.bin", content)) == b"bytes"
    # Closing is left to whoever opened it.
    assert not getattr(content, "closed", False)


def test_it_saves_nothing_and_other_files_of_its_own(storage: ContentServerStorage) -> None:
    assert read(storage, saved(storage, "empty", b"")) == b""
    with storage.open(saved(storage, "source.png", b"copied")) as source:
        copy = storage.save("copy", source)
    assert read(storage, copy) == b"copied"
    assert storage.client.head("photos", storage.key(copy)).media_type == "image/png"


def test_media_type_and_name_of_an_upload_are_kept(storage: ContentServerStorage) -> None:
    upload = SimpleUploadedFile("Übersicht 1.pdf", b"%PDF", content_type="application/pdf")
    name = storage.save("x/77", upload)
    info = storage.client.head("photos", storage.key(name))
    assert (info.media_type, info.filename) == ("application/pdf", "Übersicht 1.pdf")
    with storage.open(name) as file:
        assert file.content_type == "application/pdf"  # type: ignore[attr-defined]
    guessed = storage.client.head("photos", storage.key(saved(storage, "y/guess.png")))
    assert (guessed.media_type, guessed.filename) == ("image/png", "guess.png")


# Reading


def test_open_reads_seeks_and_reopens(storage: ContentServerStorage) -> None:
    name = saved(storage, "long.txt", b"".join(b"%08d\n" % n for n in range(10_000)))
    with storage.open(name) as file:
        assert file.read(9) == b"00000000\n"
        file.seek(9 * 5000)
        assert file.readline() == b"00005000\n"
        file.seek(-9, io.SEEK_END)
        assert file.read() == b"00009999\n"
        assert (file.tell(), file.size) == (90_000, 90_000)
        assert sum(1 for _ in file) == 10_000
    assert file.closed
    with file.open() as again:
        assert again.read(8) == b"00000000"


def test_text_modes_are_utf_8(storage: ContentServerStorage) -> None:
    with storage.open("t.txt", "w") as file:
        csv.writer(file).writerows([["grüße", 1], ["b", 2]])
        with pytest.raises(TypeError, match="takes text"):
            file.write(b"bytes")
    with storage.open("t.txt", "r") as file:
        assert list(csv.reader(file)) == [["grüße", "1"], ["b", "2"]]


def test_libraries_read_and_write_its_files(storage: ContentServerStorage) -> None:
    with storage.open("z.zip", "wb") as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("inner.txt", b"inner")
    with storage.open("z.zip") as file, zipfile.ZipFile(file) as archive:
        assert archive.read("inner.txt") == b"inner"


def test_what_is_opened_for_writing_is_a_version_when_it_is_closed(
    storage: ContentServerStorage,
) -> None:
    saved(storage, "w.txt", b"first")
    file = storage.open("w.txt", "wb")
    file.write(b"sec")
    file.write(b"ond")
    assert read(storage, "w.txt") == b"first"
    file.close()
    file.close()
    assert read(storage, "w.txt") == b"second"
    assert len(versions_of(storage, "w.txt")) == 2


def test_long_files_are_sent_while_they_are_written(storage: ContentServerStorage) -> None:
    pieces = [bytes([number]) * 1_500_000 for number in range(8)]
    with storage.open("long.bin", "wb") as file:
        for piece in pieces:
            file.write(piece)
            assert len(file._writer._held) <= PIECE  # type: ignore[attr-defined]
        assert not storage.exists("long.bin")
    assert read(storage, "long.bin") == b"".join(pieces)
    forgotten = storage.open("long.bin", "wb")
    forgotten.write(b"x" * (PIECE + 1))
    url = forgotten._writer._upload.url  # type: ignore[attr-defined]
    del forgotten
    assert is_gone(storage, url)
    with pytest.raises(TypeError), storage.open("long.bin", "wb") as file:
        file.writelines([b"x" * (PIECE + 1), "text"])
    assert len(versions_of(storage, "long.bin")) == 1


def test_a_block_that_failed_makes_no_version(storage: ContentServerStorage) -> None:
    with pytest.raises(TypeError), storage.open("half.txt", "wb") as file:
        file.writelines([b"half of", "it is text"])
    abandoned = storage.open("half.txt", "wb")
    abandoned.write(b"nobody closes it")
    del abandoned
    assert not storage.exists("half.txt")


@pytest.mark.parametrize("mode", ["a", "ab", "r+", "x", "rw"])
def test_it_refuses_modes_that_change_what_is_there(
    storage: ContentServerStorage, mode: str
) -> None:
    with pytest.raises(ValueError, match="versions never change"):
        storage.open("a.txt", mode)


# Everything else


def test_the_creation_is_that_of_the_oldest_version(storage_of: MakeStorage) -> None:
    storage = storage_of(overwrite=True)
    saved(storage, "c.txt", b"1")
    first = storage.get_created_time("c.txt")
    saved(storage, "c.txt", b"2")
    assert storage.get_created_time("c.txt") == first
    with pytest.raises(FileNotFoundError):
        storage.get_created_time("none.txt")


def test_urls_name_the_end_user_and_the_disposition(storage_of: MakeStorage) -> None:
    storage = storage_of(
        end_user="tests.integration.client.test_django_storage.somebody",
        public_url="https://files.example.org/",
        url_disposition="inline",
    )
    url = httpx.URL(storage.url("ä b.txt", lifetime=60))
    assert (url.host, url.scheme) == ("files.example.org", "https")
    assert (url.params["sub"], url.params["disposition"]) == ("anna", "inline")
    assert int(url.params["expires"]) <= datetime.now(UTC).timestamp() + 61
    assert "sub=bo" in storage.url("a.txt", end_user="bo")


def somebody() -> str:
    return "anna"


def test_without_a_signing_key_there_are_no_urls(
    storage: ContentServerStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONTENTSERVER_URL_KEY_ID")
    monkeypatch.delenv("CONTENTSERVER_URL_KEY")
    pool.forget()
    with pytest.raises(ValueError, match="url_key"):
        storage.url("a.txt")


def test_it_can_be_pickled_and_compared(storage: ContentServerStorage) -> None:
    saved(storage, "p.txt", b"pickled")
    again = pickle.loads(pickle.dumps(storage))
    assert again == storage
    assert read(again, "p.txt") == b"pickled"
    assert again.client is storage.client


def test_listing_without_a_control_plane_says_why(storage: ContentServerStorage) -> None:
    with pytest.raises(NotImplementedError, match="grant 'list'"):
        storage.listdir("")


def test_a_file_that_may_not_be_deleted_is_not_passed_over(
    shared_data_plane: DataPlane, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = shared_data_plane.add_client("reader", actions=["read"])
    shared_data_plane.obey()
    ours = use(monkeypatch, environment)(prefix="kept")
    saved(ours, "kept.txt")
    theirs = use(monkeypatch, {**environment, "CONTENTSERVER_API_KEY": reader})(prefix="kept")
    with pytest.raises(PermissionError, match=r"kept\.txt"):
        theirs.delete("kept.txt")
    theirs.delete("never-was.txt")
    assert theirs.exists("kept.txt")


def test_who_may_write_and_not_read_overwrites_nothing(
    shared_data_plane: DataPlane, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = shared_data_plane.add_client("writer", actions=["write"])
    shared_data_plane.obey()
    both = use(monkeypatch, environment)(prefix="dropped")
    saved(both, "box.txt", b"first")
    alone = use(monkeypatch, {**environment, "CONTENTSERVER_API_KEY": writer})(prefix="dropped")
    second = saved(alone, "box.txt", b"second")
    both = use(monkeypatch, environment)(prefix="dropped")
    assert (read(both, "box.txt"), read(both, second)) == (b"first", b"second")


def test_names_of_erased_people_are_taken(
    storage: ContentServerStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def erased(*_: object, **__: object) -> None:
        raise Erased("410")

    monkeypatch.setattr(Client, "head", erased)
    assert storage.exists("erased.txt")
    with pytest.raises(FileNotFoundError):
        storage.size("erased.txt")
    with pytest.raises(SuspiciousFileOperation, match="erased"):
        storage.get_available_name("erased.txt")


def test_neither_a_long_save_nor_a_long_read_is_held_in_memory(
    storage: ContentServerStorage, tmp_path: Path
) -> None:
    size, path = 80 << 20, tmp_path / "long"
    with path.open("wb") as file:
        file.truncate(size)
    tracemalloc.start()
    try:
        with path.open("rb") as file:
            name = storage.save("long.bin", File(file))
        with storage.open(name) as stored:
            read_back = sum(len(chunk) for chunk in stored.chunks())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read_back == storage.size(name) == size
    assert peak < size / 2.5


def test_listing_folds_keys_into_folders(
    storage: ContentServerStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [storage.key(name) for name in ("a.txt", "d/b.txt", "d/e/c.txt", "dx/y")]

    def listed(_client: Client, _collection: str, prefix: str) -> Any:
        return (SimpleNamespace(key=key) for key in keys if key.startswith(prefix))

    monkeypatch.setattr(Client, "list", listed)
    assert storage.listdir("") == (["d", "dx"], ["a.txt"])
    assert storage.listdir("d/") == storage.listdir("/d") == (["e"], ["b.txt"])
    assert storage.listdir("none") == ([], [])
