"""Sums of the records that were copied before there were sums."""

from django.db import migrations

# The marks are held meanwhile: a copier waits, and begins behind exactly what was counted.
HOLD = "LOCK TABLE skold_ledgermark IN EXCLUSIVE MODE"
HOURS = """
INSERT INTO skold_audithour
       (hour, node, plane, client, action, decision, outcome, count, bytes)
SELECT date_trunc('hour', at, 'UTC'), node, left(coalesce(plane, ''), 16),
       left(coalesce(client, ''), 64), left(coalesce(action, ''), 16),
       left(coalesce(decision, ''), 8), left(coalesce(outcome, ''), 64),
       count(*), sum(least(greatest(coalesce(bytes, 0), 0), 281474976710656))
FROM skold_audit WHERE kind = 'done' GROUP BY 1, 2, 3, 4, 5, 6, 7
ON CONFLICT DO NOTHING
"""
FLOODS = """
INSERT INTO skold_audithour
       (hour, node, plane, client, action, decision, outcome, count, bytes)
SELECT date_trunc('hour', at, 'UTC'), node, left(coalesce(plane, ''), 16),
       left(coalesce(client, ''), 64), '', 'refuse', 'flood',
       sum(substring(convert_from(body, 'UTF8') FROM '"count":([0-9]{1,12})[,}]')::bigint), 0
FROM skold_audit WHERE kind = 'flood' GROUP BY 1, 2, 3, 4
HAVING sum(substring(convert_from(body, 'UTF8') FROM '"count":([0-9]{1,12})[,}]')::bigint) > 0
ON CONFLICT DO NOTHING
"""
USES = """
INSERT INTO skold_credentialuse (credential, last_used_at)
SELECT left(credential, 128), max(at) FROM skold_audit
WHERE kind = 'req' AND decision = 'allow' AND credential <> '' GROUP BY 1
ON CONFLICT DO NOTHING
"""
# As skold.flood.network_of: what is no address stands for itself.
NETWORK_OF = r"""
CREATE FUNCTION pg_temp.network_of(address text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    parsed inet;
BEGIN
    parsed := regexp_replace(address, '^::ffff:(\d+\.\d+\.\d+\.\d+)$', '\1');
    RETURN network(set_masklen(parsed, CASE family(parsed) WHEN 4 THEN 24 ELSE 64 END))::text;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN left(address, 49);
END $$
"""
NETWORKS = """
INSERT INTO skold_knownnetwork (client, network, first_at, last_at)
SELECT left(client, 64), pg_temp.network_of(address), min(first_at), max(last_at)
FROM (
    SELECT client, private ->> 'network' AS address, min(at) AS first_at, max(at) AS last_at
    FROM skold_audit
    WHERE kind = 'req' AND decision = 'allow' AND client <> '' AND private ->> 'network' <> ''
      AND NOT EXISTS (SELECT FROM skold_urlkey WHERE id = credential)
    GROUP BY 1, 2
) AS met
GROUP BY 1, 2
ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("skold", "0008_audit_filter_indexes")]
    operations = [
        migrations.RunSQL(sql, migrations.RunSQL.noop)
        for sql in (HOLD, HOURS, FLOODS, USES, NETWORK_OF, NETWORKS)
    ]
