"""Every change of what the policy is made from leaves a row that the publisher takes.

The row belongs to the transaction that made the change: the publisher sees both or neither, which
a sequence or a time stamp would not give. One row each transaction, so that two of them never wait
for each other.
"""

from django.db import migrations

QUEUE = """
CREATE TABLE skold_policy_change (
    transaction xid8 PRIMARY KEY DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE FUNCTION skold_policy_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO skold_policy_change DEFAULT VALUES ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
"""

WATCHED = ("skold_client", "skold_apikey", "skold_urlkey", "skold_grant")

WATCH = "\n".join(
    f"CREATE TRIGGER skold_policy_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION skold_policy_changed();"
    for table in WATCHED
)
UNWATCH = "\n".join(f"DROP TRIGGER skold_policy_changed ON {table};" for table in WATCHED)


class Migration(migrations.Migration):
    dependencies = [("skold", "0002_audit_table")]
    operations = [
        migrations.RunSQL(
            QUEUE, "DROP FUNCTION skold_policy_changed; DROP TABLE skold_policy_change"
        ),
        migrations.RunSQL(WATCH, UNWATCH),
    ]
