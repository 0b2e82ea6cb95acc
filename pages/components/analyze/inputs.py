"""What to analyse: a voice, a face, or a sample; folded into one line once something is chosen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components.analyze.samples import SAMPLES, show_gallery
from pages.components.analyze.view import choose_emotion
from pages.components.session.address import read_address, write_address
from pages.components.session.files import KINDS, recording_of
from pages.components.session.keys import Key
from pages.components.session.state import Recording, escape
from pages.components.session.wording import technical

# What the widgets of the settings say unless they are touched.
DEFAULT_SETTINGS: dict[str, Any] = {"stride": None, "samples": 2000, "seed": 0, "estimator": "quadrature"}
_BOXES = {
    Key.VOICE: ("Voice (WAV)", "Leave empty to use the sound of the video."),
    Key.FACE: ("Face (MP4)", "Leave empty to judge the voice alone."),
}
_HIDDEN = f"<style>.st-key-{Key.FILES} {{ display: none }}</style>"
_LIMITS = "The model learned from actors. It recognises what is portrayed; it does not know what a person feels, and it is no diagnosis."
_PRIVACY = (
    "Give a voice, a face or both. :material/lock: Recordings stay in this server's memory while your page is open: "
    "never written to disk, never shared, never used for training."
)


def choose_recording(bar: DeltaGenerator) -> tuple[Recording | None, dict[str, Any]]:
    """The recording that is shown and the settings; before there is one, everything that a visitor may give.

    Args:
        bar: where one line is left for it.
    """
    recording = _current()
    with bar:
        if recording is not None:
            _show_line(recording)
        options = _settings()
    _show_choice(asked=recording is None)
    return recording, options


def _current() -> Recording | None:
    """What was chosen; in the first run, the sample that the link names."""
    if Key.RECORDING not in st.session_state:
        sample = read_address(Key.SAMPLE, SAMPLES)
        st.session_state[Key.SAMPLE_SHOWN] = sample
        st.session_state[Key.RECORDING] = SAMPLES[sample].recording() if sample else None
    write_address(Key.SAMPLE, st.session_state.get(Key.SAMPLE_SHOWN))
    return st.session_state[Key.RECORDING]


def _show_choice(asked: bool) -> None:
    """The two boxes and the gallery: all of the first page, and below the bar later on, once they are asked for.

    The boxes stay where they are and are only hidden: an upload that is still under way would be lost with its box.

    Args:
        asked: there is no recording yet.
    """
    opened = asked or st.session_state.get(Key.FILES_OPEN, False)
    with st.container(key=Key.FILES, border=not asked):
        with st.container():  # always there, or the boxes would be other elements of the page
            if asked:
                st.title("What does the model recognise, and why?")
        _boxes()
        if opened:
            st.caption(_PRIVACY)
            if asked:
                st.header("Or try one of these", anchor=False)
            show_gallery(choose_sample)
        else:
            st.html(_HIDDEN)
        if asked:
            st.caption(_LIMITS)


def _boxes() -> None:
    """One for the voice and one for the face; empty ones in each new round."""
    turn = st.session_state.get(Key.FILES_ROUND, 0)
    for column, (key, (label, note)) in zip(st.columns(2), _BOXES.items(), strict=True):
        box = f"{key}-{turn}"
        column.file_uploader(label, KINDS, key=box, help=note, on_change=_file_changed, args=(key, box))


def _show_line(recording: Recording) -> None:
    """What is shown, a way to put it away, and behind a button everything that could be shown instead."""
    st.markdown(f":material/movie: {escape(recording.name, 44)}", width="content")
    st.button("Put it away", key=Key.CLEAR, on_click=_clear, type="tertiary", icon=":material/close:")
    icon = ":material/keyboard_arrow_up:" if st.session_state.get(Key.FILES_OPEN) else ":material/upload:"
    st.button(_change(recording), key=Key.CHANGE, on_click=_open_or_close, icon=icon)
    for note in st.session_state.get(Key.FILE_NOTES, ()):
        st.caption(f":material/info: {note}")


def _change(recording: Recording) -> str:
    return "Add a face, or change it" if recording.video is None else "Change"


def say_what_next(recording: Recording) -> None:
    """Where another file can be given, below the reason why this one cannot be used."""
    st.caption(f"Give another file under **{_change(recording)}**, above; or **Put it away** and try a sample.")


def _open_or_close() -> None:
    st.session_state[Key.FILES_OPEN] = not st.session_state.get(Key.FILES_OPEN, False)


def _show(recording: Recording | None, sample: str | None = None, notes: tuple[str, ...] = ()) -> None:
    """From now on; explained is what will be recognised, until something else is chosen."""
    st.session_state[Key.FILES_OPEN] = False
    st.session_state[Key.RECORDING] = recording
    st.session_state[Key.SAMPLE_SHOWN] = sample
    st.session_state[Key.FILE_NOTES] = notes
    choose_emotion(None)


def _file_changed(key: Key, box: str) -> None:
    """A file was added or removed: the recording is this one, and the other, which another page's visit has taken out of its box."""
    given = st.session_state.setdefault(Key.FILES_GIVEN, {})
    given[key] = st.session_state[box]
    recording, notes = recording_of(*(given.get(each) for each in _BOXES))
    _show(recording, notes=notes)


def choose_sample(key: str) -> None:
    """Show this one of the gallery instead of any file."""
    _forget_files()
    _show(SAMPLES[key].recording(), key)


def _clear() -> None:
    _forget_files()
    _show(None)


def _forget_files() -> None:
    st.session_state[Key.FILES_GIVEN] = {}
    st.session_state[Key.FILES_ROUND] = st.session_state.get(Key.FILES_ROUND, 0) + 1


def _settings() -> dict[str, Any]:
    """Settings that nobody needs for a first result; the keys are those of ``xai.analysis.Settings``.

    Those that only technical words can name are kept, and not shown, in plain ones.
    """
    with st.popover("Settings", icon=":material/tune:"):
        for name, widget in _SETTINGS.items():
            if technical() or name in _PLAIN:
                widget(key=_KEYS[name], persist_state="session")
    return {name: st.session_state.get(_KEYS[name], default) for name, default in DEFAULT_SETTINGS.items()}


_PLAIN = ("stride", "seed")
_KEYS = {"stride": Key.STRIDE, "samples": Key.SAMPLES, "seed": Key.SEED, "estimator": Key.ESTIMATOR}
_SETTINGS: dict[str, Callable[..., Any]] = {
    "stride": partial(
        st.number_input,
        "Look at every n-th frame",
        1,
        300,
        DEFAULT_SETTINGS["stride"],
        placeholder="about one picture a second",
        help="Empty: about one picture a second, which is every 30th frame at 24 to 31 frames a second. A small number is slower.",
    ),
    "seed": partial(
        st.number_input,
        "Seed",
        0,
        2**31 - 1,
        DEFAULT_SETTINGS["seed"],
        help="The same seed gives the same explanation. Try another to see how much changes.",
    ),
    "samples": partial(
        st.number_input,
        "Perturbed copies for LIME",
        200,
        10_000,
        DEFAULT_SETTINGS["samples"],
        200,
        help="More give steadier patches and take longer.",
    ),
    "estimator": partial(
        st.selectbox,
        "SHAP estimator",
        ["quadrature", "shap"],
        help="quadrature: exact integration of expected gradients. shap: the sampling of shap.GradientExplainer, noisier.",
    ),
}
