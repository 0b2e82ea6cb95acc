"""The gallery of samples: what each shows, cards to choose from, and what was portrayed, told after one's own guess."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from models.labels import LABELS
from pages.components.session.keys import Key
from pages.components.session.state import Recording

FOLDER = Path(__file__).parents[2] / "sample"
_RAVDESS = "RAVDESS (Livingstone & Russo 2018), {}, CC BY-NC-SA 4.0; cut and re-encoded"
_SYNTHETIC = "synthetic: scikit-image's portrait of Eileen Collins (NASA, public domain), moved; eSpeak NG's voice"
_STYLE = """<style>
.st-key-gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(max(17rem, 30%), 1fr)); gap: 0.75rem;
  align-items: stretch; }
.st-key-gallery > * { min-width: 0; height: auto; align-self: stretch; }
@media (max-width: 640px) {
  .st-key-gallery { grid-auto-flow: column; grid-template-columns: none; grid-auto-columns: min(17rem, 82%);
    overflow-x: auto; scroll-snap-type: x proximity; padding-bottom: 0.5rem; }
  .st-key-gallery > * { scroll-snap-align: start; }
}
</style>"""


@dataclass(frozen=True)
class Sample:
    """A recording that ships with the app.

    Attributes:
        key: its name in the address.
        title: short; tells no emotion.
        shows: what to look for, in one sentence that does not give the answer away.
        credit: where it is from, and its licence.
        video: name of a file in ``FOLDER``.
        audio: another one; None where the sound of the video is the voice.
        portrayed: the label that the actor was asked for; None where that is no single one.
        told: what is said instead of ``portrayed``.
    """

    key: str
    title: str
    shows: str
    credit: str
    video: str
    audio: str | None = None
    portrayed: str | None = None
    told: str = ""

    def recording(self) -> Recording:
        """Its bytes, as if a visitor had given them."""
        sound = None if self.audio is None else (FOLDER / self.audio).read_bytes()
        return Recording(f"{self.title} (a sample)", sound, (FOLDER / self.video).read_bytes())


_ALL = (
    Sample(
        "sure",
        "A clear case",
        "The model is sure. See what it rests that on: the face, the voice, or both?",
        _RAVDESS.format("actor 05"),
        "sure.mp4",
        portrayed="happy",
    ),
    Sample(
        "unsure",
        "A close call",
        "Two emotions are nearly level. What speaks for each, and what would flip the answer?",
        _RAVDESS.format("actor 05"),
        "unsure.mp4",
        portrayed="fearful",
    ),
    Sample(
        "wrong",
        "Guess first",
        "Say what you see and hear before you read the model's answer, then compare the two.",
        _RAVDESS.format("actor 05"),
        "wrong.mp4",
        portrayed="sad",
    ),
    Sample(
        "disagree",
        "Voice against face",
        "To the model, the voice alone says one thing and the face another. Which of them does it follow?",
        _RAVDESS.format("actor 01"),
        "disagree.mp4",
        portrayed="surprised",
    ),
    Sample(
        "two",
        "Two people",
        "Two clips put side by side for this sample. Whose face is judged, and whose voice?",
        _RAVDESS.format("actors 01 and 05") + " side by side",
        "two.mp4",
        told="The actor on the left portrayed **neutral**, the one on the right **surprised**: no one answer is right for both.",
    ),
    Sample(
        "synthetic",
        "Nobody there",
        "A computer's voice and a portrait moved by a script: nothing the model has met. Does it say so?",
        _SYNTHETIC,
        "sample.mp4",
        "sample.wav",
        told="Nobody portrayed anything: the face is a portrait moved by a script, and the voice a computer's.",
    ),
)
SAMPLES: dict[str, Sample] = {sample.key: sample for sample in _ALL}
"""By key, in the order of the gallery."""


def thumbnail(sample: Sample) -> Path:
    """A JPEG of at most 12 kB: 256 × 144 pixels."""
    return (FOLDER / sample.video).with_suffix(".jpg")


def show_gallery(choose: Callable[[str], None]) -> None:
    """A card for each sample: a grid of at most three columns, and on a phone a strip to swipe.

    Args:
        choose: told the key of the sample that was chosen.
    """
    st.html(_STYLE)
    with st.container(key=Key.GALLERY):
        for sample in SAMPLES.values():
            with st.container(border=True, horizontal=True):
                st.image(str(thumbnail(sample)), width=112, alt="")
                with st.container(gap="xsmall"):
                    st.markdown(f"**{sample.title}**")
                    st.caption(sample.shows)
                    st.button("Try it", key=f"{Key.SAMPLE}-pick-{sample.key}", on_click=choose, args=(sample.key,))
    st.caption(
        "Filmed samples: [RAVDESS](https://doi.org/10.1371/journal.pone.0196391) (Livingstone & Russo 2018), "
        "[CC BY-NC-SA 4.0](https://creativecommons.org/licenses/by-nc-sa/4.0/), cut and re-encoded. "
        "The model has learned from other clips of the same two actors, or from these."
    )


def show_portrayed(sample: Sample, recognised: str) -> None:
    """What the actor was asked for, once the visitor has guessed or given up; at once where there is nothing to guess.

    Args:
        recognised: the label that the model gives.
    """
    told, guessed = f"{Key.REVEAL}-{sample.key}", f"{Key.GUESS}-{sample.key}"
    if sample.portrayed is None:
        st.markdown(f"{sample.told} The model recognises {recognised}.", help=sample.credit)
    elif told in st.session_state:
        guess = st.session_state[told]
        said = f"You said {guess}; the model recognises {recognised}." if guess else f"The model recognises {recognised}."
        st.markdown(f"The actor portrayed **{sample.portrayed}**. {said}", help=sample.credit)
    else:
        st.pills("What was portrayed? Your guess first:", LABELS, key=guessed, on_change=_reveal, args=(told, guessed), wrap=True)
        st.button("Show me", key=f"{told}-now", on_click=_reveal, args=(told, guessed), type="tertiary")


def _reveal(told: str, guessed: str) -> None:
    """Keep the guess, if there is one: its pills are gone from now on."""
    st.session_state[told] = st.session_state.get(guessed)
