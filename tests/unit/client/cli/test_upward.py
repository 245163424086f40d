"""What goes up, and how, with a server that only says what a test wants."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from contentserver.client import Stored, errors
from contentserver.client.cli.manifest import Entry
from contentserver.client.cli.scanning import LocalFile
from contentserver.client.cli.upward import Upward, Wish

STORED = Stored("photos", "film", "2026.1", '"e"', 4, "ab" * 32)


class Ledger(dict):
    def find(self, key):
        return self.get(key)

    def add(self, entry):
        self[entry.key] = entry


class Server:
    """Uploads meet `refusal` at their commit, as often as it says."""

    def __init__(self, *refusals: Exception, may_stage: bool = True, may_read: bool = True):
        self.refusals, self.may_stage, self.may_read = list(refusals), may_stage, may_read
        self.did: list[str] = []

    def put(self, *_where, **_facts):
        self.did.append("put")
        return STORED

    def stage(self, *_where, **_facts):
        if not self.may_stage:
            raise errors.NotFound("", status=404)
        self.did.append("stage")
        return self._upload()

    def upload(self, _url):
        self.did.append("take up")
        return self._upload()

    def heads(self, _collection, keys):
        self.did.append(f"heads {len(keys)}")
        if not self.may_read:
            raise errors.NotFound("", status=404)
        return dict.fromkeys(keys)

    def _upload(self):
        return SimpleNamespace(
            url="http://s/v1/uploads/1", commit=self._commit,
            send=lambda *_, **__: self.did.append("send"),
            delete=lambda: self.did.append("delete"),
        )  # fmt: skip

    def _commit(self, **_conditions):
        if self.refusals:
            raise self.refusals.pop(0)
        self.did.append("commit")
        return STORED


@pytest.fixture
def film(tmp_path: Path) -> LocalFile:
    path = tmp_path / "film"
    path.write_bytes(b"film")
    return LocalFile("film", str(path), "film", 4, path.stat().st_mtime_ns)


def upward(server: Server, ledger: Ledger, staged_from: int = 1) -> Upward:
    return Upward(server, ledger, Wish("photos", staged_from=staged_from))


def test_a_short_file_is_one_request_and_a_long_one_is_staged(film: LocalFile):
    short, long = Server(), Server()
    upward(short, Ledger(), staged_from=5).transfer(film, lambda _: None)
    upward(long, Ledger(), staged_from=4).transfer(film, lambda _: None)
    assert short.did == ["put"]
    assert long.did == ["stage", "send", "commit"]


def test_the_address_of_an_upload_is_in_the_manifest_before_its_first_byte(film: LocalFile):
    ledger, server = Ledger(), Server()

    def break_off(moved):
        raise AssertionError

    server._upload = lambda: SimpleNamespace(
        url="http://s/v1/uploads/1",
        send=lambda *_, **__: pytest.fail("too early") if "film" not in ledger else break_off(0),
    )
    with pytest.raises(AssertionError):
        upward(server, ledger).transfer(film, lambda _: None)
    assert (ledger["film"].state, ledger["film"].upload) == ("started", "http://s/v1/uploads/1")


def test_a_client_that_may_not_stage_sends_it_in_one_request(film: LocalFile):
    server = Server(may_stage=False)
    upward(server, Ledger()).transfer(film, lambda _: None)
    assert server.did == ["put"]


def test_an_upload_that_is_not_the_beginning_of_this_file_is_begun_anew(film: LocalFile):
    begun = Entry("film", "started", 4, mtime_ns=film.mtime_ns, upload="http://s/v1/uploads/1")
    server = Server(errors.DigestMismatch("", status=422))
    upward(server, Ledger(film=begun)).transfer(film, lambda _: None)
    assert server.did == ["take up", "send", "delete", "stage", "send", "commit"]


def test_what_a_check_refused_does_not_lie_about(film: LocalFile):
    server = Server(errors.CheckRefused("a virus", status=422))
    with pytest.raises(errors.CheckRefused):
        upward(server, Ledger()).transfer(film, lambda _: None)
    assert server.did == ["stage", "send", "delete"]


def test_the_server_is_asked_once_for_a_hundred_files_and_not_for_what_is_done(film: LocalFile):
    server = Server()
    done = Entry("film", "done", 4, "ab" * 32, "2026.1", film.mtime_ns)
    others = [LocalFile(f"{n:03}", film.path, f"{n:03}", 4, 1) for n in range(150)]
    files = upward(server, Ledger(film=done)).looked_up([film, *others])
    assert [file.key for file in files] == ["film", *(file.key for file in others)]
    assert server.did == ["heads 99", "heads 51"]


def test_a_client_that_may_not_read_writes_without_having_looked(film: LocalFile):
    server = Server(may_read=False)
    others = [LocalFile(f"{n:03}", film.path, f"{n:03}", 4, 1) for n in range(300)]
    up = upward(server, Ledger())
    assert len(list(up.looked_up(others))) == 300
    assert server.did == ["heads 100"]
    assert up.settle(others[0]) is None
