"""When everybody comes at once: no errors, nothing unrecorded, refusals that say when to return."""

import time
from collections.abc import Callable

import pytest

from benchmarks import loader
from benchmarks.production import Production, Records
from tests.integration.load.traffic import Photos, store_photos

pytestmark = [pytest.mark.xdist_group("production"), pytest.mark.timeout(240)]
USERS = 1000
SEEN = 10.0


async def test_a_thousand_users_see_no_error_and_each_request_is_recorded_once(
    production: Production,
) -> None:
    began = production.database_time()
    photos = await store_photos(production, 40)

    make = photos.read_mostly(production)
    load = loader.Load("127.0.0.1", production.port, make, USERS, count=4 * USERS)
    outcome = await loader.run(load)

    assert outcome.errors == {}
    assert outcome.answers == outcome.requests == 4 * USERS
    assert outcome.statuses == {200: 3800, 201: 200}
    records = production.wait_for_records(40 + 4 * USERS, began)
    assert records == Records(40 + 4 * USERS, 40 + 4 * USERS)


async def test_a_burst_is_refused_with_retry_after_recorded_and_over_in_seconds(
    start_production: Callable[..., Production],
) -> None:
    production = start_production(workers=1, CONTENTSERVER_MAX_CONNECTIONS="40")
    photos = await store_photos(production, 10)

    load = loader.Load("127.0.0.1", production.port, photos.read, 800, count=3000)
    outcome = await loader.run(load)

    assert set(outcome.statuses) <= {200, 429, 503}
    assert outcome.statuses[503] > 0, "the burst was too small to be refused"
    assert outcome.statuses[200] > 0
    assert not [name for name in outcome.errors if "without Retry-After" in name]
    assert outcome.answers == outcome.requests

    began = time.monotonic()
    assert await _is_served(production, photos)
    assert time.monotonic() - began < SEEN
    records = production.wait_for_records(10 + outcome.statuses[200] + 200)
    assert records.req == records.done
    assert records.req <= 10 + outcome.requests + 200


async def _is_served(production: Production, photos: Photos) -> bool:
    """A usual load right after the burst."""
    load = loader.Load("127.0.0.1", production.port, photos.read, 20, count=200)
    return not (await loader.run(load)).errors
