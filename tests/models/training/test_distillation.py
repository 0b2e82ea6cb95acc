"""The soft targets of a student: of augmented recordings, of pairs, and of mixtures of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.special import softmax
from torch import nn

from features import Modality
from models.checkpoint import load_model
from models.labels import label_index
from models.networks.transformer import TransformerEmotionClassifier
from models.registry import MODELS
from models.training.distillation import DistillationBatches, distil, mismatch, mixed, product
from models.training.loop import cross_entropy
from models.training.recipe import Recipe
from models.training.samplers import make_training_set
from models.training.vector_batches import Batches

QUICK = replace(Recipe(), epochs=2, taught_epochs=3, batch=64, epoch_size=128)


@pytest.fixture(scope="module")
def training_set(corpus):
    return make_training_set(*corpus, QUICK)


def batches(training_set, recipe: Recipe) -> Batches:
    return Batches(training_set, recipe, recipe.modality_dropout)


def of_each(voices, faces) -> dict:
    """By modality."""
    return {Modality.AUDIO: voices, Modality.VIDEO: faces}


class Of(nn.Module):
    """A linear classifier of some of the columns."""

    def __init__(self, columns: slice, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.columns, self.layer = columns, nn.Linear(len(range(*columns.indices(552))), 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x[:, self.columns])


def voice_teacher(seed: int) -> nn.Module:
    return Of(slice(0, 40), seed)


def face_teacher(seed: int) -> nn.Module:
    return Of(slice(40, 552), seed)


def vectors(count: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(count, 552)).astype(np.float32))


def prior_among_voices(training_set) -> torch.Tensor:
    """Of the corpus, in which only neutral is rarer: half as many recordings, drawn with the root of that."""
    odd = torch.arange(8) == label_index("neutral")
    shares = torch.where(odd, 0.5**0.5, 1.0)
    assert (training_set.voices.labels == label_index("neutral")).mean() == pytest.approx(1 / 15)
    return shares / shares.sum()


def is_pair(x: torch.Tensor) -> torch.Tensor:
    return x[:, :40].any(dim=1) & x[:, 40:].any(dim=1)


class Notebook(nn.Module):
    """Always gives the same probabilities; keeps what it was shown."""

    def __init__(self, probabilities: list[float]) -> None:
        super().__init__()
        self.logits, self.shown = torch.tensor(probabilities).log(), []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.shown.append(x)
        return self.logits.expand(len(x), -1)


def test_the_product_of_experts_by_hand():
    """A pair, a voice alone, a face alone; two teachers of voices, one of faces."""
    voices, faces, x = [voice_teacher(0), voice_teacher(1)], [face_teacher(2)], vectors(3)
    x[1, 40:], x[2, :40] = 0, 0
    voice, face = (np.mean([softmax(t(x).detach().numpy(), axis=1) for t in own], axis=0) for own in (voices, faces))
    prior = np.array([3, 1, 1, 1, 1, 1, 1, 1]) / 10
    for a, b in ((1.0, 1.0), (2.5, 0.4)):
        wanted = np.stack([voice[0] ** a * face[0] ** b / prior, voice[1] ** a, face[2] ** b])
        found = product(of_each(voices, faces), x, of_each(a, b), torch.tensor(prior))
        assert_allclose(found, wanted / wanted.sum(axis=1, keepdims=True), rtol=2e-4)


def test_an_emotion_of_which_there_is_no_voice_leaves_the_product_finite():
    teachers = of_each([voice_teacher(0)], [face_teacher(1)])
    found = product(teachers, vectors(3), of_each(1.0, 1.0), torch.tensor([0.0] + [1 / 7] * 7))
    assert torch.isfinite(found).all()
    assert_allclose(found.sum(dim=1), 1, rtol=1e-5)


def test_the_mismatch_by_hand():
    """Logits that are 1 too high for one label, whatever is added to all of them: a variance of (1 − 1/8) / 8 each."""
    target = torch.softmax(torch.randn(5, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    off = target.log() + torch.eye(8)[:5] + torch.arange(5)[:, None]
    assert_allclose(mismatch(off, target), 0.2 * (1 - 1 / 8) / 8, rtol=1e-5)
    assert_allclose(mismatch(target.log() - 3, target), 0, atol=1e-8)
    certain = torch.eye(8)
    assert_allclose(mismatch(torch.where(certain == 1, 0.0, np.log(1e-6)), certain), 0, atol=1e-8)


def test_consistency_by_hand():
    """Two of four recordings have a clean copy, one with a logit that differs by 3, whatever is added to all eight."""
    target = torch.softmax(torch.randn(4, 8, generator=torch.Generator().manual_seed(2)), dim=1)
    logits = torch.cat([target.log(), target.log()[:2] + 5])
    assert_allclose(mismatch(logits, target, 0.5), 0, atol=1e-7)
    logits[5, 3] -= 3
    assert_allclose(mismatch(logits, target, 0.5), 0.5 * 0.2 * 9 * (1 - 1 / 8) / 8 / 4, rtol=1e-5)
    assert_allclose(mismatch(logits, target), 0, atol=1e-7)


def test_the_best_logits_for_two_uncertain_parts_are_a_sum():
    """The best answer where voice and face may have been several: for logits the sum of their means, for probabilities it is not."""
    voices, faces = torch.randn(2, 30, 8, generator=torch.Generator().manual_seed(1))
    target = (voices[:, None] + faces[None]).softmax(dim=2).reshape(-1, 8)
    answer = (voices.mean(dim=0) + faces.mean(dim=0)).requires_grad_()
    for loss, best in ((mismatch, True), (cross_entropy, False)):
        (slope,) = torch.autograd.grad(loss(answer.expand(len(target), -1), target), answer)
        assert (slope.abs().max() < 1e-5) == best


def test_in_the_shipped_student_voice_and_face_add_up():
    """Logits of pairs regressed on those of the same voices and the same faces alone: most of either arrives, and little else."""
    model = load_model("fused")
    pairs = torch.from_numpy(model.standardise(model.reference))
    voices, faces = pairs.clone(), pairs.clone()
    voices[:, 40:], faces[:, :40] = 0, 0
    both, *parts = ((z - z.mean(dim=1, keepdim=True)).ravel().numpy() for z in map(model.classifier, (pairs, voices, faces)))
    shares, (rest,), *_ = np.linalg.lstsq(np.stack(parts, axis=1), both, rcond=None)
    assert (shares > 0.7).all()
    assert (shares < 1.15).all()
    assert rest < 0.1 * (both**2).sum()


def test_what_is_mixed_lies_between_two_and_is_augmented_in_full():
    clean, change = vectors(30, 1), vectors(30, 2)
    mixtures, augmented = mixed(clean, clean + change, np.random.default_rng(0))
    assert_allclose(augmented - mixtures, change, atol=1e-5)
    partners = []
    for part in (slice(0, 40), slice(40, 552)):
        found = []
        for row, mixture in zip(clean[:, part], mixtures[:, part], strict=True):
            away, others = mixture - row, clean[:, part] - row
            share = (others @ away) / (others**2).sum(dim=1).clamp(min=1e-9)
            left = (away - share[:, None] * others).abs().amax(dim=1)
            found.append((int(left.argmin()), float(share[left.argmin()])))
            assert left.min() < 1e-4
        assert len({partner for partner, _ in found}) > 15
        assert all(-1e-4 <= share <= 1 for _, share in found)
        assert np.std([share for partner, share in found if share]) > 0.15
        partners.append([partner for partner, _ in found])
    assert partners[0] != partners[1]  # a voice and a face of different people


def test_the_soft_targets_are_the_teachers_for_the_clean_recording(training_set):
    recipe = replace(QUICK, altered=1.0, taught=0.7, taught_voice_trust=1.5, taught_face_trust=0.5)
    one, two = [0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.3]
    teachers = of_each([Notebook(one), Notebook(two)], [Notebook(two)])
    x, target = DistillationBatches(batches(training_set, recipe), teachers, recipe)()
    clean, augmented, usual = pairs_first(*batches(training_set, recipe).clean_and_augmented())
    alone = ~is_pair(clean)
    assert 0 < alone.sum() < len(target) < len(x)
    assert (x[: len(target)][alone] == augmented[alone]).all()
    for own, part in zip(teachers.values(), (slice(0, 40), slice(40, 552)), strict=True):
        there = clean[:, part].any(dim=1)
        assert (clean[there, part] != augmented[there, part]).any(dim=1).all()
        for teacher in own:
            (shown,) = teacher.shown
            assert len(shown) == there.sum()
            assert (shown[alone[there]] == clean[alone & there]).all()
    voice, face = torch.tensor([0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2]) ** 1.5, torch.tensor(two) ** 0.5
    soft = torch.where(clean[:, :1] != 0, voice / voice.sum(), face / face.sum())
    assert_allclose(target[alone], (0.3 * usual + 0.7 * soft)[alone], atol=1e-6)
    both = voice * face / prior_among_voices(training_set)
    assert_allclose(target[~alone], (both / both.sum()).expand(int((~alone).sum()), -1), atol=1e-6)


def pairs_first(clean: torch.Tensor, *others: torch.Tensor) -> list[torch.Tensor]:
    order = np.argsort(~is_pair(clean).numpy(), kind="stable")
    return [part[order] for part in (clean, *others)]


def test_after_a_batch_its_pairs_follow_clean(training_set):
    recipe = replace(QUICK, altered=1.0)
    x, target = DistillationBatches(batches(training_set, recipe), of_each([voice_teacher(3)], [face_teacher(4)]), recipe)()
    shown, again = x[: len(target)], x[len(target) :]
    clean, augmented, _ = pairs_first(*batches(training_set, recipe).clean_and_augmented())
    pairs = int(is_pair(clean).sum())
    assert len(again) == pairs > 5
    assert is_pair(again).all()
    assert_allclose(shown[:pairs] - again, (augmented - clean)[:pairs], atol=1e-5)  # they differ by the augmentation of the first


class Unaugmented(Batches):
    def clean_and_augmented(self):
        clean, _, target = super().clean_and_augmented()
        return clean, clean.clone(), target


def test_pairs_are_mixtures_whose_targets_do_not_depend_on_labels(training_set):
    teachers = of_each([voice_teacher(3)], [face_teacher(4)])
    recipe = replace(QUICK, taught=0.0, taught_voice_trust=1.7, taught_face_trust=0.4)
    x, target = DistillationBatches(Unaugmented(training_set, recipe, recipe.modality_dropout), teachers, recipe)()
    clean, _, usual = pairs_first(*Unaugmented(training_set, QUICK, QUICK.modality_dropout).clean_and_augmented())
    pairs, x = is_pair(clean), x[: len(target)]
    assert (x[~pairs] == clean[~pairs]).all()
    assert_allclose(target[~pairs], usual[~pairs], atol=1e-6)
    for part in (slice(0, 40), slice(40, 552)):
        assert (x[pairs, part] != clean[pairs, part]).any(dim=1).float().mean() > 0.9
    wanted = product(teachers, x[pairs], of_each(1.7, 0.4), prior_among_voices(training_set))
    assert_allclose(target[pairs], wanted, atol=1e-6)


def test_fused_is_the_student_of_as_many_as_the_recipe_asks_for(training_set, corpus, monkeypatch):
    seeds: list[tuple[str, int, float, float]] = []

    def train_teacher(_, recipe, modality, on_epoch):
        seeds.append((modality, recipe.seed, recipe.altered, recipe.levelled))
        return Notebook([1 / 8] * 8)

    shown: list[Recipe] = []

    class Shown(Batches):
        def __init__(self, training_set, recipe, modality_dropout):
            super().__init__(training_set, recipe, modality_dropout)
            shown.append(recipe)

    monkeypatch.setattr("models.training.distillation.train_teacher", train_teacher)
    monkeypatch.setattr("models.training.distillation.Batches", Shown)
    weights = set()

    def loss(*of, consistency):
        weights.add(consistency)
        return mismatch(*of, consistency)

    monkeypatch.setattr("models.training.distillation.mismatch", loss)
    recipe = replace(QUICK, seed=4, teachers=3, taught_altered=0.7, taught_levelled=0.9, taught_alike=0.3)
    network, history = distil(TransformerEmotionClassifier, training_set, recipe)
    assert weights == {0.3}
    assert [(r.altered, r.levelled) for r in shown] == [(0.7, 0.9)]
    assert seeds == [(part, seed, 0.0, 0.0) for part in (Modality.AUDIO, Modality.VIDEO) for seed in (4, 5, 6)]
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert not network.training
    seeds.clear()
    MODELS["fused"].train(*corpus, replace(QUICK, teachers=0), training_set)
    MODELS["voice"].train(*corpus, QUICK, training_set)
    assert not seeds
