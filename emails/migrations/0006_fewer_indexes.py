"""Takes indexes and constraints away, and makes what is left smaller, while mail goes on.

In statements of our own, each a transaction by itself: Django would hold the tables of mail locked
until the last index is built, and on SQLite make tables anew, which gives ids of deleted mail again.
"""

from django.db import migrations, models

import emails.models.email

GONE = [("recipients", "project_id"), ("email_events", "recipient_id")]  # with their constraints
OF_KEYS = [("emails", "template_version_id"), ("recipients", "project_id")]  # their indexes go
NEW = ("emails_public_id", "emails_template_version")
UNIQUE = """
    CREATE UNIQUE INDEX CONCURRENTLY emails_public_id ON emails (public_id varchar_pattern_ops)
"""
TEMPLATED = """
    CREATE INDEX {} emails_template_version ON emails (template_version_id)
    WHERE template_version_id IS NOT NULL
"""


def change(apps, schema_editor):
    connection = schema_editor.connection
    speak = _on_postgresql if connection.vendor == "postgresql" else _on_sqlite
    for statement in list(speak(connection)):
        schema_editor.execute(statement)


def _on_postgresql(connection):
    # What an interrupted run left is made again; the old ones go last, so that none is missed.
    for name in NEW:
        yield f"DROP INDEX CONCURRENTLY IF EXISTS {name}"
    yield UNIQUE
    yield TEMPLATED.format("CONCURRENTLY")
    for table, column in GONE:
        for name in _named(connection, table, column, "foreign_key"):
            yield f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'
    for name in _named(connection, "emails", "public_id", "unique"):
        if name not in NEW:
            yield f'ALTER TABLE emails DROP CONSTRAINT "{name}"'
    for table, column in [("emails", "public_id"), *OF_KEYS]:
        for name in _named(connection, table, column, "index"):
            if name not in NEW:
                yield f'DROP INDEX CONCURRENTLY "{name}"'


def _on_sqlite(connection):
    """Its constraints stay: they are part of the tables."""
    for table, column in OF_KEYS:
        for name in _named(connection, table, column, "index"):
            yield f'DROP INDEX "{name}"'
    yield "DROP INDEX IF EXISTS emails_template_version"
    yield TEMPLATED.format("")


def _named(connection, table, column, kind):
    """Return the names of what is of that kind on that column alone, as Django finds them."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table)
    return [
        name
        for name, what in found.items()
        if what["columns"] == [column] and what[kind] and (kind != "index" or not what["unique"])
    ]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("emails", "0005_json_as_sent")]
    operations = [
        migrations.SeparateDatabaseAndState(
            [migrations.RunPython(change, migrations.RunPython.noop)],
            [
                migrations.AlterField(
                    "email",
                    "public_id",
                    models.CharField(default=emails.models.email.new_public_id, max_length=32),
                ),
                migrations.AlterField(
                    "email",
                    "template_version",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=models.deletion.PROTECT,
                        related_name="emails",
                        to="emails.templateversion",
                    ),
                ),
                migrations.AlterField(
                    "emailevent",
                    "recipient",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.deletion.DO_NOTHING,
                        related_name="events",
                        to="emails.recipient",
                    ),
                ),
                migrations.AlterField(
                    "recipient",
                    "project",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.deletion.DO_NOTHING,
                        related_name="+",
                        to="accounts.project",
                    ),
                ),
                migrations.AddIndex(
                    "email",
                    models.Index(
                        condition=models.Q(("template_version__isnull", False)),
                        fields=["template_version"],
                        name="emails_template_version",
                    ),
                ),
                migrations.AddConstraint(
                    "email",
                    models.UniqueConstraint(
                        fields=("public_id",),
                        name="emails_public_id",
                        opclasses=["varchar_pattern_ops"],
                    ),
                ),
            ],
        )
    ]
