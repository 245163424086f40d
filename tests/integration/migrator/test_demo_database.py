"""The demo's legacy database: made where it may be, never over somebody else's, kept afterwards."""

import datetime as dt
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migrator.demo import tables
from migrator.demo.database import DATABASE, ROLE, DemoSkipped, make_database
from migrator.demo.pictures import photo
from migrator.demo.source import TOML
from migrator.legacy.description import Description
from migrator.legacy.reader import LegacyReader
from migrator.legacy.toml import from_toml
from tests.support.servers import TestPostgres

Server = psycopg.Connection[Any]


@pytest.fixture
def server(own_postgres: TestPostgres) -> Iterator[Server]:
    with psycopg.connect(own_postgres.url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def description() -> Description:
    described = TOML.partition("[sync]")[0]
    return from_toml(described)


def test_a_photo_is_read_back_as_it_was_drawn(
    server: Server, tmp_path: Path, description: Description
) -> None:
    file = tmp_path / "legacy" / "photos.dsn"
    dsn = make_database(server, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    changed = dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=dt.UTC)
    with psycopg.connect(dsn, autocommit=True) as legacy:
        owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        assert legacy.execute(owner).fetchone() == (ROLE,)
        tables.fill(legacy, ((number, changed, photo(number)) for number in (1, 2, 3)))
        tables.put(legacy, 2, photo(2, 9))
        tables.delete(legacy, 3)
        assert tables.numbers(legacy) == [1, 2]
        reader = LegacyReader(legacy, description)
        for number, drawn in ((1, photo(1)), (2, photo(2, 9))):
            with reader.read((str(number),)) as found:
                assert found is not None
                record, content = found
                assert (record.key, b"".join(content)) == (f"{number}.png", drawn)


def test_a_second_start_keeps_the_password_and_what_is_there(
    server: Server, tmp_path: Path
) -> None:
    file = tmp_path / "photos.dsn"
    dsn = make_database(server, file)
    with psycopg.connect(dsn, autocommit=True) as legacy:
        tables.fill(legacy, [(7, dt.datetime.now(dt.UTC), photo(7))])
    assert make_database(server, file) == dsn
    with psycopg.connect(dsn, autocommit=True) as legacy:
        tables.fill(legacy, [(8, dt.datetime.now(dt.UTC), photo(8))])
        assert tables.numbers(legacy) == [7]


def test_a_database_of_somebody_else_is_left_alone(server: Server, tmp_path: Path) -> None:
    server.execute(f"CREATE DATABASE {DATABASE}")
    with pytest.raises(DemoSkipped, match="is not the demo's"):
        make_database(server, tmp_path / "photos.dsn")
    assert not (tmp_path / "photos.dsn").exists()


@pytest.mark.parametrize("rights", ["", "CREATEDB CREATEROLE"])
def test_a_role_makes_it_if_it_may(
    server: Server, own_postgres: TestPostgres, tmp_path: Path, rights: str
) -> None:
    server.execute(f"CREATE ROLE content LOGIN {rights}")
    url = own_postgres.url.replace("//contentserver@", "//content@")
    with psycopg.connect(url, autocommit=True) as weaker:
        if not rights:
            with pytest.raises(DemoSkipped, match="CREATEDB and CREATEROLE"):
                make_database(weaker, tmp_path / "photos.dsn")
            return
        with psycopg.connect(make_database(weaker, tmp_path / "photos.dsn")) as legacy:
            assert legacy.info.user == ROLE
