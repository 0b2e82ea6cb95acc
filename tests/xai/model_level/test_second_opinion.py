"""Who is asked for a second opinion, and that it is what that model says by itself."""

from dataclasses import replace

import numpy as np
import pytest

from features import Modality
from features.media import read_frames
from models.checkpoint import load_model
from models.evaluation.track_record import accuracy_of, most_accurate
from models.labels import LABELS
from models.registry import BOTH, MODELS
from tests.conftest import encode_video, tone, wav
from xai.analysis import Settings, analyse
from xai.modality_split import ModalitySplit
from xai.model_level import second_opinion as module
from xai.model_level.all_models import Answer
from xai.model_level.second_opinion import second_opinion, whom_to_ask

QUICK = Settings(samples=200)


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """Names of the models that are asked."""
    found, real = [], module.ask_all

    def watched(*given, names, **options):
        found.extend(names)
        return real(*given, names=names, **options)

    monkeypatch.setattr(module, "ask_all", watched)
    return found


def test_it_is_what_the_most_accurate_other_model_says_alone(sample, sample_analysis, asked):
    best = most_accurate(BOTH, {"fused"})
    said: list[str] = []
    found = second_opinion(sample_analysis, *sample, said.append)
    alone = analyse(*sample, model=load_model(best), settings=QUICK)
    assert asked == [best]
    assert f"Asking *{MODELS[best].title}*…" in said
    assert (found.model, found.title, found.state, found.label) == (best, MODELS[best].title, BOTH, alone.label)
    assert found.probability == pytest.approx(alone.probabilities.max(), abs=1e-6)
    assert found.accuracy == accuracy_of(best, BOTH)
    assert found.agrees == (alone.label == sample_analysis.label)


@pytest.mark.parametrize("name", MODELS)
def test_a_voice_alone_is_given_to_the_best_on_voices_and_the_best_itself_to_the_next(name, sample):
    if Modality.AUDIO not in MODELS[name].modalities:
        return
    analysis = analyse(sample[0], None, model=load_model(name), settings=QUICK)
    found = second_opinion(analysis, sample[0], None)
    best = most_accurate("voice")
    assert found.state == "voice"
    assert found.model == (most_accurate("voice", {name}) if name == best else best) == whom_to_ask(analysis, sample[0], None)
    assert found.rank == (2 if any((accuracy_of(other, "voice") or 0) > found.accuracy for other in MODELS) else 1)
    assert found.accuracy == accuracy_of(found.model, "voice")


def test_of_a_model_of_the_voice_it_is_about_the_whole_clip(sample, asked):
    """What it does not look at is there all the same."""
    analysis = analyse(*sample, model=load_model("voice"), settings=QUICK)
    assert analysis.modalities.state == "voice"
    assert second_opinion(analysis, *sample).state == BOTH
    assert asked == [most_accurate(BOTH)]


def test_a_film_without_sound_is_a_face(sample):
    silent = encode_video([frame.rgb for frame in read_frames(sample[1])] * 10)
    assert second_opinion(analyse(None, silent, settings=QUICK), None, silent).state == "face"


def test_where_the_face_is_none_the_best_on_voices_is_asked(asked, monkeypatch):
    """A model of the voice cannot know that the film beside it shows nobody."""
    blank, voice = encode_video(np.full((40, 120, 160, 3), 128, np.uint8)), wav(tone(2.0))
    best = {BOTH: "late-fusion", "voice": "linear"}
    monkeypatch.setattr(module, "most_accurate", lambda state, besides=(): best[state])
    found = second_opinion(analyse(voice, blank, model=load_model("voice"), settings=QUICK), voice, blank)
    assert asked == ["late-fusion", "linear"]
    assert (found.model, found.state, found.accuracy) == ("linear", "voice", accuracy_of("linear", "voice"))


def test_without_anything_to_judge_or_anybody_measured_there_is_none(sample, sample_analysis, monkeypatch):
    blank = encode_video(np.full((40, 120, 160, 3), 128, np.uint8))
    assert second_opinion(analyse(None, blank, settings=QUICK), None, blank) is None
    monkeypatch.setattr(module, "most_accurate", lambda *_: None)
    assert second_opinion(sample_analysis, *sample) is None


def test_who_was_asked_before_is_not_asked_again(sample, sample_analysis, asked):
    best = most_accurate(BOTH, {"fused"})
    split = sample_analysis.modalities
    other = np.eye(8)[(sample_analysis.predicted + 1) % 8]
    planted = ModalitySplit({**split.coalitions, frozenset(Modality): other}, split.present)
    found = second_opinion(sample_analysis, *sample, answers=[Answer("voice", "Voice only"), Answer(best, "planted", planted)])
    assert asked == []
    assert (found.title, found.label, found.probability) == ("planted", LABELS[other.argmax()], 1.0)
    assert not found.agrees


def test_it_agrees_if_it_names_the_same_emotion(sample, sample_analysis):
    label = second_opinion(sample_analysis, *sample).label
    for other in LABELS:
        said = replace(sample_analysis, probabilities=np.eye(8)[LABELS.index(other)])
        assert second_opinion(said, *sample).agrees == (other == label)
