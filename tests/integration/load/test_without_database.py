"""Promise 5: PostgreSQL frozen or killed under load. Nobody notices, nothing is lost, and what
waited arrives once.
"""

import asyncio

import psycopg
import pytest

from benchmarks import loader
from benchmarks.production import Production, Records
from tests.integration.load.traffic import store_photos, upload

pytestmark = [pytest.mark.xdist_group("production"), pytest.mark.timeout(240)]
USERS = 20
TWICE = """
    SELECT count(*) FROM (
        SELECT writer, n FROM skold_audit WHERE writer IS NOT NULL GROUP BY writer, n
        HAVING count(*) > 1
    ) AS doubled
"""


@pytest.mark.parametrize("how", [pytest.param("frozen", marks=pytest.mark.slow), "killed"])
async def test_reads_and_uploads_go_on_and_everything_arrives_once(
    production: Production, how: str
) -> None:
    began, before = production.database_time(), _versions(production)
    photos = await store_photos(production, 20)

    def make(i: int) -> loader.Request:
        return upload(production, f"{how}/{i}") if i % 4 == 0 else photos.read(i)

    load = loader.Load("127.0.0.1", production.port, make, USERS, seconds=6)
    running = asyncio.create_task(loader.run(load))
    await asyncio.sleep(1)
    if how == "frozen":
        production.postgres.freeze()
    else:
        production.postgres.kill()
    outcome = await running
    if how == "frozen":
        production.postgres.thaw()
    else:
        production.postgres.restart()

    assert outcome.errors == {}
    assert set(outcome.statuses) == {200, 201}
    assert min(outcome.statuses.values()) > 20
    everything = 20 + outcome.requests
    records = await asyncio.to_thread(production.wait_for_records, everything, began, 90)
    assert records == Records(everything, everything)
    with psycopg.connect(production.postgres.url) as connection:
        assert connection.execute(TWICE).fetchone() == (0,)
    uploads = before + 20 + outcome.statuses[201]
    production.wait(lambda: _versions(production) >= uploads, 60, "all in the catalog")
    assert _versions(production) == uploads
    production.manage("rebuild_catalog", "--check")


def _versions(production: Production) -> int:
    with psycopg.connect(production.postgres.url) as connection:
        row = connection.execute("SELECT count(*) FROM contentserver_storedversion").fetchone()
        return row[0] if row else 0
