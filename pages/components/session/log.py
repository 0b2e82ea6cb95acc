"""What went wrong on our side, for whoever runs the server."""

from __future__ import annotations

import logging
import traceback

log = logging.getLogger(__name__)


def log_place(what: str, error: Exception) -> None:
    """Only where it happened: messages and variables may hold what belongs to the visitor."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    log.error("%s failed: %s in %s, line %s", what, type(error).__name__, place.name, place.lineno)
