"""The JSON that describes a model: read with care, and refused with the place and the reason."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from models.networks import ModelError

MOST_BYTES = 200_000  # of a sidecar: two lists of 552 numbers take 25,000
BEGIN = 'begin from the example in CONTRIBUTING.md, or on the page Models under "Bring your own"'


def parsed(text: bytes, name: str) -> dict[str, Any]:
    """The object in a JSON file.

    Args:
        text: UTF-8, with or without the mark that Windows puts first; name: of the file, for the message.

    Raises:
        ModelError: it is none, with the line and the column; or a name stands in it twice.

    >>> parsed(b'{"input": "faces"}', "mine.json")
    {'input': 'faces'}
    """

    def no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            refuse(name, "a name stands in it twice", "give every output a name of its own")
        return found

    if not text.strip():
        refuse(name, "it is empty", BEGIN)
    if len(text) > MOST_BYTES:
        refuse(name, f"it is no JSON object of at most {MOST_BYTES:,} bytes", BEGIN)
    try:
        given = json.loads(text.decode("utf-8-sig"), object_pairs_hook=no_twins)
    except UnicodeDecodeError as error:
        refuse(name, f"byte {error.start + 1} is not UTF-8", "save it as UTF-8")
    except json.JSONDecodeError as error:
        refuse(name, f"it is no JSON object, from line {error.lineno}, column {error.colno} on ({error.msg})", f"mend that, or {BEGIN}")
    except RecursionError:
        given = None
    if not isinstance(given, dict):
        refuse(name, "it is no JSON object", BEGIN)
    return given


def refuse(name: str, what: str, next_step: str) -> NoReturn:
    """Raise the error of a file, in one sentence."""
    raise ModelError(f"{name}: {what}; {next_step}.")
