"""The old package changed Datasette here. There is nothing to change under Tablecast."""


def patch_datasette():
    """Does nothing."""
