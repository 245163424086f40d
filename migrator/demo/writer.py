"""`python -m migrator.demo.writer`: the old photo application, at work each few seconds.

It writes to its own database, until it is switched: then it stores through the content server, as
any application does whose files have moved. Who runs it sees what it did in its log.
"""

import random
import sys
import time
from typing import Any
from urllib.parse import quote

import httpx
import psycopg

from contentserver.conf import Config, config
from migrator.demo import tables
from migrator.demo.pictures import photo
from migrator.legacy.address import AddressMissing, AddressOpen, address_of

SOURCE = COLLECTION = "photos"
APPLICATION = "photo-office"
KEY_FILE = f"{APPLICATION}.key"
BUSY = 3.0  # seconds between two acts
BUSY_FOR = 900.0  # seconds; later it slows down, so that a demo left alone fills no disk
SLOW = 60.0
FAILURES = (psycopg.Error, httpx.HTTPError, AddressMissing, AddressOpen, OSError, ValueError)
SWITCHED = """
SELECT mode IN ('writeback', 'disk') OR EXISTS (
    SELECT FROM migrator_application
    WHERE source_id = migrator_source.name AND name = %s AND switched_at IS NOT NULL)
FROM migrator_source WHERE name = %s
"""


class Writer:
    """One act at a time: two of three change a photo, the others add or delete one."""

    def __init__(self, settings: Config) -> None:
        self._config = settings
        self._chance = random.Random()  # noqa: S311 - nothing secret

    def act(self) -> str:
        """Do something and say what. Raises psycopg.Error, httpx.HTTPError, OSError."""
        switched = self._is_switched()
        if switched is None:
            return "waits: there is no source of that name"
        return self._act_through_server() if switched else self._act_in_legacy()

    def _is_switched(self) -> bool | None:
        with psycopg.connect(self._config.database_url, connect_timeout=3) as connection:
            row = connection.execute(SWITCHED, (APPLICATION, SOURCE)).fetchone()
        return None if row is None else bool(row[0])

    def _act_in_legacy(self) -> str:
        address = address_of(SOURCE, "read", self._config.home)
        with psycopg.connect(address, connect_timeout=3, autocommit=True) as connection:
            what, number = self._choose(tables.numbers(connection))
            if what == "delete":
                tables.delete(connection, number)
            else:
                tables.put(connection, number, self._picture(number))
        return f"legacy: {what} {number}"

    def _act_through_server(self) -> str:
        with self._client() as client:
            what, number = self._choose(_numbers_stored(client))
            address = f"/v1/content/{COLLECTION}/{number}.png"
            if what == "delete":
                answer = client.delete(address)
            else:
                name = quote(tables.filename(number))
                headers = {
                    "Content-Type": tables.MEDIA_TYPE,
                    "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
                }
                answer = client.put(address, content=self._picture(number), headers=headers)
        return f"content server: {what} {number}, answered {answer.status_code}"

    def _client(self) -> httpx.Client:
        key = (self._config.home / "secrets" / KEY_FILE).read_text(encoding="ascii").strip()
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.Client(
            base_url=_local(self._config), headers=headers, timeout=30, trust_env=False
        )

    def _choose(self, numbers: list[int]) -> tuple[str, int]:
        what = self._chance.choices(("change", "add", "delete"), (8, 3, 1))[0]
        if what == "add" or not numbers:
            return "add", max(numbers, default=0) + 1
        return what, self._chance.choice(numbers)

    def _picture(self, number: int) -> bytes:
        return photo(number, self._chance.randrange(1, 1_000_000), small=True)


def _local(settings: Config) -> str:
    """The server's own address: the public one may lead to a proxy."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _numbers_stored(client: httpx.Client) -> list[int]:
    """Of the photos that the catalog lists; deleted ones are none."""
    found: list[int] = []
    page: str | None = f"/api/v1/files?collection={COLLECTION}"
    while page:
        answer = client.get(page)
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        keys = [row["key"] for row in document["results"] if not row.get("deleted")]
        found += [int(key.removesuffix(".png")) for key in keys if key[:-4].isdigit()]
        page = document["next"]
    return found


def main() -> int:
    """Until it is ended by a signal. What fails is said and tried again."""
    writer = Writer(config())
    began = time.monotonic()
    while True:
        time.sleep(BUSY if time.monotonic() - began < BUSY_FOR else SLOW)
        try:
            said = writer.act()
        except FAILURES as error:
            said = f"failed, tries again: {type(error).__name__}: {error}"
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {said}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
