"""What callers send as objects keeps its order on PostgreSQL; SQLite has kept it all along.

One statement, because each rewrites the table. Rows that are there keep the order they have.
"""

from django.db import migrations

import emails.models.json_as_sent

NAMES = ("variables", "headers", "metadata")
ALTER = "ALTER TABLE emails " + ", ".join(f"ALTER {name} TYPE {{0}}" for name in NAMES)


def to_json(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(ALTER.format("json"))


def to_jsonb(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(ALTER.format("jsonb"))


class Migration(migrations.Migration):
    dependencies = [("emails", "0004_submission_body")]
    operations = [
        migrations.SeparateDatabaseAndState(
            [migrations.RunPython(to_json, to_jsonb)],
            [
                migrations.AlterField(
                    "email",
                    name,
                    emails.models.json_as_sent.JSONAsSentField(blank=True, default=dict),
                )
                for name in NAMES
            ],
        )
    ]
