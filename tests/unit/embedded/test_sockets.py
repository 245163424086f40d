"""A socket's path fits into 107 bytes, wherever the home is."""

import stat
from pathlib import Path

from contentserver.embedded.sockets import LIMIT, LONGEST_NAME, choose_folder


def test_it_keeps_a_folder_whose_sockets_fit():
    longest = Path("/" + "x" * (LIMIT - LONGEST_NAME - 1))
    assert choose_folder(longest) == (longest, False)


def test_it_makes_a_private_folder_elsewhere_when_one_byte_is_too_many():
    too_long = Path("/" + "x" * (LIMIT - LONGEST_NAME))
    folder, temporary = choose_folder(too_long)
    try:
        assert temporary
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert len(str(folder)) + LONGEST_NAME <= LIMIT
    finally:
        folder.rmdir()


def test_it_counts_bytes_and_not_letters():
    letters = Path("/" + "ö" * 60)
    folder, temporary = choose_folder(letters)
    assert temporary
    folder.rmdir()
