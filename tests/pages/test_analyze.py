"""The page through AppTest: what a visitor uploads, sees, changes, and reads when a file cannot be used."""

import io
from dataclasses import replace
from uuid import uuid4

import numpy as np
import pytest
import soundfile
from streamlit.testing.v1 import AppTest

from features import Modality
from features.audio import to_mono
from features.media import read_sound
from models.labels import LABELS
from models.registry import read_result
from pages.components.analyze.inputs import DEFAULT_SETTINGS
from pages.components.analyze.samples import SAMPLES
from pages.components.session.keys import Key
from pages.components.session.state import escape
from tests.conftest import encode_video, tone, wav
from tests.pages.paging import ask_why, choose_sample, open_at, open_tab, styles, texts, turn, widget


@pytest.fixture
def app() -> AppTest:
    return open_at("analyze")


def test_the_first_paint_asks_for_a_recording_and_nothing_else(app):
    assert not app.exception
    assert len(app.file_uploader) == 2
    assert "What it saw" not in texts(app)


def test_the_sample_is_one_click_away(app, sample_analysis):
    choose_sample(app)
    assert not app.exception
    shown = texts(app)
    assert sample_analysis.label.upper() in shown
    for part in ("What it saw", "What it heard", "What it weighed"):
        assert part in shown
    assert not app.get("plotly_chart")  # the first screen does without


def test_a_pair_gives_the_same_answer_as_the_library(app, sample):
    from xai.analysis import analyse

    audio, video = sample
    samples, rate = soundfile.read(io.BytesIO(audio))
    other = wav(samples[: 2 * rate], rate)
    widget(app.file_uploader, Key.VOICE).upload("voice.wav", other, "audio/wav")
    widget(app.file_uploader, Key.FACE).upload("face.mp4", video, "video/mp4")
    app.run()
    assert not app.exception
    analysis = analyse(other, video)
    assert analysis.label.upper() in texts(app)
    assert f"Face alone: **{analysis.modalities.verdict(Modality.VIDEO)}**" in texts(app)


def test_the_voice_alone(app, sample):
    widget(app.file_uploader, Key.VOICE).upload("voice.wav", sample[0], "audio/wav").run()
    assert not app.exception
    assert "From the voice only" in texts(app)
    assert "What it saw" not in texts(app)


def test_a_video_alone_uses_its_sound_or_says_that_it_has_none(app, sample):
    widget(app.file_uploader, Key.FACE).upload("face.mp4", sample[1], "video/mp4").run()
    assert not app.exception
    assert "From the face only" in texts(app)
    assert "The video has no sound" in texts(app)
    noise = np.random.default_rng(0).integers(0, 255, (40, 64, 64, 3), np.uint8)
    speech = to_mono(read_sound(sample[0]).samples, read_sound(sample[0]).rate)
    widget(app.file_uploader, Key.FACE).upload("noise.mp4", encode_video(noise, sound=speech), "video/mp4").run()
    assert "What it heard" in texts(app)
    assert "No face was found" in texts(app)


@pytest.mark.parametrize("visit", ["", "about"])
def test_a_face_joins_the_voice_that_was_given_before(app, sample, visit):
    """Also where another page was visited in between: its boxes are new ones, and empty."""
    widget(app.file_uploader, Key.VOICE).upload("voice.wav", sample[0], "audio/wav").run()
    assert app.session_state[Key.RECORDING].video is None
    if visit:
        turn(app, visit)
        turn(app, "analyze")
        assert widget(app.file_uploader, Key.VOICE).value is None
    widget(app.file_uploader, Key.FACE).upload("face.mp4", sample[1], "video/mp4").run()
    recording = app.session_state[Key.RECORDING]
    assert (recording.audio, recording.video) == sample
    assert not app.exception


def test_the_boxes_are_hidden_beside_a_result_and_never_leave_the_page(app):
    """A box that leaves the page takes an upload that is under way with it."""
    hidden = f"<style>.st-key-{Key.FILES} {{ display: none }}</style>"
    assert hidden not in styles(app)
    choose_sample(app)
    assert hidden in styles(app)
    assert len(app.file_uploader) == 2
    widget(app.button, Key.CHANGE).click().run()
    assert hidden not in styles(app)
    assert any(button.key.startswith(f"{Key.SAMPLE}-pick") for button in app.button)
    widget(app.button, Key.CHANGE).click().run()
    assert hidden in styles(app)


def test_another_class_redraws_without_recomputing(app, monkeypatch):
    import xai.analysis

    choose_sample(app)
    monkeypatch.setattr(xai.analysis, "analyse", lambda *_, **__: pytest.fail("computed again"))
    before = texts(app)
    other = next(label for label in LABELS if f"Why {label}" not in before)
    ask_why(app, other)
    assert not app.exception
    after = texts(app)
    assert f"The model gives {other}" in after
    assert f"The model gives {other}" not in before
    widget(app.selectbox, Key.RIVAL).set_value(next(label for label in LABELS if label not in (other, "calm"))).run()
    assert "cool] speaks for" in texts(app)


@pytest.mark.parametrize(
    ("key", "name", "data", "says"),
    [
        (Key.VOICE, "empty.wav", b"", "empty"),
        (Key.VOICE, "text.wav", b"not a sound", "not a sound that can be read"),
        (Key.VOICE, "nan.wav", wav(np.full(22_050, np.nan), subtype="FLOAT"), "not numbers"),
        (Key.FACE, "text.mp4", b"not a video", "not a video that can be read"),
    ],
)
def test_a_bad_file_gets_one_sentence_and_the_sample_still_works(app, key, name, data, says):
    widget(app.file_uploader, key).upload(name, data, "application/octet-stream").run()
    assert not app.exception
    (error,) = app.error
    assert says in error.value
    (next_step,) = [caption.value for caption in app.caption if caption.value.startswith("Give another file under")]
    assert f"**{widget(app.button, Key.CHANGE).label}**" in next_step
    assert "Traceback" not in texts(app)
    widget(app.file_uploader, key).set_value(None).run()
    choose_sample(app)
    assert not app.error
    assert "What it heard" in texts(app)


def test_settings_left_alone_are_those_of_the_library():
    from xai.analysis import Settings

    assert Settings(**DEFAULT_SETTINGS) == Settings()


def test_an_unexpected_failure_is_an_apology_not_a_traceback(app, monkeypatch):
    import xai.analysis

    def broken(*_, **__):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(xai.analysis, "analyse", broken)
    choose_sample(app)
    assert not app.exception
    assert "secret detail" not in texts(app)
    assert "went wrong on our side" in app.error[0].value


def test_settings_reach_the_analysis(app):
    choose_sample(app)
    widget(app.number_input, Key.SEED).set_value(7).run()
    widget(app.toggle, Key.TECHNICAL).set_value(True).run()
    open_tab(app, "Listen")
    assert "seed 7" in texts(app)


def test_at_most_three_analyses_are_kept(app):
    for i in range(5):
        widget(app.file_uploader, Key.VOICE).upload("voice.wav", wav(tone(1.0, 200 + 50 * i)), "audio/wav").run()
    assert len(app.session_state[Key.ANALYSES]) == 3


@pytest.mark.parametrize(("page", "title"), [("models", "Models"), ("how_it_works", "How it works"), ("about", "About and limits")])
def test_every_page_opens(page, title):
    app = open_at(page)
    assert not app.exception
    assert app.title[0].value == title


def test_another_page_and_back_keeps_the_result(sample_analysis):
    app = open_at("analyze")
    choose_sample(app)
    turn(app, "about")
    turn(app, "analyze")
    assert sample_analysis.label.upper() in texts(app)
    assert SAMPLES["synthetic"].recording().name in texts(app).replace("\\", "")


def test_the_sample_replaces_an_upload(app):
    voice = widget(app.file_uploader, Key.VOICE)
    voice.upload("mine.wav", wav(tone(1.0)), "audio/wav").run()
    assert "mine.wav" in texts(app)
    widget(app.button, Key.CHANGE).click().run()
    choose_sample(app)
    assert "mine.wav" not in texts(app)
    assert "From the voice only" not in texts(app)
    assert [box.value for box in app.file_uploader] == [None, None]


@pytest.mark.parametrize("way", ["the file is removed", "it is put away"])
def test_what_is_taken_away_is_gone(app, way):
    widget(app.file_uploader, Key.VOICE).upload("mine.wav", wav(tone(1.0)), "audio/wav").run()
    if way == "it is put away":
        widget(app.button, Key.CLEAR).click().run()
    else:
        widget(app.file_uploader, Key.VOICE).set_value(None).run()
    assert "Or try one of these" in texts(app)
    assert [box.value for box in app.file_uploader] == [None, None]
    assert not any(app.session_state[Key.FILES_GIVEN].values())


def test_a_file_name_is_text_and_nothing_else(app):
    name = "<script>alert(1)</script>[x](http://example.com)**b**" + "n" * 300 + ".wav"
    widget(app.file_uploader, Key.VOICE).upload(name, wav(tone(1.0)), "audio/wav").run()
    shown = next(m.value for m in app.markdown if m.value.startswith(":material/movie:"))
    assert "<script>" not in shown
    assert "](" not in shown.replace("\\](", "")  # a bracket that is escaped makes no link
    assert len(shown) < 150


@pytest.mark.parametrize("name", ["a.wav", "Ünïcödé 中文.wav", "..\\..\\etc/passwd", "x" * 300, "", "`code` $x$ :red[y]"])
def test_escape_keeps_letters_and_disarms_marks(name):
    shown = escape(name)
    bare = shown.replace("\\", "")
    assert len(bare) <= 60
    assert all(f"\\{mark}" in shown for mark in "`$:[]*_<>" if mark in bare and mark not in "_")


def test_a_tie_is_called_undecided(app, monkeypatch, sample_analysis):
    from dataclasses import replace

    import xai.analysis

    even = np.array([0.05, 0.4, 0.05, 0.02, 0.38, 0.05, 0.03, 0.02])
    monkeypatch.setattr(xai.analysis, "analyse", lambda *_, **__: replace(sample_analysis, probabilities=even))
    choose_sample(app)
    assert "undecided: :primary[CALM] or HAPPY" in texts(app)


def test_the_track_record_is_that_of_the_model(app, sample):
    widget(app.file_uploader, Key.VOICE).upload("voice.wav", sample[0], "audio/wav").run()
    accuracy = read_result("actor-5fold", "fused")["states"]["voice"]["accuracy"]
    low, high = (round(10 * accuracy[end]) for end in ("low", "high"))
    times = f"{low}" if low == high else f"{low} to {high}"
    assert f"right {times} times in 10 with a voice alone" in texts(app)


def test_what_came_back_from_another_page_can_be_put_away(app):
    choose_sample(app)
    widget(app.button, Key.CLEAR).click().run()
    assert "Or try one of these" in texts(app)


def test_the_usual_mistake_is_named_beside_the_verdict(app, clips):
    """Of the clips that it calls neutral many are sad ones: this one is."""
    widget(app.file_uploader, Key.VOICE).upload("voice.wav", clips[3][0], "audio/wav")
    widget(app.file_uploader, Key.FACE).upload("face.mp4", clips[3][1], "video/mp4")
    app.run()
    scores = read_result("actor-5fold", "fused")["states"]["both"]
    named = np.array(scores["confusion"])[:, LABELS.index("neutral")]
    share = 100 * named[LABELS.index("sad")] / named.sum()
    assert f"When it says neutral, {share:.0f} % of the {named.sum()} clips were portrayed as sad" in texts(app)
    assert f"On {scores['actors']} actors" in texts(app)


def test_what_it_would_say_to_nothing_is_said(app, monkeypatch, sample_analysis):
    split = sample_analysis.modalities
    p = sample_analysis.predicted
    for share in (0.4, 0.6):
        nothing = np.full(8, (1 - share) / 7)
        nothing[p] = share
        other = replace(split, coalitions={**split.coalitions, frozenset(): nothing})
        changed = replace(sample_analysis, modalities=other, token=uuid4().hex)
        monkeypatch.setattr("xai.analysis.analyse", lambda *_, changed=changed, **__: changed)
        fresh = open_at("analyze")
        choose_sample(fresh)
        assert ("With nothing to see or hear" in texts(fresh)) == (share > 0.5)
