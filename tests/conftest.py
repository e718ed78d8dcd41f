"""Makes the unbaked template importable for all tests, and lets properties take their time."""

import hypothesis

from . import template_path

__all__ = ["template_path"]

# This machine may be busy with other things: no test asserts a time that noise can break.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")
