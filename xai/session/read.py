"""A recording in, a session out."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from features import MediaError
from features.session.source import open_source
from models.checkpoint import load_model
from models.evaluation.track_record import most_accurate
from models.model import EmotionModel
from models.registry import BOTH
from xai.session.interpret import interpret
from xai.session.observe import Progress, observe
from xai.session.session import Session


def session_model() -> EmotionModel:
    """The most accurate model on voice and face together, by people who were not in its training."""
    name = most_accurate(BOTH)
    if name is None:
        raise MediaError("No model here was measured on people who were not in its training: run python -m models.evaluate.")
    return load_model(name)


def read_session(
    file: Path | BinaryIO,
    *,
    name: str = "",
    speakers: int | None = None,
    model: EmotionModel | None = None,
    on_progress: Progress = lambda words, share: None,
) -> Session:
    """Read a recorded session of up to 90 minutes and 2 GB.

    Args:
        file: a path, or a file that can be searched; name: of the latter, for a reader.
        speakers: how many people speak, if that is known.
        model: one of tokens; by default :func:`session_model`.
        on_progress: told in plain words what is done and which share of all is behind; what it raises ends the reading.

    Raises:
        MediaError: the file cannot be used.
    """
    model = model or session_model()
    return interpret(observe(open_source(file, name), model, speakers, on_progress), model)
