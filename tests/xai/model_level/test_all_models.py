"""What all models say of a recording is what each says by itself, at the cost of one look at it."""

import numpy as np
import pytest

from features import Modality
from features.media import read_frames
from models.labels import LABELS
from models.registry import MODELS
from tests.conftest import encode_video, tone, wav
from xai.analysis import Settings, analyse
from xai.modality_split import ModalitySplit
from xai.model_level import all_models
from xai.model_level.all_models import Answer, agreement, ask_all


@pytest.fixture
def looks(monkeypatch) -> list[frozenset[Modality]]:
    """The modalities of every extraction that is made."""
    made, real = [], all_models.extract

    def watched(audio, video, encoders, **named):
        made.append(frozenset(encoders))
        return real(audio, video, encoders, **named)

    monkeypatch.setattr(all_models, "extract", watched)
    return made


@pytest.fixture(scope="module")
def answers(sample) -> dict[str, Answer]:
    return {answer.name: answer for answer in ask_all(*sample)}


@pytest.mark.parametrize("name", MODELS)
def test_every_answer_is_that_of_the_model_asked_alone(name, answers, sample):
    from models.checkpoint import load_model

    alone = analyse(*sample, model=load_model(name), settings=Settings(samples=200))
    found = answers[name]
    assert (found.label, found.title, found.note) == (alone.label, MODELS[name].title, "")
    assert np.allclose(found.probabilities, alone.probabilities, atol=1e-6)
    assert found.split.state == alone.modalities.state
    for target in range(len(LABELS)):
        assert found.shares(target) == (pytest.approx(alone.modalities.shares(target), abs=1e-5) if alone.modalities.several else {})


def test_a_recording_is_looked_at_once_for_all(sample, looks, sample_analysis):
    said = []
    first = ask_all(*sample, say=said.append)
    assert looks == [frozenset(Modality)]
    asked = [words for words in said if words.startswith("Asking")]
    assert asked == [f"Asking *{spec.title}* ({number} of {len(MODELS)})…" for number, spec in enumerate(MODELS.values(), 1)]
    again = ask_all(None, None, known=sample_analysis)  # nothing is left to be decoded
    assert len(looks) == 1
    assert [answer.label for answer in again] == [answer.label for answer in first]


def test_features_of_one_modality_are_used_by_models_of_that_modality_only(sample, looks):
    from models.checkpoint import load_model

    known = analyse(*sample, model=load_model("voice"), settings=Settings(samples=200, stride=15))
    found = ask_all(*sample, known=known)
    assert looks == [frozenset(Modality)]
    every = {answer.name: answer for answer in ask_all(*sample, settings=Settings(stride=15))}
    for answer in found:
        assert np.allclose(answer.probabilities, every[answer.name].probabilities), answer.name


@pytest.mark.parametrize("gone", Modality)
def test_who_reads_only_what_is_missing_says_so(gone, sample):
    _, video = sample
    given = (wav(tone(2.0)), None) if gone is Modality.VIDEO else (None, without_sound(video))
    found = {answer.name: answer for answer in ask_all(*given)}
    silent = {name for name, answer in found.items() if answer.label is None}
    assert silent == {name for name, spec in MODELS.items() if spec.modalities == (gone,)}
    for name in silent:
        assert found[name].note == f"It reads the {gone.noun} only, and there is none in this recording."
        assert found[name].probabilities is None
        assert found[name].shares(0) == {}
    assert all(answer.split.present == frozenset(Modality) - {gone} for answer in found.values() if answer.split)


def test_a_picture_without_a_face_is_not_taken_for_one():
    blank = encode_video(np.full((40, 120, 160, 3), 128, np.uint8))
    assert all(answer.label is None for answer in ask_all(None, blank))
    beside = {answer.name: answer for answer in ask_all(wav(tone(2.0)), blank)}
    assert beside["face"].label is None
    assert beside["voice"].label is not None


def without_sound(video: bytes) -> bytes:
    return encode_video([frame.rgb for frame in read_frames(video)] * 10)


def naming(title: str, label: str | None) -> Answer:
    if label is None:
        return Answer(title, title, note="nothing to judge")
    p = np.eye(len(LABELS))[LABELS.index(label)]
    both = frozenset(Modality)
    return Answer(title, title, ModalitySplit({frozenset(): p, both: p} | {frozenset({m}): p for m in Modality}, both))


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["sad", "sad", "sad"], "All 3 models that can judge this recording recognise **sad**."),
        (["sad", "calm", "sad", None], "2 of 3 models recognise **sad**; *b* calm."),
        (["calm", "sad", "calm", "sad"], "They are divided: 2 of 4 models each recognise **calm** and **sad**."),
        (["calm", "sad", "happy"], "No two of the 3 models recognise the same emotion."),
        ([None, "happy"], "Only *b* can judge this recording: it recognises happy."),
        ([None, None], "None of the models can judge this recording."),
    ],
)
def test_who_agrees_with_whom(labels, words):
    assert agreement([naming("abcd"[k], label) for k, label in enumerate(labels)]) == words
