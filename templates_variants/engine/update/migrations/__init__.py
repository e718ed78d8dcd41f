"""Migrations edit the owner's own files when a version of the template changes a name, module or setting.

Each version that needs a migration has a module here, with a `Migration` in `ALL`. An update first plans the new
content of the files, then applies the migrations to this content, in the order of versions. A migration edits a name
only if the code shows what the name means. If that is uncertain, the report lists the file and line instead. All other
bytes of the file stay.

The migrations use only the standard library. The hooks of a plain `cookiecutter -f` need them to list the lines, and
hooks cannot install packages.
"""

from templates_variants.engine.update.migrations.changes import Migration
from templates_variants.engine.update.migrations.v0_3_0 import V0_3_0
from templates_variants.engine.update.migrations.v0_4_0 import V0_4_0

ALL: tuple[Migration, ...] = (V0_3_0, V0_4_0)
