"""What a student is told: of altered recordings, of pairs, and of mixtures of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.special import softmax
from torch import nn

from models.checkpoint import load_model
from models.labels import label_index
from models.training.distillation import Lessons, distil, mismatch, mixed, product
from models.training.loop import cross_entropy
from models.training.recipe import Recipe
from models.training.samplers import samples
from models.training.vector_batches import Batches
from models.training.vectors import train

QUICK = replace(Recipe(), epochs=2, taught_epochs=3, batch=64, epoch_size=128)


@pytest.fixture(scope="module")
def pools(corpus):
    return samples(*corpus, QUICK)


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


def met_among_voices(pools) -> torch.Tensor:
    """Of the corpus, in which only neutral is rarer: half as many recordings, drawn with the root of that."""
    odd = torch.arange(8) == label_index("neutral")
    shares = torch.where(odd, 0.5**0.5, 1.0)
    assert (pools.heard.labels == label_index("neutral")).mean() == pytest.approx(1 / 15)
    return shares / shares.sum()


def is_pair(x: torch.Tensor) -> torch.Tensor:
    return x[:, :40].any(dim=1) & x[:, 40:].any(dim=1)


class Notebook(nn.Module):
    """Always of the same opinion; keeps what it was shown."""

    def __init__(self, opinion: list[float]) -> None:
        super().__init__()
        self.logits, self.shown = torch.tensor(opinion).log(), []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.shown.append(x)
        return self.logits.expand(len(x), -1)


def test_the_product_of_opinions_by_hand():
    """A pair, a voice alone, a face alone; two teachers of voices, one of faces."""
    voices, faces, x = [voice_teacher(0), voice_teacher(1)], [face_teacher(2)], vectors(3)
    x[1, 40:], x[2, :40] = 0, 0
    voice, face = (np.mean([softmax(t(x).detach().numpy(), axis=1) for t in own], axis=0) for own in (voices, faces))
    expected = np.array([3, 1, 1, 1, 1, 1, 1, 1]) / 10
    for heard, seen in ((1.0, 1.0), (2.5, 0.4)):
        wanted = np.stack([voice[0] ** heard * face[0] ** seen / expected, voice[1] ** heard, face[2] ** seen])
        found = product([voices, faces], x, (heard, seen), torch.tensor(expected))
        assert_allclose(found, wanted / wanted.sum(axis=1, keepdims=True), rtol=2e-4)


def test_an_emotion_of_which_there_is_no_voice_is_not_expected_out_of_nothing():
    said = product([[voice_teacher(0)], [face_teacher(1)]], vectors(3), (1.0, 1.0), torch.tensor([0.0] + [1 / 7] * 7))
    assert torch.isfinite(said).all()
    assert_allclose(said.sum(dim=1), 1, rtol=1e-5)


def test_the_mismatch_by_hand():
    """Logits that are 1 too high for one label, whatever is added to all of them: a variance of (1 − 1/8) / 8 each."""
    target = torch.softmax(torch.randn(5, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    off = target.log() + torch.eye(8)[:5] + torch.arange(5)[:, None]
    assert_allclose(mismatch(off, target), 0.2 * (1 - 1 / 8) / 8, rtol=1e-5)
    assert_allclose(mismatch(target.log() - 3, target), 0, atol=1e-8)
    certain = torch.eye(8)
    assert_allclose(mismatch(torch.where(certain == 1, 0.0, np.log(1e-6)), certain), 0, atol=1e-8)


def test_what_is_said_of_two_copies_should_be_the_same():
    """Two of four recordings have a copy, of which one says 3 more for one label, whatever is added to all of them."""
    target = torch.softmax(torch.randn(4, 8, generator=torch.Generator().manual_seed(2)), dim=1)
    logits = torch.cat([target.log(), target.log()[:2] + 5])
    assert_allclose(mismatch(logits, target, 0.5), 0, atol=1e-7)
    logits[5, 3] -= 3
    assert_allclose(mismatch(logits, target, 0.5), 0.5 * 0.2 * 9 * (1 - 1 / 8) / 8 / 4, rtol=1e-5)
    assert_allclose(mismatch(logits, target), 0, atol=1e-7)


def test_what_is_said_of_two_uncertain_parts_is_a_sum():
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
    pairs = torch.from_numpy(((model.reference - model.mean) / model.std).astype(np.float32))
    voices, faces = pairs.clone(), pairs.clone()
    voices[:, 40:], faces[:, :40] = 0, 0
    both, *parts = ((z - z.mean(dim=1, keepdim=True)).ravel().numpy() for z in map(model.classifier, (pairs, voices, faces)))
    shares, (rest,), *_ = np.linalg.lstsq(np.stack(parts, axis=1), both, rcond=None)
    assert (shares > 0.7).all()
    assert (shares < 1.15).all()
    assert rest < 0.1 * (both**2).sum()


def test_what_is_mixed_lies_between_two_and_is_altered_in_full():
    clean, change = vectors(30, 1), vectors(30, 2)
    mixtures, altered = mixed(clean, clean + change, np.random.default_rng(0))
    assert_allclose(altered - mixtures, change, atol=1e-5)
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


def test_a_student_is_told_what_was_said_of_the_clean_recording(pools):
    recipe = replace(QUICK, altered=1.0, taught=0.7, taught_voice_trust=1.5, taught_face_trust=0.5)
    one, two = [0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.3]
    teachers = [[Notebook(one), Notebook(two)], [Notebook(two)]]
    x, target = Lessons(Batches(pools, recipe, "fused"), teachers, recipe)()
    clean, altered, usual = pairs_first(*Batches(pools, recipe, "fused").twins())
    alone = ~is_pair(clean)
    assert 0 < alone.sum() < len(target) < len(x)
    assert (x[: len(target)][alone] == altered[alone]).all()
    for own, part in zip(teachers, (slice(0, 40), slice(40, 552)), strict=True):
        there = clean[:, part].any(dim=1)
        assert (clean[there, part] != altered[there, part]).any(dim=1).all()
        for teacher in own:
            (shown,) = teacher.shown
            assert len(shown) == there.sum()
            assert (shown[alone[there]] == clean[alone & there]).all()
    voice, face = torch.tensor([0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2]) ** 1.5, torch.tensor(two) ** 0.5
    said = torch.where(clean[:, :1] != 0, voice / voice.sum(), face / face.sum())
    assert_allclose(target[alone], (0.3 * usual + 0.7 * said)[alone], atol=1e-6)
    both = voice * face / met_among_voices(pools)
    assert_allclose(target[~alone], (both / both.sum()).expand(int((~alone).sum()), -1), atol=1e-6)


def pairs_first(clean: torch.Tensor, *others: torch.Tensor) -> list[torch.Tensor]:
    order = np.argsort(~is_pair(clean).numpy(), kind="stable")
    return [part[order] for part in (clean, *others)]


def test_after_a_batch_its_pairs_follow_unaltered(pools):
    recipe = replace(QUICK, altered=1.0)
    x, target = Lessons(Batches(pools, recipe, "fused"), [[voice_teacher(3)], [face_teacher(4)]], recipe)()
    shown, twins = x[: len(target)], x[len(target) :]
    clean, altered, _ = pairs_first(*Batches(pools, recipe, "fused").twins())
    pairs = int(is_pair(clean).sum())
    assert len(twins) == pairs > 5
    assert is_pair(twins).all()
    assert_allclose(shown[:pairs] - twins, (altered - clean)[:pairs], atol=1e-5)  # they differ by what altered the first of the two


class Unaltered(Batches):
    """Of which the twin is the same."""

    def twins(self):
        clean, _, target = super().twins()
        return clean, clean.clone(), target


def test_of_pairs_mixtures_are_shown_and_labels_have_no_say(pools):
    teachers = [[voice_teacher(3)], [face_teacher(4)]]
    recipe = replace(QUICK, taught=0.0, taught_voice_trust=1.7, taught_face_trust=0.4)
    x, target = Lessons(Unaltered(pools, recipe, "fused"), teachers, recipe)()
    clean, _, usual = pairs_first(*Unaltered(pools, QUICK, "fused").twins())
    pairs, x = is_pair(clean), x[: len(target)]
    assert (x[~pairs] == clean[~pairs]).all()
    assert_allclose(target[~pairs], usual[~pairs], atol=1e-6)
    for part in (slice(0, 40), slice(40, 552)):
        assert (x[pairs, part] != clean[pairs, part]).any(dim=1).float().mean() > 0.9
    assert_allclose(target[pairs], product(teachers, x[pairs], (1.7, 0.4), met_among_voices(pools)), atol=1e-6)


def test_fused_is_the_student_of_as_many_as_the_recipe_says(pools, corpus, monkeypatch):
    seeds: list[tuple[str, int, float, float]] = []

    def teach(_, recipe, modality):
        seeds.append((modality, recipe.seed, recipe.altered, recipe.levelled))
        return Notebook([1 / 8] * 8)

    shown: list[Recipe] = []

    class Shown(Batches):
        def __init__(self, pools, recipe, architecture):
            super().__init__(pools, recipe, architecture)
            shown.append(recipe)

    monkeypatch.setattr("models.training.distillation.teach", teach)
    monkeypatch.setattr("models.training.distillation.Batches", Shown)
    weights = set()
    monkeypatch.setattr("models.training.distillation.mismatch", lambda *of, alike: weights.add(alike) or mismatch(*of, alike))
    recipe = replace(QUICK, seed=4, teachers=3, taught_altered=0.7, taught_levelled=0.9, taught_alike=0.3)
    network, history = distil(pools, recipe)
    assert weights == {0.3}
    assert [(r.altered, r.levelled) for r in shown] == [(0.7, 0.9)]
    assert seeds == [(part, seed, 0.0, 0.0) for part in ("voice", "face") for seed in (4, 5, 6)]
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert not network.training
    seeds.clear()
    train(*corpus, replace(QUICK, teachers=0), pools=pools)
    train(*corpus, QUICK, pools=pools, architecture="voice")
    assert not seeds
