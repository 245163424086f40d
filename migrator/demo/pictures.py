"""Photos that a person recognises at a glance: a portrait in colours of its own, its number below.

PNG by the standard library alone. What fills the file is noise, as a camera's: it cannot be
compressed away, so sizes are those of real photos, from about 5 to 300 KB.
"""

import colorsys
import functools
import random
import struct
import zlib

SIZES = ((120, 150, 1), (200, 250, 1), (240, 300, 2), (320, 400, 3), (480, 600, 4), (560, 700, 5))
"""Width, height, and bits of noise in each point."""
WEIGHTS = (15, 30, 25, 18, 9, 3)
GROUND, SHIRT, SKIN, HAIR, BAND, INK = (number << 5 for number in range(6))
FONT = {
    "0": (14, 17, 19, 21, 25, 17, 14),
    "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 2, 4, 8, 31),
    "3": (31, 2, 4, 2, 1, 17, 14),
    "4": (2, 6, 10, 18, 31, 2, 2),
    "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14),
    "7": (31, 1, 2, 4, 8, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14),
    "9": (14, 17, 17, 15, 1, 2, 12),
}
"""Seven rows of five points each, the leftmost as the highest bit."""


def photo(number: int, edition: int = 0, *, small: bool = False) -> bytes:
    """The picture of person `number`. Another edition has another colour behind the person."""
    chance = random.Random(f"{number}.{edition}")  # noqa: S311 - nothing secret
    size = SIZES[1] if small else chance.choices(SIZES, WEIGHTS)[0]
    width, height, bits = size
    rows = _portrait(width, height, random.Random(number).randrange(4))  # noqa: S311 - a drawing
    drawn = b"".join(_with_number(rows, width, str(number)))
    noise = chance.randbytes(len(drawn)).translate(_shades(bits))
    mixed = int.from_bytes(drawn) | int.from_bytes(noise)
    return _png(width, height, mixed.to_bytes(len(drawn)), _palette(number, edition))


@functools.cache
def _shades(bits: int) -> bytes:
    """What turns a random byte into one of the 32 shades of a colour."""
    return bytes(((value & ((1 << bits) - 1)) * 31 // ((1 << bits) - 1)) for value in range(256))


@functools.cache
def _portrait(width: int, height: int, hair: int) -> tuple[bytearray, ...]:
    rows = tuple(bytearray([GROUND]) * width for _ in range(height))
    middle = width // 2
    _ellipse(rows, (middle, round(height * 0.98)), (width * 0.40, height * 0.34), SHIRT)
    _box(rows, (middle - width // 11, round(height * 0.5)), (width * 2 // 11, height // 5), SKIN)
    if hair == 3:
        _ellipse(rows, (middle, round(height * 0.42)), (width * 0.25, height * 0.28), HAIR)
    _ellipse(rows, (middle, round(height * 0.34)), (width * 0.22, height * 0.24), HAIR)
    below = round(height * (0.40, 0.42, 0.39, 0.41)[hair])
    _ellipse(rows, (middle, below), (width * 0.185, height * 0.19), SKIN)
    _box(rows, (0, round(height * 0.82)), (width, height), BAND)
    return rows


def _ellipse(
    rows: tuple[bytearray, ...], centre: tuple[int, int], radii: tuple[float, float], colour: int
) -> None:
    (x, y), (wide, high) = centre, radii
    for row in range(max(0, int(y - high)), min(len(rows), int(y + high) + 1)):
        half = int(wide * max(0.0, 1 - ((row - y) / high) ** 2) ** 0.5)
        rows[row][x - half : x + half] = bytes([colour]) * (2 * half)


def _box(
    rows: tuple[bytearray, ...], corner: tuple[int, int], size: tuple[int, int], colour: int
) -> None:
    (x, y), (wide, high) = corner, size
    for row in rows[y : y + high]:
        row[x : x + wide] = bytes([colour]) * min(wide, len(row) - x)


def _with_number(rows: tuple[bytearray, ...], width: int, digits: str) -> list[bytes]:
    """The rows with the number in the middle of the band below."""
    point = max(2, min(len(rows) // 60, width // (6 * len(digits))))
    first = round(len(rows) * 0.91) - 7 * point // 2
    drawn = [bytes(row) for row in rows]
    for line in range(7):
        bits = "0".join(f"{FONT[digit][line]:05b}" for digit in digits)
        ink = b"".join(bytes([INK if bit == "1" else BAND]) * point for bit in bits)
        start = (width - len(ink)) // 2
        for row in range(first + line * point, first + (line + 1) * point):
            drawn[row] = drawn[row][:start] + ink + drawn[row][start + len(ink) :]
    return drawn


def _palette(number: int, edition: int) -> bytes:
    """Six colours in 32 shades each; hair, skin and shirt stay the person's own."""
    own = random.Random(number)  # noqa: S311 - a drawing
    ground = (number * 0.381966 + edition * 0.27) % 1.0
    skin = own.choice([(0.07, 0.35, 0.95), (0.07, 0.45, 0.75), (0.06, 0.55, 0.50)])
    hair = own.choice([(0.08, 0.6, 0.25), (0.10, 0.65, 0.6), (0.05, 0.75, 0.4), (0.6, 0.1, 0.65)])
    shirt = (own.random(), 0.55, 0.6)
    colours = [(ground, 0.35, 0.85), shirt, skin, hair, (0.6, 0.35, 0.18), (0.0, 0.0, 0.97)]
    return b"".join(
        bytes(round(255 * part) for part in colorsys.hsv_to_rgb(hue, full, min(1.0, light)))
        for hue, full, bright in colours
        for light in (bright * (0.93 + 0.14 * shade / 31) for shade in range(32))
    )


def _png(width: int, height: int, points: bytes, palette: bytes) -> bytes:
    lines = (b"\0" + points[row * width : (row + 1) * width] for row in range(height))
    packer = zlib.compressobj(6, strategy=zlib.Z_HUFFMAN_ONLY)
    packed = packer.compress(b"".join(lines)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_part(kind, data) for kind, data in parts)


def _part(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
