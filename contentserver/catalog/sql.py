"""The catalog's own SQL: what the ORM cannot say. Values always travel as parameters, one array for
each column.
"""

# Taken first in every writing transaction: writers of one node follow each other, so numbers become
# visible in their own order, and a reader that has seen n never finds n - 1 appearing later.
LOCK_FEED = """
INSERT INTO contentserver_changefeed (node, identity, next_number)
VALUES (%(node)s, %(identity)s, 1)
ON CONFLICT (node) DO UPDATE SET next_number = contentserver_changefeed.next_number
RETURNING next_number
"""

MOVE_FEED = "UPDATE contentserver_changefeed SET next_number = %(next)s WHERE node = %(node)s"

# A newer version replaces the facts of the latest; an older one (entries come in any order, and
# twice) changes nothing.
UPSERT_FILES = """
INSERT INTO contentserver_file AS f (id, collection, key, year, number, size, sha256, media_type,
    filename, created_by, committed_at, deleted)
SELECT * FROM unnest(%(id)s::uuid[], %(collection)s::text[], %(key)s::text[],
    %(year)s::smallint[], %(number)s::int[], %(size)s::bigint[], %(sha256)s::bytea[],
    %(media_type)s::text[], %(filename)s::text[], %(created_by)s::text[],
    %(committed_at)s::timestamptz[], %(deleted)s::bool[])
ON CONFLICT (id) DO UPDATE SET
    (year, number, size, sha256, media_type, filename, created_by, committed_at, deleted) =
    (excluded.year, excluded.number, excluded.size, excluded.sha256, excluded.media_type,
     excluded.filename, excluded.created_by, excluded.committed_at, excluded.deleted)
WHERE (excluded.year, excluded.number) > (f.year, f.number)
"""

INSERT_VERSIONS = """
INSERT INTO contentserver_storedversion (file_id, year, number, identity, size, sha256, media_type,
    filename, created_by, on_behalf_of, data_subject, original_time, source, custom, committed_at,
    deleted, imported)
SELECT * FROM unnest(%(file)s::uuid[], %(year)s::smallint[], %(number)s::int[],
    %(identity)s::uuid[], %(size)s::bigint[], %(sha256)s::bytea[], %(media_type)s::text[],
    %(filename)s::text[], %(created_by)s::text[], %(on_behalf_of)s::text[],
    %(data_subject)s::text[], %(original_time)s::text[], %(source)s::text[], %(custom)s::jsonb[],
    %(committed_at)s::timestamptz[], %(deleted)s::bool[], %(imported)s::bool[])
ON CONFLICT (file_id, year, number) DO NOTHING
RETURNING id, file_id, year, number
"""

INSERT_CHANGES = """
INSERT INTO contentserver_change (node, number, version_id)
SELECT %(node)s, * FROM unnest(%(number)s::bigint[], %(version)s::bigint[])
"""
