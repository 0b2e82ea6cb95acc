"""Held-out predictions: nobody is tested on what was learned, and no clip has a say in its own scaling."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import softmax

import models.evaluation.cross_validation
from models.checkpoint import EmotionModel
from models.data.clips import held_out_clips, predict
from models.data.corruptions import FACE_CHANGES, VOICE_CHANGES, WORDS_ONLY
from models.evaluation.calibration import temperatures
from models.evaluation.cross_validation import (
    Laboratory,
    changes_of,
    late_fusion,
    learn,
    stability,
    states_of,
)
from models.evaluation.intervals import share_of
from models.evaluation.metrics import accuracy
from models.evaluation.predictions import Prediction
from models.evaluation.protocols import PROTOCOLS
from models.networks.fusion import ARCHITECTURES, LateFusion
from models.training.vectors import fuse_late
from tests.models.conftest import make_faces, make_voices, planted, random_checkpoint, synthetic

QUICK = {"seed": 0, "epochs": 1, "taught_epochs": 1, "batch": 32, "epoch_size": 32}


def laboratory(voices, faces) -> Laboratory:
    """With recordings that were never on disk."""
    lab = object.__new__(Laboratory)
    lab.backbone = "ferplus"
    lab.voices, lab.faces = voices, faces
    return lab


@pytest.fixture(scope="module")
def lab(corpus) -> Laboratory:
    return laboratory(*corpus)


@pytest.fixture(scope="module")
def parts(corpus) -> tuple[EmotionModel, EmotionModel]:
    """An untrained voice and an untrained face model behind one mean and deviation."""
    voices, faces = corpus
    voice, face = (random_checkpoint(ARCHITECTURES[name](), architecture=name) for name in ("voice", "face"))
    mean = np.r_[voices.mfcc[:, 0].mean(axis=0), np.mean([f[0].mean(axis=0) for f in faces.frames], axis=0)]
    std = np.r_[voices.mfcc[:, 0].std(axis=0), np.full(512, 0.2)]
    return replace(voice, mean=mean, std=std), replace(face, mean=mean, std=std)


@pytest.fixture(scope="module")
def predictions(corpus, parts) -> list[Prediction]:
    """What the two say about the folds of actors 5, 2 and 1, as they are and under every change."""
    voices, faces = corpus
    found = []
    for split, actor in ((0, 5), (1, 2), (4, 1)):
        tests = voices.where(voices.actor == actor), faces.where(faces.actor == actor)
        for model in parts:
            for change in (None, *changes_of(model.architecture)):
                clips = held_out_clips(*tests, model.architecture, change)
                if len(clips.label):
                    logits = 3 * predict(model, clips)
                    found.append(
                        Prediction(model.architecture, split, 0, model.architecture, change, logits, clips.label, clips.actor, clips.keys)
                    )
    return found


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nobody_is_tested_on_what_was_learned(lab, monkeypatch, protocol):
    learned = []

    def spy(model, voices, faces, settings, pools, backbone):
        learned.append((voices, faces))
        assert (pools.heard.labels == voices.label).all()
        return learn(model, voices, faces, settings, pools, backbone)

    monkeypatch.setattr(models.evaluation.cross_validation, "learn", spy)
    found = {}
    for k in range(len(PROTOCOLS[protocol].splits([]))):
        before = len(learned)
        for p in lab.run(protocol, k, ["linear"], QUICK, False):
            ((voices, faces),) = learned[before:]
            assert (p.split, p.model, p.seed, p.change) == (k, "linear", QUICK["seed"], None)
            known = {t.key for t in voices.takes} | {t.key for t in faces.takes if t is not None}
            assert not known & set(p.keys)
            if PROTOCOLS[protocol].strangers:
                assert not {key[0] for key in known} & set(p.actor.tolist())
            assert (faces.actor == 0).sum() == 24  # photographs are always learned from, never tested on
            for key, label, actor in zip(p.keys, p.label, p.actor, strict=True):
                assert found.setdefault((p.state, key), (label, actor)) == (label, actor)
            assert len({(p.state, key) for key in p.keys}) == len(p.keys)
    # Every performance is tested on once in every state that it can be in.
    for state, takes in (("voice", lab.voices.takes), ("face", lab.faces.takes), ("both", lab.faces.takes)):
        assert {key for s, key in found if s == state} == {t.key for t in takes if t is not None}


def test_a_split_without_clips_trains_nothing(lab, monkeypatch):
    monkeypatch.setattr(models.evaluation.cross_validation, "learn", lambda *_: pytest.fail("trained"))
    assert lab.run("actor-5fold", 3, ["fused"], QUICK, True) == []
    assert lab.run("leave-one-actor-out", 23, ["fused"], QUICK, True) == []
    assert lab.run("actor-5fold", 1, ["face"], QUICK, True) == []  # actor 3 was heard, but not filmed


@pytest.mark.parametrize("filmed", [(), (5,)])
def test_a_voice_model_needs_no_faces(corpus, filmed):
    """A folder with the sound of RAVDESS alone, and one where the only actor who was filmed is left out."""
    voices, faces = corpus
    lab = laboratory(voices, faces.where(np.isin(faces.actor, filmed)))
    (p,) = lab.run("actor-5fold", 0, ["fused", "voice"] if not filmed else ["voice"], QUICK, False)
    left_out = np.isin(voices.actor, (2, 5))
    nobody = faces.where(np.zeros(len(faces.label), bool))
    expected = predict(learn("voice", voices.where(~left_out), nobody, QUICK), held_out_clips(voices.where(left_out), nobody, "voice"))
    assert (p.model, p.state, len(p.label)) == ("voice", "voice", 120)
    assert_allclose(p.logits, expected, atol=1e-5)


def test_learned_models_are_tested_in_every_state_and_under_every_change(lab):
    found = lab.run("leave-one-actor-out", 4, ["linear", "voice"], QUICK, True)
    seen = {(p.model, p.state, p.change): p for p in found}
    assert len(seen) == len(found)
    expected = {("linear", s, c) for s in ("both", "voice", "face") for c in (None, *changes_of(s))}
    assert set(seen) == expected | {("voice", "voice", c) for c in (None, *VOICE_CHANGES, WORDS_ONLY)}
    model = learn("linear", *(t.where(t.actor != 5) for t in (lab.voices, lab.faces)), QUICK)
    change = "noise (20 dB)"
    clips = held_out_clips(*(t.where(t.actor == 5) for t in (lab.voices, lab.faces)), "both", change)
    assert_allclose(seen["linear", "both", change].logits, predict(model, clips), atol=1e-5)


def test_changes_concern_what_is_shown():
    assert changes_of("voice") == [*VOICE_CHANGES, WORDS_ONLY]
    assert changes_of("face") == [*FACE_CHANGES]
    assert changes_of("both") == [*VOICE_CHANGES, WORDS_ONLY, *FACE_CHANGES]
    assert [states_of(m) for m in ("voice", "face")] == [("voice",), ("face",)]
    assert {states_of(m) for m in ARCHITECTURES if m not in ("voice", "face")} == {("both", "voice", "face")}


def test_a_planted_leak_flatters_where_people_are_known():
    """Each actor has an own way with every emotion: nothing about a stranger can be known, everything about an acquaintance."""
    rng = np.random.default_rng(0)
    voices = make_voices((1, 2, 3, 5), 3 * rng.normal(size=(25, 8, 40)), 1)
    lab = laboratory(voices, make_faces((1, 5), planted(512, 100, 16), 1))
    quick = {**QUICK, "epochs": 4, "epoch_size": 640, "overheard": 0.0, "recast": 0.0}  # which know nobody's own ways
    found = {}
    for protocol, splits in (("random", (0,)), ("sentence", (0,)), ("actor-5fold", (0, 1))):
        rows = [p for k in splits for p in lab.run(protocol, k, ["voice"], quick, False)]
        found[protocol] = accuracy(np.concatenate([p.logits for p in rows]), np.concatenate([p.label for p in rows]))
    assert found["random"] > 0.9
    assert found["sentence"] > 0.9
    assert found["actor-5fold"] < 0.3


def test_late_fusion_is_the_module_with_the_same_temperatures(corpus, parts, predictions):
    """On the same vectors, in all states, as they are and under every change."""
    voices, faces = corpus
    scale = temperatures(predictions)
    found = {(p.split, p.state, p.change): p for p in late_fusion(predictions)}
    compared, voice = 0, len(VOICE_CHANGES) + 1
    for split, actor in ((0, 5), (1, 2), (4, 1)):
        tests = voices.where(voices.actor == actor), faces.where(faces.actor == actor)
        ones = {name: scale.get((name, name, split), 1.0) / 3 for name in ("voice", "face")}
        late = fuse_late(*(replace(part, temperature=ones[part.architecture]) for part in parts))
        assert isinstance(late.classifier, LateFusion)
        for state in ("both", "voice", "face"):
            for change in (None, *changes_of(state)):
                clips = held_out_clips(*tests, state, change)
                if not len(clips.label):
                    assert (split, state, change) not in found
                    continue
                p = found.pop((split, state, change))
                assert p.keys == clips.keys
                assert (p.label == clips.label).all()
                assert (p.actor == clips.actor).all()
                assert_allclose(softmax(p.logits, axis=1), late.probabilities(clips.vectors()), atol=1e-5)
                assert_allclose(np.exp(p.logits).sum(axis=1), 1, atol=1e-6)
                compared += 1
    assert not found
    assert compared == 2 * (3 + 2 * (voice + len(FACE_CHANGES))) + 1 + voice


def test_late_fusion_by_hand(predictions):
    """One clip: 0.6 sure of one thing and 0.9 of another make 2/5 and 3/5 of the mixture."""
    key, label, actor = [(1,)], np.array([0]), np.array([1])
    heard, seen = np.full((1, 8), 0.4 / 7), np.full((1, 8), 0.1 / 7)
    heard[0, 2], seen[0, 5] = 0.6, 0.9
    rows = [Prediction(m, 0, 0, m, None, np.log(p), label, actor, key) for m, p in (("voice", heard), ("face", seen))]
    (mixed,) = [p for p in late_fusion(rows) if p.state == "both"]
    assert_allclose(np.exp(mixed.logits), 0.4 * heard + 0.6 * seen)
    assert late_fusion([]) == []
    assert [p.state for p in late_fusion(rows[:1])] == ["voice"]


def test_late_fusion_pairs_by_performance_whatever_the_order(predictions):
    rng = np.random.default_rng(0)

    def shuffled(p: Prediction) -> Prediction:
        order = rng.permutation(len(p.keys))
        return replace(p, logits=p.logits[order], label=p.label[order], actor=p.actor[order], keys=[p.keys[k] for k in order])

    def by_key(rows: list[Prediction]) -> dict:
        return {(p.state, p.change, key): row for p in rows for key, row in zip(p.keys, p.logits, strict=True)}

    straight, mixed = by_key(late_fusion(predictions)), by_key(late_fusion([shuffled(p) for p in predictions]))
    assert straight.keys() == mixed.keys()
    for key, row in straight.items():
        assert_allclose(mixed[key], row, atol=1e-12)


def test_each_seed_is_fused_with_its_own(predictions):
    twin = [replace(p, seed=1, logits=p.logits[:, ::-1]) for p in predictions]
    found = [p for p in late_fusion([*predictions, *twin]) if p.state == "both" and p.change is None]
    assert sorted((p.split, p.seed) for p in found) == [(0, 0), (0, 1), (4, 0), (4, 1)]
    for p in found:
        voice, face = (
            next(q for q in [*predictions, *twin] if (q.model, q.split, q.seed, q.change) == (m, p.split, p.seed, None))
            for m in ("voice", "face")
        )
        scale = temperatures([*predictions, *twin])
        rows = [softmax(q.logits / scale[q.model, q.state, q.split], axis=1) for q in (voice, face)]
        w = [r.max(axis=1, keepdims=True) for r in rows]
        assert voice.keys == face.keys == p.keys
        assert_allclose(np.exp(p.logits), (w[0] * rows[0] + w[1] * rows[1]) / (w[0] + w[1]), atol=1e-9)


def test_stability_of_two_trainings_is_that_of_each_clip():
    """In whatever order they come; people are resampled, with what both trainings say of their clips."""
    parts = [synthetic(k, 1.0, count) for k, count in enumerate((40, 100, 80))]
    parts = [replace(p, actor=p.split * 4 + np.arange(len(p.label)) % 4) for p in parts]
    rows, kept = [], {}
    for seed in (1, 0):
        for p in parts:
            flipped = np.random.default_rng(10 * seed + p.split).random(len(p.label)) < 0.1 + 0.2 * seed + 0.1 * p.split
            kept[p.split, seed] = ~flipped
            changed = np.where(flipped[:, None], -p.logits, p.logits)
            rows += [replace(p, seed=seed), replace(p, seed=seed, change="10 dB softer", logits=changed)]
    same = np.concatenate([np.mean([kept[p.split, seed] for seed in (0, 1)], axis=0) for p in parts])
    expected = share_of(same, np.concatenate([p.actor for p in parts]))
    for order in (rows, rows[::-1]):
        assert dict(stability(order, "voice")) == {"10 dB softer": expected}


def test_stability_is_the_share_of_verdicts_that_stay():
    plain, other = synthetic(0, 1.0, 100), synthetic(1, 1.0, 300)
    flipped = plain.logits.copy()
    flipped[:25] = -flipped[:25]
    rows = [
        plain,
        other,
        replace(plain, change="10 dB softer", logits=flipped),
        replace(other, change="10 dB softer", logits=2 * other.logits),
        replace(plain, change="noise (20 dB)"),
        replace(plain, state="both", change="10 dB softer", logits=-plain.logits),
    ]
    found = dict(stability([r for r in rows if r.state == "voice"], "voice"))
    assert {change: share["value"] for change, share in found.items()} == {"10 dB softer": 0.9375, "noise (20 dB)": 1.0}
    assert found["10 dB softer"]["low"] < 0.9375 < found["10 dB softer"]["high"]
    assert dict(stability(rows, "face")) == {}
