"""An audit of a year in PostgreSQL: many accesses, each a `req` and a `done`, made by SQL.

Two in three accesses are those of a few clients, a few persons and a few files; one in a hundred is
refused; some values are rare on purpose. The bodies are shorter than real ones (about 100 bytes
instead of 400), since nothing is searched in them; all else has the lengths of real records.
"""

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

CLIENTS, PEOPLE, FILES, NETWORKS = 30, 200_000, 2_000_000, 5_000
MONTHS = 12
LAST = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
"""The newest access."""
COLLECTIONS = ("photos", "documents", "certificates", "letters", "forms", "archive")
EMPTY = "empty"
"""A collection without an access."""
RETIRED = "client-01"
"""A busy client that was switched off after eight months: all that is newer is in vain."""

MAKE_FILES = """
CREATE UNLOGGED TABLE made_file (id integer PRIMARY KEY, collection text, key text, address text)
"""
# Rows stream in the order of `i`: subqueries with random() are not merged.
FILL = """
INSERT INTO <table>
SELECT node, 2 * i + half,
       least(at + half * interval '4 ms', %(until)s::timestamptz - interval '1 us'), writer,
       2 * i + half,
       CASE half WHEN 0 THEN 'req' ELSE 'done' END, CASE half WHEN 1 THEN 2 * i END,
       md5(i::text)::uuid::text,
       CASE WHEN action IN ('list', 'administer', 'audit') THEN 'control' ELSE 'data' END,
       CASE WHEN action = 'write' THEN 'PUT' ELSE 'GET' END, action,
       CASE WHEN reason = 'granted' THEN 'allow' ELSE 'refuse' END, reason,
       CASE WHEN reason = 'granted' THEN 'grant:17' END, client,
       'key' || substr(md5(client || (i %% 2)::text), 1, 9),
       CASE WHEN x < 0.8 THEN 'asserted' END, collection, address,
       (2019 + file %% 8) || '.' || 1 + (file %% 97) / 40, NULL,
       CASE half WHEN 1 THEN status END,
       CASE WHEN half = 0 THEN NULL WHEN status = 404 THEN 'not_found'
            WHEN status = 500 THEN 'internal_error' WHEN status = 507 THEN 'no_space'
            WHEN i %% 211 = 0 THEN 'broken_off' ELSE 'served' END,
       CASE half WHEN 1 THEN CASE status WHEN 200 THEN 65536 ELSE 0 END END,
       CASE half WHEN 1 THEN 900 END,
       CASE half WHEN 1 THEN '{}'::jsonb ELSE jsonb_strip_nulls(jsonb_build_object(
            'end_user', CASE WHEN x < 0.8 THEN 'u' || person END,
            'network', '10.' || (person %% %(networks)s) / 250 || '.' || person %% 250 || '.7',
            'key', key, 'user_agent', 'portal/3.1', 'salt', md5(i::text || at::text))) END,
       convert_to(CASE half
            WHEN 0 THEN format('{"action":"%%s","at":"%%s","client":"%%s","kind":"req","n":%%s}',
                action, to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), client, 2 * i)
            ELSE format('{"kind":"done","n":%%s,"ref":%%s,"status":%%s}', 2 * i + 1, 2 * i, status)
            END, 'UTF8')
FROM (
    SELECT drawn.*, made_file.collection, made_file.key, made_file.address,
        'node-' || number AS node,
        'node-' || number || '.' || (i / 10) %% 8 || '.'
            || to_char(date_trunc('week', at), 'YYYYMMDD"T"HH24MISS"Z"') AS writer,
        CASE WHEN x < 0.00001 THEN 'client-29'
             WHEN client = 1 AND %(month)s >= 8 THEN 'client-00'
             ELSE 'client-' || lpad(least(client, 28)::text, 2, '0') END AS client_name,
        CASE WHEN y < 0.92 THEN 'read' WHEN y < 0.96 THEN 'write' WHEN y < 0.98 THEN 'list'
             WHEN y < 0.99 THEN 'sign' WHEN y < 0.997 THEN 'administer'
             WHEN y < 0.99999 THEN 'delete' ELSE 'audit' END AS action,
        CASE WHEN z >= 0.01 THEN 'granted' WHEN z < 0.000001 THEN 'two_credentials'
             WHEN z < 0.006 THEN 'no_grant' WHEN z < 0.008 THEN 'unknown_key'
             WHEN z < 0.0095 THEN 'url_expired' ELSE 'wrong_secret' END AS reason,
        CASE WHEN z < 0.01 THEN 404 WHEN q < 0.000001 THEN 507 WHEN q < 0.00001 THEN 500
             WHEN q < 0.01 THEN 404 WHEN q < 0.1 THEN 304 WHEN y BETWEEN 0.92 AND 0.96 THEN 201
             ELSE 200 END AS status
    FROM (
        SELECT i, CASE WHEN i %% 10 = 0 THEN 2 ELSE 1 END AS number,
               %(since)s::timestamptz + (%(until)s::timestamptz - %(since)s::timestamptz)
                   * ((i - %(first)s + random()) / %(count)s) AS at,
               random() AS x, random() AS y, random() AS z, random() AS q,
               floor(%(clients)s * power(random(), 2))::int AS client,
               floor(%(files)s * power(random(), 2))::int AS file,
               floor(%(people)s * power(random(), 2))::int AS person
        FROM generate_series(%(first)s::bigint, %(first)s + %(count)s - 1) AS i
        OFFSET 0
    ) AS drawn JOIN made_file ON made_file.id = drawn.file
) AS told (i, number, at, x, y, z, q, client_number, file, person, collection, key, address, node,
           writer, client, action, reason, status)
CROSS JOIN (VALUES (0), (1)) AS halves (half)
"""


def fill_files(url: str, addresses: Iterator[tuple[str, str, str]]) -> None:
    """The files whose accesses are made: collection, key and address of each."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(MAKE_FILES)
        with cursor.copy("COPY made_file FROM STDIN") as copy:
            for number, (collection, key, address) in enumerate(addresses):
                copy.write_row((number, collection, key, address))
        cursor.execute("ANALYZE made_file")


def months() -> list[tuple[dt.datetime, dt.datetime]]:
    """Begin and end of each month, oldest first; the last one ends with LAST."""
    firsts = []
    year, month = LAST.year, LAST.month
    for _ in range(MONTHS):
        firsts.append(dt.datetime(year, month, 1, tzinfo=dt.UTC))
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    firsts.reverse()
    return list(zip(firsts, [*firsts[1:], LAST], strict=True))


def fill(url: str, accesses: int, jobs: int = 2) -> Iterator[str]:
    """Make the months, each in one transaction; gives the name of each that is done."""
    total = sum((until - since).total_seconds() for since, until in months())
    first = 0
    work: list[dict[str, Any]] = []
    for number, (since, until) in enumerate(months()):
        count = int(accesses * (until - since).total_seconds() / total)
        work.append({"month": number, "since": since, "until": until})
        work[-1] |= {"first": first, "count": count}
        first += count
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda month: _fill_month(url, month), work)


def _fill_month(url: str, month: dict[str, Any]) -> str:
    since: dt.datetime = month["since"]
    name = f"skold_audit_{since:%Y_%m}"
    given = {
        **month,
        "clients": CLIENTS,
        "people": PEOPLE,
        "files": FILES,
        "networks": NETWORKS,
    }
    with psycopg.ClientCursor(psycopg.connect(url)) as cursor, cursor.connection:
        cursor.execute("SET TimeZone = 'UTC'; SET work_mem = '512MB'")
        cursor.execute("SELECT setseed(%s)", (month["month"] / MONTHS,))
        cursor.execute(f"DROP TABLE IF EXISTS {name}")
        # Filled before it is attached: then each index is made at once, by sorting.
        cursor.execute(f"CREATE TABLE {name} (LIKE skold_audit INCLUDING DEFAULTS)")
        cursor.execute(FILL.replace("<table>", name), given)
        end = dt.datetime(since.year + since.month // 12, since.month % 12 + 1, 1, tzinfo=dt.UTC)
        cursor.execute(
            f"ALTER TABLE skold_audit ATTACH PARTITION {name}"
            f" FOR VALUES FROM ('{since.isoformat()}') TO ('{end.isoformat()}')"
        )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"VACUUM (ANALYZE) {name}")
    return name


def finish(url: str) -> None:
    """What the copier would have left: how far each node was copied. The files are not needed."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO skold_ledgermark (node, next_leaf)"
            " SELECT node, max(leaf_index) + 1 FROM skold_audit"
            " WHERE at >= %s GROUP BY node ON CONFLICT DO NOTHING",
            (months()[-1][0],),
        )
        connection.execute("DROP TABLE made_file")
