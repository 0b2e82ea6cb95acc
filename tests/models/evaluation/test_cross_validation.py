"""Held-out predictions: no clip is both learned from and tested on; corruptions, and the share of verdicts that survive them."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

import models.evaluation.cross_validation
from features import Modality
from models.data.clips import held_out_clips, predict
from models.data.corruptions import CORRUPTIONS, WORDS_ONLY, corruptions_in
from models.evaluation.cross_validation import Evaluator, encoder_wanted, learn, shared_training_set, stability, to_train
from models.evaluation.intervals import share_of
from models.evaluation.metrics import accuracy
from models.evaluation.protocols import PROTOCOLS
from models.registry import MODELS
from tests.models.conftest import make_faces, make_voices, planted, synthetic

QUICK = {"seed": 0, "epochs": 1, "taught_epochs": 1, "batch": 32, "epoch_size": 32}


def evaluator_of(voices, faces) -> Evaluator:
    """With recordings that were never on disk."""
    evaluator = object.__new__(Evaluator)
    evaluator.backbone = "ferplus"
    evaluator.voices, evaluator.faces = voices, faces
    return evaluator


@pytest.fixture(scope="module")
def evaluator(corpus) -> Evaluator:
    return evaluator_of(*corpus)


def test_a_voice_is_encoded_only_where_a_model_reads_tokens():
    assert encoder_wanted(["linear", "whisper-tokens"], "whisper") == "whisper"
    assert encoder_wanted([name for name in MODELS if not MODELS[name].tokens], "whisper") is None


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nobody_is_tested_on_what_was_learned(evaluator, monkeypatch, protocol):
    learned = []

    def spy(name, voices, faces, settings, training_set, backbone, monitor):
        learned.append((voices, faces))
        assert (training_set.voices.labels == voices.label).all()
        return learn(name, voices, faces, settings, training_set, backbone, monitor)

    monkeypatch.setattr(models.evaluation.cross_validation, "learn", spy)
    found = {}
    for k in range(len(PROTOCOLS[protocol].splits([]))):
        before = len(learned)
        for p in evaluator.run(protocol, k, ["linear"], QUICK, False):
            ((voices, faces),) = learned[before:]
            assert (p.split, p.model, p.seed, p.corruption) == (k, "linear", QUICK["seed"], None)
            known = {t.key for t in voices.takes} | {t.key for t in faces.takes if t is not None}
            assert not known & set(p.keys)
            if PROTOCOLS[protocol].speaker_independent:
                assert not {key[0] for key in known} & set(p.actor.tolist())
            assert (faces.actor == 0).sum() == 24  # photographs are always learned from, never tested on
            for key, label, actor in zip(p.keys, p.label, p.actor, strict=True):
                assert found.setdefault((p.state, key), (label, actor)) == (label, actor)
            assert len({(p.state, key) for key in p.keys}) == len(p.keys)
    # Every performance is tested on once in every state that it can be in.
    for state, takes in (("voice", evaluator.voices.takes), ("face", evaluator.faces.takes), ("both", evaluator.faces.takes)):
        assert {key for s, key in found if s == state} == {t.key for t in takes if t is not None}


def test_a_split_without_clips_trains_nothing(evaluator, monkeypatch):
    monkeypatch.setattr(models.evaluation.cross_validation, "learn", lambda *_: pytest.fail("trained"))
    assert evaluator.run("actor-5fold", 3, ["fused"], QUICK, True) == []
    assert evaluator.run("leave-one-actor-out", 23, ["fused"], QUICK, True) == []
    assert evaluator.run("actor-5fold", 1, ["face"], QUICK, True) == []  # actor 3 was heard, but not filmed


@pytest.mark.parametrize("filmed", [(), (5,)])
def test_a_voice_model_needs_no_faces(corpus, filmed):
    """A folder with the sound of RAVDESS alone, and one where the only actor who was filmed is left out."""
    voices, faces = corpus
    evaluator = evaluator_of(voices, faces.where(np.isin(faces.actor, filmed)))
    (p,) = evaluator.run("actor-5fold", 0, ["fused", "voice"] if not filmed else ["voice"], QUICK, False)
    left_out = np.isin(voices.actor, (2, 5))
    nobody = faces.where(np.zeros(len(faces.label), bool))
    expected = predict(learn("voice", voices.where(~left_out), nobody, QUICK), held_out_clips(voices.where(left_out), nobody, "voice"))
    assert (p.model, p.state, len(p.label)) == ("voice", "voice", 120)
    assert_allclose(p.logits, expected, atol=1e-5)


def test_learned_models_are_tested_in_every_state_and_under_every_corruption(evaluator):
    found = evaluator.run("leave-one-actor-out", 4, ["linear", "voice"], QUICK, True)
    seen = {(p.model, p.state, p.corruption): p for p in found}
    assert len(seen) == len(found)
    expected = {("linear", s, c) for s in ("both", "voice", "face") for c in (None, *corruptions_in(s))}
    assert set(seen) == expected | {("voice", "voice", c) for c in (None, *CORRUPTIONS[Modality.AUDIO], WORDS_ONLY)}
    model = learn("linear", *(t.where(t.actor != 5) for t in (evaluator.voices, evaluator.faces)), QUICK)
    corruption = "noise (20 dB)"
    clips = held_out_clips(*(t.where(t.actor == 5) for t in (evaluator.voices, evaluator.faces)), "both", corruption)
    assert_allclose(seen["linear", "both", corruption].logits, predict(model, clips), atol=1e-5)


def test_parts_are_trained_for_what_is_made_of_them():
    assert to_train(["late-fusion", "linear"]) == ["voice", "face", "linear"]
    assert to_train(MODELS) == ["fused", "voice", "face", "linear", "av-tokens", "whisper-tokens"]
    assert to_train([]) == []


def test_a_training_set_is_shared_by_all_but_those_with_their_own(corpus):
    assert shared_training_set(["av-tokens"], *corpus, QUICK) is None
    assert len(shared_training_set(["av-tokens", "linear"], *corpus, {**QUICK, "reference": 5}).reference) == 5


def test_a_planted_leak_flatters_where_people_are_known():
    """Each actor portrays every emotion differently: nothing generalises to an unseen actor, everything to a known one."""
    rng = np.random.default_rng(0)
    voices = make_voices((1, 2, 3, 5), 3 * rng.normal(size=(25, 8, 40)), 1)
    evaluator = evaluator_of(voices, make_faces((1, 5), planted(512, 100, 16), 1))
    quick = {**QUICK, "epochs": 4, "epoch_size": 640, "overheard": 0.0, "recast": 0.0}  # which hide what is an actor's own
    found = {}
    for protocol, splits in (("random", (0,)), ("sentence", (0,)), ("actor-5fold", (0, 1))):
        rows = [p for k in splits for p in evaluator.run(protocol, k, ["voice"], quick, False)]
        found[protocol] = accuracy(np.concatenate([p.logits for p in rows]), np.concatenate([p.label for p in rows]))
    assert found["random"] > 0.9
    assert found["sentence"] > 0.9
    assert found["actor-5fold"] < 0.3


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
            rows += [replace(p, seed=seed), replace(p, seed=seed, corruption="10 dB softer", logits=changed)]
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
        replace(plain, corruption="10 dB softer", logits=flipped),
        replace(other, corruption="10 dB softer", logits=2 * other.logits),
        replace(plain, corruption="noise (20 dB)"),
        replace(plain, state="both", corruption="10 dB softer", logits=-plain.logits),
    ]
    found = dict(stability([r for r in rows if r.state == "voice"], "voice"))
    assert {corruption: share["value"] for corruption, share in found.items()} == {"10 dB softer": 0.9375, "noise (20 dB)": 1.0}
    assert found["10 dB softer"]["low"] < 0.9375 < found["10 dB softer"]["high"]
    assert dict(stability(rows, "face")) == {}
