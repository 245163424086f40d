"""The first start makes what is missing, and never makes anew what files depend on."""

import datetime as dt
import shutil
import stat
from pathlib import Path

import pytest

from contentserver import runtime
from contentserver.conf import Config
from contentserver.operations import first_start
from contentserver.operations.first_start import StartRefused, prepare
from contentserver.store.layout import Layout
from skold.signed import verify
from tests.support.plane import Home


@pytest.fixture
def config(home: Home) -> Config:
    """A home after its first start, without files."""
    return home.config


def now_in(year: int):
    return lambda: dt.datetime(year, 6, 1, tzinfo=dt.UTC)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_it_opens_the_year_that_it_is(tmp_path: Path):
    home = Home(tmp_path / "home", year=2031)
    keyset = runtime.data_keyset(home.config)
    document = verify(home.config.layout.read_bytes(), "layout", keyset.verify_keys("layout"))
    assert Layout.from_document(document.number, document.payload).root_for_commit(2031) == "root-1"
    assert keyset.newest_year_key(2031)[0] // 1000 == 2031


def test_it_changes_nothing_the_second_time(config: Config):
    before = contents(config.home)
    assert prepare(config, now_in(2040)) is False
    assert contents(config.home) == before


def test_it_makes_other_secrets_for_every_home(tmp_path: Path):
    one, other = Home(tmp_path / "one").folder, Home(tmp_path / "other").folder
    for name in ("data.rootkey", "bridge.rootkey", "django.key"):
        assert (one / "secrets" / name).read_bytes() != (other / "secrets" / name).read_bytes()


def test_it_keeps_secrets_from_others(config: Config):
    for path in (config.data_root_key, config.bridge_root_key, config.django_key):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.home.stat().st_mode) == 0o700


def test_it_finishes_a_first_start_that_was_cut_short(tmp_path: Path, monkeypatch):
    def cut(*_args: object) -> None:
        raise KeyboardInterrupt

    for step in ("_make_keysets", "_make_roots", "_make_layout"):
        folder = tmp_path / step
        with monkeypatch.context() as patch:
            patch.setattr(first_start, step, cut)
            with pytest.raises(KeyboardInterrupt):
                Home(folder)
        home = Home(folder)
        assert runtime.data_keyset(home.config).naming
        assert home.config.layout.exists()


def test_it_refuses_new_keys_where_files_were_encrypted_under_others(config: Config):
    config.data_keyset.unlink()
    with pytest.raises(StartRefused, match=r"data\.keyset is missing.*key backup"):
        prepare(config)
    assert not config.data_keyset.exists()


def test_it_refuses_a_new_root_key_where_keysets_are_wrapped_under_another(config: Config):
    config.data_root_key.unlink()
    with pytest.raises(StartRefused, match="CONTENTSERVER_DATA_ROOT_KEY"):
        prepare(config)
    assert not config.data_root_key.exists()


def test_it_refuses_a_new_layout_over_years_that_hold_files(config: Config):
    (config.roots[0] / "2026").mkdir()
    config.layout.unlink()
    with pytest.raises(StartRefused, match="restore the layout"):
        prepare(config)
    assert not config.layout.exists()


def test_it_leaves_a_root_alone_that_is_not_mounted(config: Config):
    shutil.rmtree(config.roots[0])
    config.roots[0].mkdir()
    prepare(config)
    assert list(config.roots[0].iterdir()) == []


def test_it_makes_every_root_of_a_first_start(tmp_path: Path):
    roots = f"{tmp_path / 'one'},{tmp_path / 'two'}"
    home = Home(tmp_path / "home", CONTENTSERVER_ROOTS=roots)
    names = [(root / "root.json").read_text() for root in home.config.roots]
    assert '"root-1"' in names[0]
    assert '"root-2"' in names[1]


def test_it_writes_no_root_key_that_the_environment_gives(tmp_path: Path):
    key = "A" * 43 + "="
    given = dict.fromkeys(("CONTENTSERVER_DATA_ROOT_KEY", "CONTENTSERVER_BRIDGE_ROOT_KEY"), key)
    home = Home(tmp_path / "home", **given)
    assert not home.config.data_root_key.exists()
    assert not home.config.bridge_root_key.exists()
    assert home.config.data_keyset.exists()
