"""Run what takes time: in a turn of the queue, with words for what is done, and a sentence for what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from features import MediaError
from pages.components.models.own import model_named
from pages.components.session.log import log_place
from pages.components.session.queue import the_queue
from pages.components.session.state import Recording, recent_analyses, remember

if TYPE_CHECKING:
    from models.model import EmotionModel
    from xai.analysis import Analysis


def analysis_of(recording: Recording, options: dict[str, Any], name: str) -> Analysis | None:
    """The analysis of a recording by a model: from this session's memory, or made now. None after a problem, which is shown."""
    kept = recent_analyses()
    place = st.empty()
    try:
        model = model_named(name)
        key = analysis_key(recording, options, model)
        if key not in kept:
            with place.container():
                remember(key, _run(recording, options, model, st.status("Getting ready…").update))
            place.empty()
        kept.move_to_end(key)
        return kept[key]
    except MediaError as error:
        message = str(error)
    except MemoryError:
        message = "This recording needs more memory than this server has: cut out the part that matters."
    except Exception as error:
        log_place("analysis", error)
        message = "Something went wrong on our side and this recording could not be analysed. Try another file, or the sample."
    place.error(message, icon=":material/error:")
    return None


def analysis_key(recording: Recording, options: dict[str, Any], model: EmotionModel) -> tuple:
    """Under which an analysis is remembered; its first part is the recording's digest."""
    return recording.digest(), model.digest, tuple(sorted(options.items()))


def _run(recording: Recording, options: dict[str, Any], model: EmotionModel, update) -> Analysis:
    from xai.analysis import Settings, analyse

    def wait(ahead: int) -> None:
        update(label=f"Waiting: {ahead} ahead of you…")

    with the_queue().turn(wait):
        return analyse(
            recording.audio, recording.video, model=model, settings=Settings(**options), on_stage=lambda words: update(label=words)
        )
