"""What a file is declared as, against its first bytes."""

import io
import zipfile

import pytest

from contentserver.commit_checks.media_type import HEAD, check
from contentserver.store.errors import Refused
from contentserver.store.metadata import Metadata


def zipped(name: str, text: str = "x") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(name, text)
    return buffer.getvalue()


JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000") + bytes(400)
EXIF = bytes.fromhex("ffd8ffe1") + b"\x10\x00Exif\0\0" + bytes(400)
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(100)
PDF = b"%PDF-1.7\n" + b"x" * 100
OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)
WINDOWS = b"MZ\x90\0\x03\0\0\0" + bytes(56) + b"PE\0\0" + bytes(100)
ELF = b"\x7fELF\x02\x01\x01" + bytes(100)
WAVE = b"RIFF\x10\0\0\0WAVEfmt " + bytes(50)
WEBP = b"RIFF\x10\0\0\0WEBPVP8 " + bytes(50)
TEXT = b"Dear colleagues,\n" * 20
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
WRITER = "application/vnd.oasis.opendocument.text"

HONEST = [
    ("image/jpeg", JPEG), ("image/jpeg", EXIF), ("image/jpg", JPEG), ("image/png", PNG),
    ("image/gif", b"GIF89a" + bytes(50)), ("image/webp", WEBP), ("image/tiff", b"II*\0\x08\0\0\0"),
    ("image/bmp", b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"), ("application/pdf", PDF),
    ("application/pdf", b"\r\n" * 200 + PDF), ("application/zip", zipped("a.txt")),
    (WORD, zipped("word/document.xml")), (WORD, OLE), (WRITER, zipped("mimetype", WRITER)),
    ("application/epub+zip", zipped("mimetype")), ("application/gzip", b"\x1f\x8b\x08\0" + b"x"),
    ("application/msword", OLE), ("application/msword", b"{\\rtf1 "), ("text/plain", TEXT),
    ("text/plain", b"BMW is no picture"), ("text/plain", b"MZ, my friend, is no program"),
    ("text/plain", b"How to recognise it: %PDF-1.7 stands at the beginning"),
    ("text/html", b"<!doctype html><p>"), ("image/svg+xml", b"<svg xmlns='x'/>"),
    ("application/xhtml+xml", b"<html xmlns='x'/>"), ("text/csv", b"a;b\n1;2\n"), ("text/csv", b""),
    ("application/json", b'{"a": 1}'), ("application/x-of-ours", JPEG), ("video/mp4", TEXT),
    ("application/octet-stream", ELF), ("application/x-elf", ELF),
    ("application/vnd.microsoft.portable-executable", WINDOWS), ("audio/wav", WAVE),
]  # fmt: skip


@pytest.mark.parametrize(("declared", "head"), HONEST)
def test_it_lets_pass_what_is_what_it_says(declared: str, head: bytes) -> None:
    check(Metadata(collection="c", key="k", media_type=declared), [head])


MISMATCHES = [
    ("image/jpeg", PNG, "does not begin as JPEG"), ("image/png", JPEG, "does not begin as PNG"),
    ("image/jpeg", b"", "does not begin as JPEG"), ("image/jpeg", TEXT, "does not begin as JPEG"),
    ("image/webp", WAVE, "does not begin as WebP"), ("image/gif", ELF, "does not begin as GIF"),
    ("application/pdf", TEXT, "does not begin as PDF"), (WORD, PDF, "does not begin as Office"),
    (WRITER, OLE, "does not begin as ZIP"), ("text/plain", PDF, "begins as PDF"),
    ("text/csv", JPEG, "begins as JPEG"), ("application/json", zipped("a"), "begins as ZIP"),
    ("text/plain", ELF, "is a program"), ("video/mp4", WINDOWS, "is a program"),
    ("application/x-of-ours", b"\xcf\xfa\xed\xfe" + bytes(40), "is a program"),
    ("video/mp4", b"\xef\xbb\xbf \n<!DOCTYPE HTML><script>", "is a page for browsers"),
    ("image/x-canon-cr2", b"<svg onload='x'>", "is a page for browsers"),
]  # fmt: skip


@pytest.mark.parametrize(("declared", "head", "why"), MISMATCHES)
def test_it_refuses_what_is_something_else(declared: str, head: bytes, why: str) -> None:
    with pytest.raises(Refused, match=f"the file is declared as .*, but {why}"):
        check(Metadata(collection="c", key="k", media_type=declared), [head])


def test_parameters_and_case_of_a_type_mean_nothing() -> None:
    with pytest.raises(Refused):
        check(Metadata(collection="c", key="k", media_type="Image/JPEG; q=1"), [PNG])


def test_nothing_declared_claims_nothing() -> None:
    check(Metadata(collection="c", key="k"), [ELF])


def test_it_reads_no_more_than_the_beginning() -> None:
    """In pieces of any size; of a long file the rest is not decrypted for it."""
    taken = 0

    def pieces():
        nonlocal taken
        for at in range(0, 1 << 20, 100):
            taken += 100
            yield JPEG[at : at + 100].ljust(100, b"x")

    check(Metadata(collection="c", key="k", media_type="image/jpeg"), pieces())
    assert taken < HEAD + 200
