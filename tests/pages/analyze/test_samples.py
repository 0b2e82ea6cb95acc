"""The gallery: every sample shows with the shipped model what its card promises, and gives away nothing before a guess."""

from functools import cache

import av
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from features import Modality
from features.media import read_frames
from models.labels import LABELS, ravdess_label
from pages.components.analyze.samples import FOLDER, SAMPLES, thumbnail
from pages.components.session.keys import Key
from pages.sample.cut import CREDIT, CUTS, PAIR, take, write
from xai.analysis import Analysis, Settings, analyse
from xai.score import Level

FILMED = [key for key in SAMPLES if key != "synthetic"]


@cache
def judged(key: str) -> Analysis:
    """By the default model, as the page does."""
    recording = SAMPLES[key].recording()
    return analyse(recording.audio, recording.video, settings=Settings(samples=200))


def level(key: str, name: str, modality: str) -> Level:
    return next(check.level for check in judged(key).checks if (check.name, check.modality) == (name, modality))


def lead(key: str) -> float:
    """Of the first emotion over the second."""
    second, first = np.sort(judged(key).probabilities)[-2:]
    return float(first - second)


def test_right_and_sure():
    assert judged("sure").label == SAMPLES["sure"].portrayed
    assert judged("sure").probabilities.max() >= 0.6
    assert not judged("sure").modalities.disagree


def test_right_and_unsure():
    assert judged("unsure").label == SAMPLES["unsure"].portrayed
    assert judged("unsure").probabilities.max() < 0.45
    assert lead("unsure") < 0.1


def test_wrong():
    assert SAMPLES["wrong"].portrayed == "sad"
    assert judged("wrong").label == "neutral"
    assert lead("wrong") > 0.1


def test_voice_against_face():
    split = judged("disagree").modalities
    assert split.disagree
    for modality in Modality:
        if modality in split.present:
            second, first = np.sort(split.alone(modality))[-2:]
            assert first - second > 0.03, f"the {modality.noun} alone is undecided"


def test_of_two_people_one_face_is_followed_and_the_app_says_so():
    video = judged("two").features.video
    assert level("two", "several", "face") is Level.AMBER
    assert all(0 < face.centre[0] < 848 / 2 for face in video.faces)
    assert judged("two").label == "neutral"  # what he portrayed; both voices are judged
    assert level("sure", "several", "face") is Level.GREEN


def test_the_synthetic_one_is_outside_what_it_knows():
    assert level("synthetic", "likeness", "voice") in (Level.AMBER, Level.RED)
    assert SAMPLES["synthetic"].portrayed is None
    assert judged("synthetic").features.audio is not None


@pytest.mark.parametrize("key", SAMPLES)
def test_the_voice_and_the_face_of_each_are_judged(key):
    features = judged(key).features
    assert features.modalities == {Modality.AUDIO, Modality.VIDEO}
    assert features.warnings == ()


def test_portrayed_is_what_the_name_of_the_source_says():
    for key, cut in CUTS.items():
        assert SAMPLES[key].portrayed == ravdess_label(cut.clip.split("-")[2])
        assert f"actor {cut.clip[-2:]}" in SAMPLES[key].credit
    left, right = (ravdess_label(cut.clip.split("-")[2]) for cut in PAIR)
    told = SAMPLES["two"].told
    assert told.index(f"left portrayed **{left}**") < told.index(f"right **{right}**")


@pytest.mark.parametrize("key", SAMPLES)
def test_a_card_gives_no_answer_away(key):
    sample = SAMPLES[key]
    assert not [label for label in LABELS if label in f"{sample.title} {sample.shows}".lower()]
    assert len(sample.title) <= 20
    assert len(sample.shows) <= 110
    assert SAMPLES[sample.key] is sample
    assert sample.recording().name.startswith(sample.title)


def test_what_ships_is_small_and_says_where_it_is_from():
    files = list(FOLDER.iterdir())
    assert sum(file.stat().st_size for file in files if file.is_file()) < 2.2e6
    credits = (FOLDER / "CREDITS.md").read_text(encoding="utf-8")
    for key in FILMED:
        film = FOLDER / SAMPLES[key].video
        assert 150_000 <= film.stat().st_size <= 400_000
        with av.open(str(film)) as container:
            assert container.metadata["copyright"] == CREDIT
            assert (container.streams.video[0].height, container.streams.audio[0].channels) == (480, 1)
        assert f"`{film.name}`" in credits
    for cut in (*CUTS.values(), *PAIR):
        assert cut.clip in credits
    assert "CC BY-NC-SA 4.0" in CREDIT
    assert all("CC BY-NC-SA 4.0" in SAMPLES[key].credit for key in FILMED)


@pytest.mark.parametrize("key", SAMPLES)
def test_a_thumbnail_is_light_and_of_its_video(key):
    picture = thumbnail(SAMPLES[key])
    assert picture.stat().st_size <= 12_000
    with av.open(str(picture)) as container:
        small = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(float)
    assert small.shape == (144, 256, 3)
    frames = [frame.rgb for frame in read_frames(SAMPLES[key].recording().video, 1)]
    apart = [np.abs(_reduced(frame, small.shape) - small).mean() for frame in frames]
    assert min(apart) < 8


def _reduced(frame: np.ndarray, shape: tuple) -> np.ndarray:
    """A frame in the shape of a thumbnail."""
    high = min(frame.shape[0], round(frame.shape[1] * shape[0] / shape[1]))
    top = (frame.shape[0] - high) // 4
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame[top : top + high]), format="rgb24")
    return picture.reformat(width=shape[1], height=shape[0]).to_ndarray(format="rgb24").astype(float)


def test_the_same_clip_makes_the_same_pictures_again(data, tmp_path):
    """Not the same bytes: other versions of the encoder may write others."""
    write(tmp_path / "again.mp4", take(data / "clips", CUTS["unsure"]))
    films = FOLDER / "unsure.mp4", tmp_path / "again.mp4"
    shipped, again = ([frame.rgb.astype(int) for frame in read_frames(film.read_bytes(), 10)] for film in films)
    assert len(shipped) == len(again)
    assert max(np.abs(a - b).mean() for a, b in zip(shipped, again, strict=True)) < 2


def gallery() -> None:
    import streamlit as st

    from pages.components.analyze.samples import show_gallery

    show_gallery(lambda key: st.session_state.update(picked=key))


def test_each_button_chooses_its_sample():
    app = AppTest.from_function(gallery, default_timeout=30).run()
    assert len(app.get("image")) == len(app.get("button")) == len(SAMPLES)
    for key in SAMPLES:
        app.button(f"{Key.SAMPLE}-pick-{key}").click().run()
        assert not app.exception
        assert app.session_state["picked"] == key
    assert "CC BY-NC-SA 4.0" in "\n".join(caption.value for caption in app.caption)


def portrayed(key: str, recognised: str) -> None:
    from pages.components.analyze.samples import SAMPLES, show_portrayed

    show_portrayed(SAMPLES[key], recognised)


def asked(key: str, recognised: str = "neutral") -> AppTest:
    return AppTest.from_function(portrayed, args=(key, recognised), default_timeout=30).run()


def words(app: AppTest) -> str:
    assert not app.exception
    return "\n".join(element.value for element in app.markdown)


def test_what_was_portrayed_comes_after_the_guess_and_stays():
    app = asked("wrong")
    assert words(app) == ""
    (pills,) = app.get("button_group")
    assert list(pills.options) == list(LABELS)
    pills.select("calm").run()
    assert words(app) == "The actor portrayed **sad**. You said calm; the model recognises neutral."
    assert words(app.run()).startswith("The actor portrayed **sad**. You said calm")
    assert not app.get("button_group")


def test_whoever_does_not_guess_is_shown():
    app = asked("sure", "happy")
    app.button[0].click().run()
    assert words(app) == "The actor portrayed **happy**. The model recognises happy."
    assert words(app.run()) == "The actor portrayed **happy**. The model recognises happy."


@pytest.mark.parametrize("key", ["synthetic", "two"])
def test_where_nothing_is_to_be_guessed_it_is_said(key):
    app = asked(key, "happy")
    assert SAMPLES[key].told in words(app)
    assert "recognises happy" in words(app)
    assert not app.get("button_group")
    assert not app.button
