"""``python -m models.ravdess download DIR`` fetches RAVDESS, ``python -m models.ravdess index DIR`` counts what a folder holds of it."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module


def main(arguments: list[str] | None = None) -> int:
    """Run one of the two commands; only its own module is imported."""
    arguments = sys.argv[1:] if arguments is None else arguments
    p = argparse.ArgumentParser(prog="python -m models.ravdess", description="RAVDESS on disk.")
    p.add_argument("command", choices=("download", "index"), help="fetch the published archives, or count what a folder holds")
    return import_module(f"models.data.{p.parse_args(arguments[:1]).command}").main(arguments[1:])


if __name__ == "__main__":
    sys.exit(main())
