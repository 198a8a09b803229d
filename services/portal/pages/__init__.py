"""One module a page or a few that belong together: its functions, its templates, who may open it."""

import pkgutil
from importlib import import_module


def load() -> None:
    """Import all, so that their routes are known."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
