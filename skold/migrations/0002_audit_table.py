"""The audit table: partitioned by month (UTC), written by COPY, read through a view."""

from django.db import migrations

TABLE = """
CREATE TABLE skold_audit (
    node text NOT NULL,
    leaf_index bigint NOT NULL,
    at timestamptz NOT NULL,
    writer text NOT NULL,
    n bigint NOT NULL,
    kind text NOT NULL,
    ref bigint,
    request_id text,
    plane text,
    method text,
    action text,
    decision text,
    reason text,
    rule text,
    client text,
    credential text,
    end_user_known text,
    collection text,
    address text,
    version text,
    resource text,
    status integer,
    outcome text,
    bytes bigint,
    microseconds bigint,
    private jsonb NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (node, leaf_index, at)
) PARTITION BY RANGE (at);

CREATE INDEX skold_audit_at ON skold_audit (at, node, leaf_index);
CREATE INDEX skold_audit_client ON skold_audit (client, at) WHERE client IS NOT NULL;
CREATE INDEX skold_audit_collection ON skold_audit (collection, at) WHERE collection IS NOT NULL;
CREATE INDEX skold_audit_request_id ON skold_audit (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX skold_audit_address ON skold_audit (address, at) WHERE address IS NOT NULL;
CREATE INDEX skold_audit_outcome ON skold_audit (outcome, at) WHERE kind = 'done';
CREATE INDEX skold_audit_status ON skold_audit (status, at) WHERE kind = 'done';
CREATE INDEX skold_audit_refused ON skold_audit (at) WHERE decision = 'refuse';
CREATE INDEX skold_audit_request ON skold_audit (writer, n) WHERE kind = 'req';
CREATE INDEX skold_audit_end ON skold_audit (writer, ref) WHERE kind = 'done';
"""

# ATTACH waits for nobody's reads; CREATE TABLE ... PARTITION OF would lock the whole table against
# them. The advisory lock makes two sessions that want the same month take turns.
PARTITION = """
CREATE FUNCTION skold_audit_partition(moment timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    first timestamp := date_trunc('month', moment AT TIME ZONE 'UTC');
    name text := 'skold_audit_' || to_char(first, 'YYYY_MM');
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN name;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('skold_audit_partition'));
    IF to_regclass(name) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE skold_audit INCLUDING DEFAULTS)', name);
        EXECUTE format('ALTER TABLE skold_audit ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            name, first || '+00', (first + interval '1 month') || '+00');
    END IF;
    RETURN name;
END $$;
"""

VIEW = """
CREATE VIEW skold_audit_view AS
SELECT node || ':' || leaf_index AS id, node, leaf_index, at, writer, n, kind, ref, request_id,
       plane, method, action, decision, reason, rule, client, credential, end_user_known,
       collection, address, version, resource, status, outcome, bytes, microseconds, private, body
FROM skold_audit;
"""


class Migration(migrations.Migration):
    dependencies = [("skold", "0001_clients_and_keys")]
    operations = [
        migrations.RunSQL(TABLE, "DROP TABLE skold_audit"),
        migrations.RunSQL(PARTITION, "DROP FUNCTION skold_audit_partition"),
        migrations.RunSQL(VIEW, "DROP VIEW skold_audit_view"),
    ]
