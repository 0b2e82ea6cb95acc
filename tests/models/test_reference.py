"""The clips that checkpoints are shown with are real ones, and a model answers for them as for the recordings themselves."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from features import Modality, extract
from models.checkpoint import load_model
from models.data.clips import embed, predict
from models.labels import LABELS, ravdess_label
from models.reference import load_reference
from models.registry import MODELS


@pytest.mark.parametrize(("state", "clips", "actors"), [("both", 112, 2), ("face", 112, 2), ("voice", 332, 24)])
def test_size(state, clips, actors):
    reference = load_reference(state)
    assert len(reference.label) == clips
    assert len(np.unique(reference.actor)) == actors
    assert (reference.mfcc is None) == (state == "face")
    assert (reference.faces is None) == (state == "voice")


def test_labels_are_those_of_the_names():
    reference = load_reference("voice")
    assert [LABELS[k] for k in reference.label] == [ravdess_label(key[1]) for key in reference.keys]
    assert [key[0] for key in reference.keys] == reference.actor.tolist()
    counts = np.bincount(reference.label)
    assert counts.min() >= 20  # every emotion is there


def test_a_reference_clip_is_its_recording(data, encoders):
    reference = load_reference("voice")
    for row in (120, 200, 331):  # of actors whose 48 kHz originals are not at hand
        actor, emotion, intensity, statement, repetition = reference.keys[row]
        name = f"03-01-{emotion}-{intensity:02d}-{statement:02d}-{repetition:02d}-{actor:02d}.flac"
        vector = extract((data / "ravdess_speech" / f"Actor_{actor:02d}" / name).read_bytes(), None, encoders).vector
        assert_allclose(reference.mfcc[row], vector[:40], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_embeds_and_recognises_them(name):
    model = load_model(name)
    clips = load_reference(model.spec.states[0], model.encoders.get(Modality.AUDIO))
    embedding = embed(model, clips)
    assert len(embedding) == len(clips.label)
    assert embedding.std(axis=0).max() > 0
    # It was trained on these clips: a model that does not recognise them was put together wrongly.
    assert (predict(model, clips).argmax(axis=1) == clips.label).mean() > 0.4


def test_tokens_of_a_recording_and_of_its_reference_agree(data, encoders):
    model, clips = load_model("av-tokens"), load_reference("voice")
    actor, emotion, intensity, statement, repetition = clips.keys[-1]
    name = f"03-01-{emotion}-{intensity:02d}-{statement:02d}-{repetition:02d}-{actor:02d}.flac"
    served = model.predict(extract((data / "ravdess_speech" / f"Actor_{actor:02d}" / name).read_bytes(), None, encoders))
    assert_allclose(predict(model, clips)[-1], served, atol=0.15)  # half precision, and no more than 3 s
