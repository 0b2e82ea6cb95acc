"""What is kept of predictions is what was predicted; temperatures come from other people, and few people say little."""

from dataclasses import replace

import numpy as np
import pytest

from models.data.ravdess import performances
from models.evaluation.predictions import Prediction, read_predictions, save_predictions
from models.labels import label_index, ravdess_label

ABOUT = {"protocol": "actor-5fold", "commit": "abc", "created": "2026-01-31", "settings": {"seed": 0}}


def of(state: str, split: int, actors: tuple[int, ...], corruption: str | None = None, seed: int = 0) -> Prediction:
    keys = [key for actor in actors for key in performances(actor)]
    rng = np.random.default_rng([split, seed, len(state), len(corruption or "")])
    label = np.array([label_index(ravdess_label(key[1])) for key in keys])
    logits = rng.normal(size=(len(keys), 8)).astype(np.float32)
    return Prediction("fused", split, seed, state, corruption, logits, label, np.array([key[0] for key in keys]), keys)


@pytest.fixture(scope="module")
def found() -> list[Prediction]:
    """Two seeds of two splits, of which one holds nobody that was filmed."""
    asked = [("voice", 0, (2, 5), None), ("voice", 0, (2, 5), "noise (20 dB)"), ("voice", 3, (24,), None)]
    asked += [("voice", 3, (24,), "noise (20 dB)"), ("both", 0, (5,), None), ("both", 0, (5,), "JPEG"), ("both", 0, (5,), "blur")]
    return [of(*what, seed=seed) for seed in (0, 70_000) for what in asked]


def test_what_is_read_is_what_was_written(found, tmp_path):
    save_predictions(found, tmp_path / "new" / "fused.npz", ABOUT)
    again, about = read_predictions(tmp_path / "new" / "fused.npz")
    assert about == ABOUT | {"model": "fused"}
    by = {(p.seed, p.split, p.state, p.corruption): p for p in again}
    assert len(by) == len(again) == len(found)
    for p in found:
        q = by[p.seed, p.split, p.state, p.corruption]
        assert (q.model, q.keys) == (p.model, p.keys)
        assert (q.label == p.label).all()
        assert (q.actor == p.actor).all()
        if p.corruption is None:
            assert (q.logits == p.logits).all()
        else:
            assert (q.logits == np.eye(8)[p.logits.argmax(axis=1)]).all()


def test_without_corruptions_there_are_none(tmp_path):
    save_predictions([of("face", 1, (1,))], tmp_path / "face.npz", ABOUT)
    (p,) = read_predictions(tmp_path / "face.npz")[0]
    assert (p.state, p.corruption, len(p.keys)) == ("face", None, 60)


def test_what_does_not_belong_together_is_refused(found, tmp_path):
    corrupted = next(p for p in found if p.corruption)
    others = [p for p in found if p is not corrupted]
    for wrong in (
        [*found, replace(found[0], model="voice")],
        others,
        [*others, replace(corrupted, keys=corrupted.keys[::-1])],
        [*found, corrupted],
    ):
        with pytest.raises(ValueError, match=r"other clips|one model"):
            save_predictions(wrong, tmp_path / "wrong.npz", ABOUT)
    assert not (tmp_path / "wrong.npz").exists()
