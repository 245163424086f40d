"""The audit's copy can only grow: group roles, guards on every table of it, functions for months.

Roles belong to the whole server, so they are made only where they are absent. What each of them may
do is granted after every `migrate` (skold.database_roles).
"""

from typing import Any

from django.db import DatabaseError, migrations, models
from django.utils.translation import gettext as _

from skold.database_roles import ARCHIVER, GROUPS, REDACTOR, WRITER, RolesMissing

MAKE_ROLE = """
DO $$ BEGIN CREATE ROLE {0} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$
"""  # noqa: E501 - one statement

GUARDS = f"""
CREATE FUNCTION skold_is_superuser() RETURNS boolean LANGUAGE sql STABLE AS
    $$ SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user $$;

CREATE FUNCTION skold_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'role % may not % the audit', current_user, TG_OP
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'The bridge adds records; redactions and archive_audit have roles of their own.';
END $$;

CREATE FUNCTION skold_audit_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT skold_is_superuser() THEN
        RAISE EXCEPTION 'role % may not TRUNCATE the audit', current_user
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;

-- AFTER and with WHEN: a COPY keeps its speed. For each row: PostgreSQL gives such a trigger to
-- every partition, also to one that somebody attaches by hand.
CREATE TRIGGER skold_audit_inserts AFTER INSERT ON skold_audit FOR EACH ROW
    WHEN (NOT pg_has_role(current_user, '{WRITER}', 'USAGE'))
    EXECUTE FUNCTION skold_audit_refuse();
CREATE TRIGGER skold_audit_updates AFTER UPDATE ON skold_audit FOR EACH ROW
    WHEN (NOT ((current_user = '{REDACTOR}' AND NEW.private = '{{}}'::jsonb) OR skold_is_superuser()))
    EXECUTE FUNCTION skold_audit_refuse();
CREATE TRIGGER skold_audit_deletes AFTER DELETE ON skold_audit FOR EACH ROW
    WHEN (NOT skold_is_superuser())
    EXECUTE FUNCTION skold_audit_refuse();
CREATE TRIGGER skold_audit_truncates BEFORE TRUNCATE ON skold_audit FOR EACH STATEMENT
    EXECUTE FUNCTION skold_audit_refuse_truncate();

CREATE FUNCTION skold_audit_guard_partition(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger
                   WHERE tgrelid = name::regclass AND tgname = 'skold_audit_truncates') THEN
        EXECUTE format('CREATE TRIGGER skold_audit_truncates BEFORE TRUNCATE ON %I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION skold_audit_refuse_truncate()', name);
    END IF;
END $$;

SELECT skold_audit_guard_partition(inhrelid::regclass::text) FROM pg_inherits
WHERE inhparent = 'skold_audit'::regclass;

CREATE FUNCTION skold_sums_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_has_role(current_user, '{WRITER}', 'USAGE')
       AND NOT (TG_OP = 'DELETE' AND TG_TABLE_NAME = 'skold_knownnetwork'
                AND current_user = '{REDACTOR}') THEN
        RAISE EXCEPTION 'role % may not % %: the bridge alone does', current_user, TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER skold_sums_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON skold_ledgermark
    FOR EACH STATEMENT EXECUTE FUNCTION skold_sums_guard();
CREATE TRIGGER skold_sums_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON skold_audithour
    FOR EACH STATEMENT EXECUTE FUNCTION skold_sums_guard();
CREATE TRIGGER skold_sums_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON skold_credentialuse
    FOR EACH STATEMENT EXECUTE FUNCTION skold_sums_guard();
CREATE TRIGGER skold_sums_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON skold_knownnetwork
    FOR EACH STATEMENT EXECUTE FUNCTION skold_sums_guard();

CREATE FUNCTION skold_archive_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_has_role(current_user, '{ARCHIVER}', 'USAGE')
       AND NOT (TG_OP = 'UPDATE' AND current_user = '{REDACTOR}') THEN
        RAISE EXCEPTION 'role % may not % %: archive_audit does', current_user, TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER skold_archive_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON skold_archivedmonth
    FOR EACH STATEMENT EXECUTE FUNCTION skold_archive_guard();

-- What was asked stays as it was asked; persons decide, the bridge alone reports. The selector, which
-- may name a person, goes with the end of the work.
CREATE FUNCTION skold_redaction_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF skold_is_superuser() THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'asked' OR NEW.decided_by <> '' OR NEW.records IS NOT NULL THEN
            RAISE EXCEPTION 'a redaction begins as asked'
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.kind, NEW.reason, NEW.asked_by, NEW.asked_at)
       IS DISTINCT FROM (OLD.kind, OLD.reason, OLD.asked_by, OLD.asked_at)
       OR (NEW.selector IS DISTINCT FROM OLD.selector AND NEW.state NOT IN ('done', 'refused'))
       OR (OLD.state <> 'asked' AND (NEW.decided_by, NEW.decided_at)
           IS DISTINCT FROM (OLD.decided_by, OLD.decided_at))
       OR (OLD.state, NEW.state) NOT IN (('asked', 'asked'), ('asked', 'approved'),
           ('asked', 'refused'), ('approved', 'approved'), ('approved', 'done')) THEN
        RAISE EXCEPTION 'a redaction goes from asked to refused, or through approved to done'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF ((NEW.records, NEW.done_at, NEW.error) IS DISTINCT FROM (OLD.records, OLD.done_at, OLD.error)
        OR NEW.state = 'done') AND NOT pg_has_role(current_user, '{WRITER}', 'USAGE') THEN
        RAISE EXCEPTION 'the bridge alone says what a redaction found and did'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER skold_redaction_guard BEFORE INSERT OR UPDATE ON skold_redaction
    FOR EACH ROW EXECUTE FUNCTION skold_redaction_guard();
"""  # noqa: E501, S608 - SQL of our own names, as it reads best

# SECURITY DEFINER with a search_path of their own: they act as the owner of the tables, whoever
# calls them, and find nothing that the caller could have put in the way.
MONTHS = """
CREATE OR REPLACE FUNCTION skold_audit_partition(moment timestamptz) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    first timestamp := date_trunc('month', moment AT TIME ZONE 'UTC');
    name text := 'skold_audit_' || to_char(first, 'YYYY_MM');
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN name;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('skold_audit_partition'));
    IF to_regclass(name) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE skold_audit INCLUDING DEFAULTS INCLUDING GENERATED)', name);
        PERFORM skold_audit_guard_partition(name);
        EXECUTE format('ALTER TABLE skold_audit ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            name, first || '+00', (first + interval '1 month') || '+00');
    END IF;
    RETURN name;
END $$;

CREATE FUNCTION skold_audit_put_away(month date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    name text := 'skold_audit_' || to_char(month, 'YYYY_MM');
    found record;
    total bigint := 0;
BEGIN
    IF EXISTS (SELECT FROM pg_inherits
               WHERE inhparent = 'skold_audit'::regclass AND inhrelid = to_regclass(name)) THEN
        -- Nothing may be added between counting and dropping; reads go on until then.
        EXECUTE format('LOCK TABLE %I IN SHARE MODE', name);
        FOR found IN EXECUTE format(
            'SELECT a.node, count(*) AS stand, max(a.leaf_index) AS last, m.records, m.leaves'
            ' FROM %I a LEFT JOIN skold_archivedmonth m ON m.node = a.node AND m.month = $1'
            ' GROUP BY a.node, m.records, m.leaves', name) USING month
        LOOP
            IF found.records IS NULL THEN
                RAISE EXCEPTION 'no bundle holds the records of % of %', found.node, to_char(month, 'YYYY-MM')
                    USING ERRCODE = 'object_not_in_prerequisite_state';
            END IF;
            IF found.last >= found.leaves OR found.stand > found.records THEN
                RAISE EXCEPTION 'the bundle of % of % is older than the records here', found.node,
                    to_char(month, 'YYYY-MM') USING ERRCODE = 'object_not_in_prerequisite_state';
            END IF;
            total := total + found.stand;
        END LOOP;
        EXECUTE format('ALTER TABLE skold_audit DETACH PARTITION %I', name);
        EXECUTE format('DROP TABLE %I', name);
    END IF;
    UPDATE skold_archivedmonth m SET standing = false WHERE m.month = skold_audit_put_away.month AND m.standing;
    RETURN total;
END $$;

CREATE FUNCTION skold_audit_begin_reading(month date) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    name text := 'skold_audit_' || to_char(month, 'YYYY_MM') || '_reading';
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('skold_audit_partition'));
    EXECUTE format('DROP TABLE IF EXISTS %I', name);
    EXECUTE format('CREATE TABLE %I (LIKE skold_audit INCLUDING DEFAULTS INCLUDING GENERATED)', name);
    EXECUTE format('GRANT INSERT ON %I TO skold_audit_archiver', name);
    RETURN name;
END $$;

CREATE FUNCTION skold_audit_bring_back(month date, of_node text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    staged text := 'skold_audit_' || to_char(month, 'YYYY_MM') || '_reading';
    name text := 'skold_audit_' || to_char(month, 'YYYY_MM');
    expected bigint;
    total bigint;
BEGIN
    SELECT m.records INTO expected FROM skold_archivedmonth m
    WHERE m.node = of_node AND m.month = skold_audit_bring_back.month;
    EXECUTE format('SELECT count(*) FROM %I WHERE node = $1', staged) INTO total USING of_node;
    IF expected IS DISTINCT FROM total THEN
        RAISE EXCEPTION 'the bundle of % of % holds % records, % were read', of_node,
            to_char(month, 'YYYY-MM'), expected, total
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF to_regclass(name) IS NULL THEN
        EXECUTE format('REVOKE ALL ON %I FROM skold_audit_archiver', staged);
        EXECUTE format('ALTER TABLE %I RENAME TO %I', staged, name);
        PERFORM skold_audit_guard_partition(name);
        EXECUTE format('ALTER TABLE skold_audit ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            name, month || ' 00:00+00', (month + interval '1 month')::date || ' 00:00+00');
    ELSE
        -- Of another node, or later than the bundle: they share the month.
        EXECUTE format('INSERT INTO skold_audit SELECT * FROM %I ON CONFLICT DO NOTHING', staged);
        EXECUTE format('DROP TABLE %I', staged);
    END IF;
    UPDATE skold_archivedmonth m SET standing = true
    WHERE m.node = of_node AND m.month = skold_audit_bring_back.month;
    RETURN total;
END $$;
"""  # noqa: E501, S608 - SQL of our own names, as it reads best

UNDO = """
DROP FUNCTION skold_audit_put_away, skold_audit_begin_reading, skold_audit_bring_back;
DROP TRIGGER skold_redaction_guard ON skold_redaction;
DROP TRIGGER skold_archive_guard ON skold_archivedmonth;
DROP TRIGGER skold_sums_guard ON skold_ledgermark;
DROP TRIGGER skold_sums_guard ON skold_audithour;
DROP TRIGGER skold_sums_guard ON skold_credentialuse;
DROP TRIGGER skold_sums_guard ON skold_knownnetwork;
DROP FUNCTION skold_redaction_guard, skold_archive_guard, skold_sums_guard;
DROP TRIGGER skold_audit_inserts ON skold_audit;
DROP TRIGGER skold_audit_updates ON skold_audit;
DROP TRIGGER skold_audit_deletes ON skold_audit;
DROP FUNCTION skold_audit_refuse_truncate CASCADE;
DROP FUNCTION skold_audit_guard_partition, skold_audit_refuse, skold_is_superuser;
ALTER FUNCTION skold_audit_partition SECURITY INVOKER;
GRANT EXECUTE ON FUNCTION skold_audit_partition TO PUBLIC;
"""


def make_roles(_apps: Any, editor: Any) -> None:
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(GROUPS)])
        there = {name for (name,) in cursor.fetchall()}
        cursor.execute(
            "SELECT rolname, rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        )
        owner, superuser, may_create = cursor.fetchone()
        missing = [name for name in GROUPS if name not in there]
        if missing and not (superuser or may_create):
            raise RolesMissing(_by_hand(owner, missing))
        for name in missing:
            cursor.execute(MAKE_ROLE.format(name))
        if not superuser:
            _join(cursor, owner)


def _join(cursor: Any, owner: str) -> None:
    """The owner has every right anyway; as a member it can be all processes at once, which is what
    a deployment with a single role needs."""
    for name in GROUPS:
        cursor.execute("SELECT pg_has_role(current_user, %s, 'USAGE')", [name])
        if cursor.fetchone()[0]:
            continue
        cursor.execute("SELECT current_setting('server_version_num')::int >= 160000")
        options = " WITH INHERIT TRUE, SET TRUE" if cursor.fetchone()[0] else ""
        try:
            cursor.execute(f"GRANT {name} TO CURRENT_USER{options}")
        except DatabaseError as error:
            raise RolesMissing(_by_hand(owner, [])) from error


def _by_hand(owner: str, missing: list[str]) -> str:
    lines = [f"CREATE ROLE {name} NOLOGIN;" for name in missing]
    lines.append(f'GRANT {", ".join(GROUPS)} TO "{owner}";')
    said = _(
        "Role %(owner)s may not create roles. Let an administrator of the PostgreSQL server run"
        " this, then migrate again:"
    )
    return said % {"owner": owner} + "\n\n" + "\n".join(lines) + "\n"


def make_functions(_apps: Any, editor: Any) -> None:
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_schema())")
        (schema,) = cursor.fetchone()
        cursor.execute(GUARDS)
        cursor.execute(MONTHS.replace("{schema}", schema))


def drop_functions(_apps: Any, editor: Any) -> None:
    with editor.connection.cursor() as cursor:
        cursor.execute(UNDO)


class Migration(migrations.Migration):
    dependencies = [("skold", "0005_roles_and_review_marks")]
    operations = [
        migrations.AddField(
            "archivedmonth",
            "leaves",
            models.BigIntegerField(default=0, editable=False),
        ),
        migrations.RunPython(make_roles, migrations.RunPython.noop),
        migrations.RunPython(make_functions, drop_functions),
    ]
