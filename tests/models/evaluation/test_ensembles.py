"""Models made of others: their predictions are those of the module, computed from the predictions of its parts."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import softmax

from features import SPACE, Modality, Standardiser
from models.data.clips import held_out_clips, predict
from models.data.corruptions import CORRUPTIONS, corruptions_in
from models.evaluation.calibration import temperatures
from models.evaluation.ensembles import ensemble_predictions
from models.evaluation.predictions import Prediction
from models.model import EmotionModel
from models.networks.fusion import LateFusion
from models.registry import MODELS
from tests.models.conftest import random_model


@pytest.fixture(scope="module")
def parts(corpus) -> tuple[EmotionModel, EmotionModel]:
    """An untrained voice and an untrained face model behind one mean and deviation."""
    voices, faces = corpus
    voice, face = (random_model(name) for name in ("voice", "face"))
    mean = np.r_[voices.mfcc[:, 0].mean(axis=0), np.mean([f[0].mean(axis=0) for f in faces.frames], axis=0)]
    std = np.r_[voices.mfcc[:, 0].std(axis=0), np.full(512, 0.2)]
    return tuple(replace(part, standardise=Standardiser(mean, std, SPACE)) for part in (voice, face))


@pytest.fixture(scope="module")
def predictions(corpus, parts) -> list[Prediction]:
    """Those of the two for the folds of actors 5, 2 and 1, as they are and under every corruption."""
    voices, faces = corpus
    found = []
    for split, actor in ((0, 5), (1, 2), (4, 1)):
        tests = voices.where(voices.actor == actor), faces.where(faces.actor == actor)
        for model in parts:
            for corruption in (None, *corruptions_in(model.name)):
                clips = held_out_clips(*tests, model.name, corruption)
                if len(clips.label):
                    logits = 3 * predict(model, clips)
                    found.append(Prediction(model.name, split, 0, model.name, corruption, logits, clips.label, clips.actor, clips.keys))
    return found


def test_late_fusion_is_the_module_with_the_same_temperatures(corpus, parts, predictions):
    """On the same clips, in all states, as they are and under every corruption."""
    voices, faces = corpus
    scale = temperatures(predictions)
    found = {(p.split, p.state, p.corruption): p for p in ensemble_predictions(predictions)}
    compared, voice, face = 0, len(CORRUPTIONS[Modality.AUDIO]) + 1, len(CORRUPTIONS[Modality.VIDEO])
    for split, actor in ((0, 5), (1, 2), (4, 1)):
        tests = voices.where(voices.actor == actor), faces.where(faces.actor == actor)
        ones = {name: scale.get((name, name, split), 1.0) / 3 for name in ("voice", "face")}
        late = MODELS["late-fusion"].fuse(*(replace(part, temperature=ones[part.name]) for part in parts))
        assert isinstance(late.classifier, LateFusion)
        for state in ("both", "voice", "face"):
            for corruption in (None, *corruptions_in(state)):
                clips = held_out_clips(*tests, state, corruption)
                if not len(clips.label):
                    assert (split, state, corruption) not in found
                    continue
                p = found.pop((split, state, corruption))
                assert p.model == "late-fusion"
                assert p.keys == clips.keys
                assert (p.label == clips.label).all()
                assert (p.actor == clips.actor).all()
                assert_allclose(softmax(p.logits, axis=1), softmax(predict(late, clips), axis=1), atol=1e-5)
                assert_allclose(np.exp(p.logits).sum(axis=1), 1, atol=1e-6)
                compared += 1
    assert not found
    assert compared == 2 * (3 + 2 * (voice + face)) + 1 + voice


def test_late_fusion_by_hand():
    """One clip: confidences of 0.6 and 0.9 make 2/5 and 3/5 of the mixture."""
    key, label, actor = [(1,)], np.array([0]), np.array([1])
    heard, seen = np.full((1, 8), 0.4 / 7), np.full((1, 8), 0.1 / 7)
    heard[0, 2], seen[0, 5] = 0.6, 0.9
    rows = [Prediction(m, 0, 0, m, None, np.log(p), label, actor, key) for m, p in (("voice", heard), ("face", seen))]
    (mixed,) = [p for p in ensemble_predictions(rows) if p.state == "both"]
    assert_allclose(np.exp(mixed.logits), 0.4 * heard + 0.6 * seen)
    assert ensemble_predictions([]) == []
    assert [p.state for p in ensemble_predictions(rows[:1])] == ["voice"]


def test_late_fusion_pairs_by_performance_whatever_the_order(predictions):
    rng = np.random.default_rng(0)

    def shuffled(p: Prediction) -> Prediction:
        order = rng.permutation(len(p.keys))
        return replace(p, logits=p.logits[order], label=p.label[order], actor=p.actor[order], keys=[p.keys[k] for k in order])

    def by_key(rows: list[Prediction]) -> dict:
        return {(p.state, p.corruption, key): row for p in rows for key, row in zip(p.keys, p.logits, strict=True)}

    straight, mixed = by_key(ensemble_predictions(predictions)), by_key(ensemble_predictions([shuffled(p) for p in predictions]))
    assert straight.keys() == mixed.keys()
    for key, row in straight.items():
        assert_allclose(mixed[key], row, atol=1e-12)


def test_each_seed_is_fused_with_its_own(predictions):
    twin = [replace(p, seed=1, logits=p.logits[:, ::-1]) for p in predictions]
    found = [p for p in ensemble_predictions([*predictions, *twin]) if p.state == "both" and p.corruption is None]
    assert sorted((p.split, p.seed) for p in found) == [(0, 0), (0, 1), (4, 0), (4, 1)]
    for p in found:
        voice, face = (
            next(q for q in [*predictions, *twin] if (q.model, q.split, q.seed, q.corruption) == (m, p.split, p.seed, None))
            for m in ("voice", "face")
        )
        scale = temperatures([*predictions, *twin])
        rows = [softmax(q.logits / scale[q.model, q.state, q.split], axis=1) for q in (voice, face)]
        w = [r.max(axis=1, keepdims=True) for r in rows]
        assert voice.keys == face.keys == p.keys
        assert_allclose(np.exp(p.logits), (w[0] * rows[0] + w[1] * rows[1]) / (w[0] + w[1]), atol=1e-9)
