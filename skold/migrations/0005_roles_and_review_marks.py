"""Groups for auditors, security officers and operators; how far the rules have judged; reviews
that only grow."""

from typing import Any

from django.db import migrations, models

from skold.roles import ROLES, grant_role

ONLY_GROWS = """
CREATE FUNCTION skold_review_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a review is never changed or deleted: add a newer one'
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER skold_review_only_grows BEFORE UPDATE OR DELETE ON skold_review
    FOR EACH ROW EXECUTE FUNCTION skold_review_only_grows();
"""
GROWS_AND_SHRINKS = """
DROP TRIGGER skold_review_only_grows ON skold_review;
DROP FUNCTION skold_review_only_grows();
"""


def make_roles(apps: Any, _schema_editor: Any) -> None:
    for role, permissions in ROLES.items():
        grant_role(apps, role, permissions)


class Migration(migrations.Migration):
    dependencies = [
        ("skold", "0004_ways_in_and_review"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [
        migrations.CreateModel(
            name="ReviewMark",
            fields=[
                (
                    "node",
                    models.CharField(
                        max_length=64, primary_key=True, serialize=False, verbose_name="node"
                    ),
                ),
                ("next_leaf", models.BigIntegerField(default=0, verbose_name="next leaf")),
                ("writers", models.JSONField(default=dict)),
                ("seen_leaf", models.BigIntegerField(default=0)),
                ("seen_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "mark of the review",
                "verbose_name_plural": "marks of the review",
            },
        ),
        migrations.RunSQL(ONLY_GROWS, GROWS_AND_SHRINKS),
        migrations.RunPython(make_roles, migrations.RunPython.noop),
    ]
