"""Migrations: what an update changes in the owner's own files when a name, module or setting of the template changed.

Each version that changes something for owners has a module here, with a `Migration` in `ALL`. They are applied one
after the other to what the update leaves at each path. An edit is made only where the code itself says what a name
means; what is uncertain is named by file and line. Only the bytes of the edited names change.

Only the standard library is used, because also the hooks of a plain `cookiecutter -f` need the list of lines, and
nothing may be installed for that.
"""

from templates_variants.engine.update.migrations.changes import Migration
from templates_variants.engine.update.migrations.v0_3_0 import V0_3_0

ALL: tuple[Migration, ...] = (V0_3_0,)
