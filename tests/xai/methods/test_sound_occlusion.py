"""Occlusion of the spectrogram: what each patch is worth alone, by hand and where a cause was planted."""

import numpy as np
from numpy.testing import assert_allclose

from features import SPACE, Modality
from features.audio import mean_mfcc
from tests.xai.conftest import assert_marks_burst, burst, recording, subject_of
from tests.xai.planted import TARGET, linear_model
from xai.explanation import Contrast
from xai.methods.lime import patches_of
from xai.methods.sound_occlusion import SoundOcclusion


def test_each_value_is_the_fall_without_that_patch(voice, random_model):
    subject = subject_of(voice, random_model)
    found, patches = SoundOcclusion().explain(subject), patches_of(subject)
    whole = random_model.predict(voice)
    for patch in (0, 7, len(patches) - 1):
        kept = np.arange(len(patches)) != patch
        vector = voice.vector.copy()
        SPACE.part(vector, Modality.AUDIO)[:] = mean_mfcc(patches.hidden(kept))
        without = random_model.logits(random_model.inputs(vector[None]))[0]
        assert_allclose(found.values[:, patch], whole - without, atol=1e-4)


def test_of_a_linear_model_the_values_add_up(voice):
    """Where nothing is shared between patches, all of them together are worth the sum of each."""
    model = linear_model(np.random.default_rng(0).normal(size=len(SPACE)), 0)
    subject = subject_of(voice, model)
    found, patches = SoundOcclusion().explain(subject), patches_of(subject)
    vector = voice.vector.copy()
    SPACE.part(vector, Modality.AUDIO)[:] = mean_mfcc(patches.hidden(np.zeros(len(patches), bool)))
    fall = model.predict(voice) - model.logits(model.inputs(vector[None]))[0]
    assert_allclose(found.values.sum(axis=1), fall, rtol=1e-3, atol=1e-3)


def test_a_planted_burst_is_marked():
    from features.audio import dct_matrix

    weights = np.zeros(len(SPACE))
    SPACE.part(weights, Modality.AUDIO)[:] = dct_matrix()[:, 60]
    found = SoundOcclusion().explain(subject_of(burst(0.9, 60), linear_model(weights, 1)))
    assert_marks_burst(found, TARGET, 0.9, 60)


def test_it_needs_a_voice_and_is_checked(voice, face, random_model, token_model):
    assert not SoundOcclusion().applies(subject_of(face, random_model))
    for model in (random_model, token_model):
        subject = subject_of(recording(voice.audio), model)
        found = SoundOcclusion().explain(subject)
        (score,) = SoundOcclusion().checks(subject, found, Contrast(TARGET))
        assert score.measure.name == "faithfulness"
