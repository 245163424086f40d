"""An index for each filter of the audit's list.

Made partition by partition, so that the copier goes on (skold.partition_indexes). All end with the
time, because the list is read newest first and stops after a page. What holds texts of any length
is indexed by its hash: eight bytes, and no name in clear outside the table.
"""

from django.db import migrations

from skold.partition_indexes import PartitionIndex, build, drop

INDEXES = (
    PartitionIndex("skold_audit_request_id_at", "(request_id, at) WHERE request_id IS NOT NULL"),
    PartitionIndex(
        "skold_audit_end_user",
        "(hashtextextended(private ->> 'end_user', 0), at)"
        " WHERE kind = 'req' AND (private ->> 'end_user') IS NOT NULL",
    ),
    PartitionIndex(
        "skold_audit_network",
        "(hashtextextended(private ->> 'network', 0), at)"
        " WHERE kind = 'req' AND (private ->> 'network') IS NOT NULL",
    ),
    PartitionIndex("skold_audit_writer", "(hashtextextended(writer, 0), at) WHERE kind = 'req'"),
    PartitionIndex("skold_audit_node", "(node, at) WHERE kind = 'req'"),
    PartitionIndex("skold_audit_action", "(action, at) WHERE kind = 'req'"),
    PartitionIndex("skold_audit_reason", "(reason, at) WHERE kind = 'req'"),
    PartitionIndex(
        "skold_audit_version", "(version, at) WHERE kind = 'req' AND version IS NOT NULL"
    ),
    PartitionIndex(
        "skold_audit_credential", "(credential, at) WHERE kind = 'req' AND credential IS NOT NULL"
    ),
    # Files are the rule: their newest stand at the end of the index on the time.
    PartitionIndex("skold_audit_plane", "(plane, at) WHERE kind = 'req' AND plane <> 'data'"),
    PartitionIndex("skold_audit_kind", "(kind, at) WHERE kind NOT IN ('req', 'done')"),
)
REPLACED = "skold_audit_request_id"


def make_indexes(_apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for index in INDEXES:
            for _partition in build(cursor, index):
                pass
        drop(cursor, REPLACED)


def drop_indexes(_apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        before = PartitionIndex(REPLACED, "(request_id) WHERE request_id IS NOT NULL")
        for _partition in build(cursor, before):
            pass
        for index in INDEXES:
            drop(cursor, index.name)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("skold", "0007_second_factor_and_fetching")]
    operations = [migrations.RunPython(make_indexes, drop_indexes)]
