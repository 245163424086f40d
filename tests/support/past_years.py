"""Files of several years in the home of a data plane: stored by a clock that stands in each."""

from datetime import datetime

from contentserver import runtime
from contentserver.store.keyset import add_year_key, read_root_key
from contentserver.store.metadata import Metadata
from contentserver.store.store import Store
from skold.signed import publish, sign
from tests.support.plane import Home, replaced_environment

NUMBER = 2


def open_years(home: Home, *years: int) -> None:
    """These and the current year take commits."""
    open_years = {*years, datetime.now(home.config.time_zone).year}
    payload = {"years": {str(y): [{"root": "root-1", "state": "open"}] for y in open_years}}
    with replaced_environment(home.environment):
        root_key = read_root_key(home.config.data_root_key, "data")
        for year in years:
            add_year_key(home.config.data_keyset, root_key, year)
        signing = runtime.bridge_keyset(home.config).signing_key("layout")
    publish(home.config.layout, sign("layout", NUMBER, payload, *signing))


def store_in(home: Home, year: int) -> Store:
    """A store whose clock stands in June of the year; to be closed."""
    with replaced_environment(home.environment):
        keyset = runtime.data_keyset(home.config)
        layout = runtime.layout_file(home.config, keyset)
        store = runtime.open_store(home.config, keyset, layout)
    now = int(datetime(year, 6, 1, tzinfo=home.config.time_zone).timestamp()) * 10**9
    object.__setattr__(store._environment, "clock", lambda: now)
    return store


def put_in(home: Home, year: int, key: str, body: bytes, collection: str = "photos") -> str:
    """Store a version as it would have been in that year; its number."""
    store = store_in(home, year)
    try:
        metadata = Metadata(
            collection=collection, key=key, media_type="image/jpeg", created_by="tester"
        )
        with store.create_upload(
            actor="tester", metadata=metadata, length=len(body), direct=True
        ) as upload:
            upload.write(body)
            upload.end_part()
            return str(upload.commit(actor="tester").version)
    finally:
        store.close()


def delete_in(home: Home, year: int, key: str, collection: str = "photos") -> str:
    """A delete marker as it would have been made in that year; its number."""
    store = store_in(home, year)
    try:
        return str(store.delete(collection, key, actor="tester").version)
    finally:
        store.close()
