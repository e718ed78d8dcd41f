"""The migration to version 0.4.0: modules of the checks moved."""

from templates_variants.engine.update.migrations.changes import Migration

V0_4_0 = Migration(
    version="0.4.0",
    why="commands are in a folder of the checks",
    modules={
        "checks.arena": "checks.commands.arena",
        "checks.ask": "checks.commands.ask",
        "checks.clauses.timing": "checks.clauses.limits",
        "checks.command": "checks.commands.check",
        "checks.gateway": "checks.commands.gateway",
    },
)
