"""Bodies compressed by lz4 where PostgreSQL has it: its own method takes several times as long."""

from django.db import migrations

TRY = """
DO $$
BEGIN
    ALTER TABLE emails ALTER COLUMN html_body SET COMPRESSION lz4;
    ALTER TABLE emails ALTER COLUMN text_body SET COMPRESSION lz4;
EXCEPTION
    WHEN feature_not_supported THEN NULL; -- built without lz4
END $$
"""


def compress(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(TRY)


class Migration(migrations.Migration):
    dependencies = [("emails", "0001_initial")]
    operations = [migrations.RunPython(compress, migrations.RunPython.noop)]
