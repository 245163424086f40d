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

# After versions were dropped or mended: the latest of what is left, and no file without a version.
DROP_EMPTY_FILES = """
DELETE FROM contentserver_file f WHERE f.id = ANY(%(files)s)
AND NOT EXISTS (SELECT FROM contentserver_storedversion v WHERE v.file_id = f.id)
"""

REFRESH_FILES = """
UPDATE contentserver_file f SET
    (year, number, size, sha256, media_type, filename, created_by, committed_at, deleted) =
    (v.year, v.number, v.size, v.sha256, v.media_type, v.filename, v.created_by, v.committed_at,
     v.deleted)
FROM (SELECT DISTINCT ON (file_id) * FROM contentserver_storedversion
      WHERE file_id = ANY(%(files)s) ORDER BY file_id, year DESC, number DESC) v
WHERE f.id = v.file_id
"""

# Dropping rows tears holes into the feed. It is numbered again under a new identity, so that a
# reader with an old cursor is told to begin again instead of waiting for a number that is gone.
HAS_HOLES = """
SELECT next_number - 1 <> (SELECT count(*) FROM contentserver_change WHERE node = %(node)s)
FROM contentserver_changefeed WHERE node = %(node)s
"""
LIFT_CHANGES = "UPDATE contentserver_change SET number = -number WHERE node = %(node)s"
NUMBER_CHANGES = """
UPDATE contentserver_change c SET number = n.number
FROM (SELECT id, row_number() OVER (ORDER BY number DESC) AS number FROM contentserver_change
      WHERE node = %(node)s) n
WHERE c.id = n.id
"""
RENEW_FEED = """
UPDATE contentserver_changefeed SET identity = %(identity)s, next_number = 1 + COALESCE(
    (SELECT max(number) FROM contentserver_change WHERE node = %(node)s), 0)
WHERE node = %(node)s
"""

# Files whose row is not what their latest version says, and versions that no feed ever told.
UNEQUAL_LATEST = """
SELECT f.id FROM contentserver_file f LEFT JOIN LATERAL (
    SELECT * FROM contentserver_storedversion v WHERE v.file_id = f.id
    ORDER BY v.year DESC, v.number DESC LIMIT 1) v ON true
WHERE (f.year, f.number, f.size, f.sha256, f.media_type, f.filename, f.created_by, f.committed_at,
       f.deleted)
    IS DISTINCT FROM (v.year, v.number, v.size, v.sha256, v.media_type, v.filename, v.created_by,
       v.committed_at, v.deleted)
LIMIT %(limit)s
"""
UNTOLD_VERSIONS = """
SELECT v.id FROM contentserver_storedversion v
WHERE NOT EXISTS (SELECT FROM contentserver_change c WHERE c.version_id = v.id) LIMIT %(limit)s
"""
