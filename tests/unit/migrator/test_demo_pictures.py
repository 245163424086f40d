"""The demo's photos are real files of real sizes."""

import struct
import zlib

from migrator.demo.pictures import photo


def points_of(picture: bytes) -> tuple[int, int, bytes]:
    """Width, height and the lines of a PNG, every checksum checked."""
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    parts, at = {}, 8
    while at < len(picture):
        length, kind = struct.unpack_from(">I4s", picture, at)
        data = picture[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", picture, at + 8 + length)
        assert checksum == zlib.crc32(kind + data)
        parts[kind] = data
        at += 12 + length
    assert list(parts) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    width, height = struct.unpack_from(">II", parts[b"IHDR"])
    return width, height, zlib.decompress(parts[b"IDAT"])


def test_they_are_pictures_of_5_to_300_kilobytes():
    sizes = []
    for number in range(1, 301):
        picture = photo(number)
        sizes.append(len(picture))
        if number % 10 == 0:
            width, height, lines = points_of(picture)
            assert len(lines) == (width + 1) * height
    assert 5_000 < min(sizes) < 10_000
    assert 200_000 < max(sizes) < 307_200


def test_each_number_and_each_edition_looks_different():
    assert photo(1) == photo(1)
    assert len({photo(1), photo(2), photo(1, 1), photo(1, 2)}) == 4
