"""Where a result comes from: the commit and the day."""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path


def commit() -> str:
    """Twelve digits of the commit that is checked out; ``unknown`` outside a repository."""
    try:
        command = ["git", "rev-parse", "--short=12", "HEAD"]
        run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    except OSError:  # no git
        return "unknown"
    return run.stdout.strip() or "unknown"


def today() -> str:
    """The day in UTC, as 2026-01-31."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()
