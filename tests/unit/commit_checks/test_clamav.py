"""What is made of clamd's answers, and of its silence."""

import os
import socket
import time

import pytest

from contentserver.commit_checks.clamav import ClamAV, parse_address
from contentserver.conf import Config, read_config
from contentserver.store.errors import CheckUnavailable, Refused
from contentserver.store.metadata import Metadata
from tests.support.clamd import answering, read_stream, scripted_clamd

FILE = Metadata(collection="c", key="k")


@pytest.fixture
def at(monkeypatch):
    def config(address: str) -> Config:
        monkeypatch.setenv("CONTENTSERVER_CLAMD", address)
        return read_config()

    return config


def test_it_sends_every_byte_in_pieces_and_passes_what_is_clean(at) -> None:
    sent = [os.urandom(200_000), b"", os.urandom(10)]
    seen = []

    def script(connection: socket.socket) -> None:
        seen.append(read_stream(connection))
        connection.sendall(b"stream: OK\0")

    with scripted_clamd(script) as address:
        ClamAV(at(address))(FILE, sent)
    assert seen == [b"".join(sent)]


def test_it_refuses_a_virus_by_its_name(at) -> None:
    with (
        scripted_clamd(answering(b"stream: Win.Test.EICAR_HDB-1 FOUND\0")) as address,
        pytest.raises(Refused, match=r"ClamAV found Win\.Test\.EICAR_HDB-1$"),
    ):
        ClamAV(at(address))(FILE, [b"x"])


@pytest.mark.parametrize(
    "answer",
    [
        b"INSTREAM size limit exceeded. ERROR\0",
        b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0",
    ],
)
def test_it_says_that_a_file_is_too_long_for_the_scanner(at, answer: bytes) -> None:
    with (
        scripted_clamd(answering(answer)) as address,
        pytest.raises(Refused, match="longer than the virus scanner"),
    ):
        ClamAV(at(address))(FILE, [b"x"])


def test_a_scanner_that_hangs_up_on_a_long_stream_is_still_heard(at) -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"INSTREAM size limit exceeded. ERROR\0")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 16):
            pass

    with (
        scripted_clamd(script) as address,
        pytest.raises(Refused, match="longer than the virus scanner"),
    ):
        ClamAV(at(address))(FILE, (bytes(100_000) for _ in range(50)))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"stream: OK",
        b"stream: OK\n",
        b"stream: \0",
        b"stream: OKAY\0",
        b"stream: OK with limits\0",
        b"OK\0",
        b"UNKNOWN COMMAND\0",
        b"stream: lstat() failed: No such file. ERROR\0",
        b"\xff" * 5000,
    ],
)
def test_no_other_answer_passes(at, answer: bytes) -> None:
    with scripted_clamd(answering(answer)) as address, pytest.raises(CheckUnavailable):
        ClamAV(at(address))(FILE, [b"x"])


def test_nobody_there_is_not_passed(at, tmp_path) -> None:
    with pytest.raises(CheckUnavailable, match="clamd cannot be asked"):
        ClamAV(at(str(tmp_path / "nobody")))(FILE, [b"x"])
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(CheckUnavailable):
        ClamAV(at(f"127.0.0.1:{port}"))(FILE, [b"x"])


@pytest.mark.parametrize("reads", [True, False])
def test_a_silent_scanner_is_not_waited_for_without_end(at, reads: bool) -> None:
    def script(connection: socket.socket) -> None:
        if reads:
            read_stream(connection)
        time.sleep(0.6)

    began = time.monotonic()
    with scripted_clamd(script) as address:
        check = ClamAV(at(address), patience=0.2)
        with pytest.raises(CheckUnavailable):
            check(FILE, [bytes(1000)] if reads else (bytes(1 << 20) for _ in range(50)))
        assert time.monotonic() - began < 0.55


def test_a_scanner_that_dies_in_between_is_not_passed(at) -> None:
    with (
        scripted_clamd(lambda connection: None) as address,
        pytest.raises(CheckUnavailable),
    ):
        ClamAV(at(address))(FILE, (bytes(1 << 20) for _ in range(20)))


def test_what_the_store_raises_on_the_way_passes_through(at) -> None:
    def damaged():
        yield b"x"
        raise RuntimeError("damaged")

    with (
        scripted_clamd(lambda connection: time.sleep(0.1)) as address,
        pytest.raises(RuntimeError, match="damaged"),
    ):
        ClamAV(at(address))(FILE, damaged())


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("/run/clamav/clamd.ctl", "/run/clamav/clamd.ctl"),
        ("127.0.0.1:3310", ("127.0.0.1", 3310)),
        ("scanner.example.org:3310", ("scanner.example.org", 3310)),
        ("[::1]:3310", ("::1", 3310)),
    ],
)
def test_it_reads_where_clamd_listens(text: str, address: object) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "clamd", "clamd:", ":3310", "clamd:0", "clamd:70000"])
def test_it_says_how_to_write_where_clamd_listens(text: str) -> None:
    with pytest.raises(ValueError, match="CONTENTSERVER_CLAMD must say where"):
        parse_address(text)
