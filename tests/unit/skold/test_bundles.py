"""Promise 3: the ledger on disk holds what it counts, and says so where it does not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skold.ledger.bundles import WIDTH, Bundles, LedgerDamagedError, bundle_path, pack, unpack

LEAVES = [(b'{"n":%d}' % n, b"private %d" % n) for n in range(WIDTH)]


@pytest.mark.parametrize(
    ("number", "width", "path"),
    [
        (0, 256, "000"),
        (7, 3, "007.p/3"),
        (999, 256, "999"),
        (1000, 256, "x001/000"),
        (1234067, 256, "x001/x234/067"),
        (1234067, 1, "x001/x234/067.p/1"),
    ],
)
def test_it_spells_paths_as_tlog_tiles_does(number: int, width: int, path: str) -> None:
    assert bundle_path(number, width) == path


@given(st.lists(st.binary(max_size=300), max_size=20), st.sampled_from([">H", ">I"]))
def test_it_unpacks_what_it_packed(entries: list[bytes], length: str) -> None:
    assert unpack(pack(entries, length), length) == entries


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=5), st.data())
def test_it_never_takes_a_cut_bundle_for_a_whole_one(
    entries: list[bytes], data: st.DataObject
) -> None:
    raw = pack(entries, ">H")
    cut = data.draw(st.integers(0, len(raw) - 1))
    try:
        found = unpack(raw[:cut], ">H")
    except ValueError:
        return
    assert found == entries[: len(found)]
    assert found != entries


def test_it_reads_the_first_leaves_of_a_bundle_that_is_full_by_now(tmp_path: Path) -> None:
    bundles = Bundles(tmp_path)
    bundles.write({0: LEAVES[:44]})
    bundles.write({0: LEAVES})
    bundles.drop_partials(0)
    assert bundles.read(0, 44) == LEAVES[:44]
    assert not list(tmp_path.glob("*/entries/*.p"))


def test_it_gives_exactly_the_leaves_asked_for(tmp_path: Path) -> None:
    bundles = Bundles(tmp_path)
    bundles.write({0: LEAVES, 1: LEAVES[:10]})
    found = list(bundles.iter_leaves(250, 262, WIDTH + 10))
    assert [leaf.index for leaf in found] == list(range(250, 262))
    assert found[6].body == LEAVES[0][0]


def test_it_names_a_bundle_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(LedgerDamagedError, match=r"tile/entries/007 is missing"):
        Bundles(tmp_path).read(7, WIDTH)


def test_it_names_a_bundle_that_holds_too_little(tmp_path: Path) -> None:
    bundles = Bundles(tmp_path)
    bundles.write({0: LEAVES[:9]})
    (tmp_path / "tile/entries/000.p/9").rename(tmp_path / "tile/entries/000.p/10")
    with pytest.raises(LedgerDamagedError, match=r"000 holds 9 entries, 10 are marked"):
        bundles.read(0, 10)
