"""Recordings whose cause is known, and how often each explanation puts its strongest evidence on it.

``python -m tests.xai.planted [--clips 100]`` prints the hit rates, and how often the badge of a broken explainer is red.

A cause is planted together with a classifier whose weights are set by hand, so that nothing but the cause can be why.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from unittest.mock import patch

import numpy as np
import torch

from features import SPACE, Features, Modality, Standardiser, extract
from features.audio import HOP, N_MELS, RATE, dct_matrix, mel_edges
from features.video import VideoFeatures
from models.model import EmotionModel
from models.networks.backbone import load_backbone
from models.vector_model import VectorModel
from tests.conftest import SAMPLE
from tests.xai.conftest import make_audio, recording
from xai.analysis import Analysis, check, explain
from xai.explanation import Attribution, Backbone, Contrast, Settings, SoundPatches, Subject
from xai.methods import METHODS

TARGET = 3
_SIDE = 32  # pixels of a cell of the maps
_RNG = np.random.default_rng


@dataclass(frozen=True)
class Planted:
    """An analysis, the positions (flat, of the explanation's parts) that hold its cause, and the explanation's evidence."""

    analysis: Analysis
    cause: np.ndarray
    evidence: np.ndarray

    @property
    def hit(self) -> bool:
        return int(self.evidence.argmax()) in self.cause


def linear_model(weights: np.ndarray, seed: int) -> EmotionModel:
    """A classifier (552 → 8) whose logit of :data:`TARGET` is ``weights`` · x; the others have small random weights."""
    rng = _RNG(seed)
    classifier = torch.nn.Linear(len(SPACE), 8).requires_grad_(False)
    rows = 0.02 * np.abs(weights).max() * rng.normal(size=(8, len(SPACE)))
    rows[TARGET] = weights
    classifier.weight.copy_(torch.from_numpy(rows))
    classifier.bias.zero_()
    reference = rng.normal(size=(16, len(SPACE))).astype(np.float32)
    plain = Standardiser(np.zeros(len(SPACE)), np.ones(len(SPACE)), SPACE)
    return VectorModel("planted", classifier.eval(), plain, reference, 1.0)


def tone_burst(seed: int) -> Planted:
    """A tone of 0.3 s somewhere in babble; the classifier listens to the level of its pitch. LIME must find it."""
    rng = _RNG(seed)
    start, pitch = rng.uniform(0.4, 2.2), np.exp(rng.uniform(np.log(300), np.log(6000)))
    time = np.arange(3 * RATE) / RATE
    rhythm = 0.55 + 0.45 * np.sin(2 * np.pi * rng.uniform(2, 5) * time + rng.uniform(0, 6))
    samples = 0.02 * rhythm * rng.standard_normal(len(time))
    inside = (time >= start) & (time < start + 0.3)
    samples[inside] += 0.3 * np.sin(2 * np.pi * pitch * time[inside])
    audio = make_audio(samples)
    band = int(np.searchsorted(mel_edges(), pitch)) - 1
    weights = np.zeros(len(SPACE))
    SPACE.part(weights, Modality.AUDIO)[:] = 0.3 * dct_matrix()[:, max(0, band - 1) : min(N_MELS, band + 2)].sum(axis=1)
    analysis = analysed(recording(audio), linear_model(weights, seed), load_backbone())
    found = analysis.attributions["lime"]
    assert isinstance(found.parts, SoundPatches)
    first, last = start * RATE / HOP, (start + 0.3) * RATE / HOP
    a, b, low, high = found.parts.cells.T
    cause = np.flatnonzero((np.minimum(b, last) - np.maximum(a, first) > 0) & (low <= band + 1) & (high >= band))
    return Planted(analysis, cause, found.of(Contrast(TARGET)))


def marked_face(seed: int, real: bool = False) -> Planted:
    """A patch on the mouth (or elsewhere, in every other clip) that the classifier goes by. Grad-CAM must find it.

    Args:
        real: judged by the shipped ResNet-18 with weights set to what answers such a patch, instead of by a colour detector.
    """
    rng = _RNG(seed)
    row, column = (5, 3) if seed % 2 == 0 else (int(rng.integers(0, 6)), int(rng.integers(0, 6)))
    crops = np.stack([_varied(crop, rng) for crop in _sample_video().crops])
    for crop in crops:
        put_patch(crop, row, column)
    backbone = load_backbone() if real else ColourDetector()
    weights = np.zeros(len(SPACE))
    SPACE.part(weights, Modality.VIDEO)[:] = _answer_to_patches() if real else np.r_[8.0, 0.2 * rng.normal(size=3), np.zeros(508)]
    maps = backbone.maps(crops)
    video = replace(_sample_video(), crops=crops, maps=maps)
    analysis = analysed(recording(None, video), linear_model(weights, seed), backbone)
    cells = np.zeros((len(crops), 7, 7), bool)
    around = 1 if real else 0  # the receptive field of layer4 is wider than a cell
    cells[:, max(0, row - around) : row + 2 + around, max(0, column - around) : column + 2 + around] = True
    return Planted(analysis, np.flatnonzero(cells), analysis.attributions["gradcam"].heat(Contrast(TARGET)).ravel())


def put_patch(crop: np.ndarray, row: int, column: int) -> None:
    """Draw a red and white chequered patch of 2 × 2 cells in place."""
    y, x = row * _SIDE, column * _SIDE
    squares = np.indices((2 * _SIDE, 2 * _SIDE)).sum(axis=0) // 8 % 2
    crop[y : y + 2 * _SIDE, x : x + 2 * _SIDE] = np.where(squares[..., None] == 0, (255, 0, 0), (255, 200, 200))


class ColourDetector(torch.nn.Module):
    """Stands for a backbone: its first map is how red a cell is, three others are what a face has anyway."""

    name, digest = "colour detector", "planted"

    def __init__(self) -> None:
        super().__init__()
        self.mixing = torch.nn.Parameter(torch.eye(4), requires_grad=False)

    def maps(self, crops: np.ndarray) -> np.ndarray:
        """uint8 (n, 224, 224, 3) → (n, 512, 7, 7), all but four zero."""
        x = crops.astype(np.float32) / 255
        red = np.maximum(0, x[..., 0] - np.maximum(x[..., 1], x[..., 2]))
        grey = x.mean(axis=3)
        planes = np.stack([red, grey, np.abs(np.diff(grey, axis=1, append=0)), np.abs(np.diff(grey, axis=2, append=0))], axis=1)
        cells = planes.reshape(len(crops), 4, 7, _SIDE, 7, _SIDE).mean(axis=(3, 5))
        out = np.zeros((len(crops), 512, 7, 7), np.float32)
        out[:, :4] = np.einsum("km,nmij->nkij", self.mixing.numpy(), cells)
        return out


def hand_set_weight(seed: int) -> Planted:
    """One feature of the 552 decides, and stands out in this recording. SHAP must name it."""
    rng = _RNG(seed)
    feature = int(rng.integers(len(SPACE)))
    weights = 0.03 * rng.normal(size=len(SPACE))
    weights[feature] = 2.0
    audio = make_audio(0.05 * rng.standard_normal(RATE))
    vector = rng.normal(size=len(SPACE))
    vector[feature] = 2.5
    voice, face = (SPACE.part(vector, modality) for modality in Modality)
    maps = np.broadcast_to(face[:, None, None], _sample_video().maps.shape).astype(np.float32)
    features = recording(replace(audio, vector=voice), replace(_sample_video(), maps=maps))
    analysis = analysed(features, linear_model(weights, seed), load_backbone())
    return Planted(analysis, np.array([feature]), analysis.attributions["shap"].of(Contrast(TARGET)))


def analysed(features: Features, model: EmotionModel, backbone: Backbone) -> Analysis:
    return explain(Subject(features, model, backbone, Settings(samples=1000)))


BROKEN: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "shuffled": lambda evidence, seed: _RNG(seed).permuted(evidence.reshape(len(evidence), -1), axis=1).reshape(evidence.shape),
    "constant": lambda evidence, seed: np.ones_like(evidence),
    "centre": lambda evidence, seed: np.broadcast_to(_centre(evidence.shape[1:]), evidence.shape),
}


def _centre(shape: tuple[int, ...]) -> np.ndarray:
    """High in the middle of the last two axes (or of the only one), whatever the recording."""
    axes = [1 - np.abs(np.linspace(-1, 1, side)) for side in shape[-2:]]
    hill = axes[0] if len(axes) == 1 else axes[0][:, None] + axes[1][None]
    return np.broadcast_to(hill, shape)


@contextmanager
def broken(kind: str, analysis: Analysis) -> Iterator[Analysis]:
    """The analysis with every explanation spoiled, also where its checks explain again."""
    count = iter(range(10**6))

    def spoil(attribution: Attribution) -> Attribution:
        values = attribution.values
        if isinstance(attribution.parts, SoundPatches):
            values = values.reshape(len(values), -1, attribution.parts.bands)
        return replace(attribution, values=BROKEN[kind](values, next(count)).reshape(attribution.values.shape))

    def spoiled_explain(method):
        usual = method.explain
        return lambda *arguments, **options: spoil(usual(*arguments, **options))

    attributions = {key: spoil(attribution) for key, attribution in analysis.attributions.items()}
    with ExitStack() as patches:
        for method in METHODS.values():
            patches.enter_context(patch.object(method, "explain", spoiled_explain(method)))
        yield replace(analysis, attributions=attributions, subject=replace(analysis.subject))  # which remembers nothing of the sound ones


_video: VideoFeatures | None = None
_answer: np.ndarray | None = None


def _sample_video() -> VideoFeatures:
    global _video
    if _video is None:
        _video = extract(None, (SAMPLE / "sample.mp4").read_bytes(), {Modality.VIDEO: load_backbone().maps}).video
        assert _video is not None
    return _video


def _answer_to_patches() -> np.ndarray:
    """(512,): how much more each map of ResNet-18 answers where a patch is than where it is not, over nine other places."""
    global _answer
    if _answer is None:
        crops, where = [], []
        for row in (0, 2, 4):
            for column in (0, 2, 4):
                crop = _sample_video().crops[0].copy()
                put_patch(crop, row, column)
                crops.append(crop)
                where.append((row, column))
        maps = load_backbone().maps(np.stack(crops))
        inside = np.mean([m[:, r : r + 2, c : c + 2].mean(axis=(1, 2)) for m, (r, c) in zip(maps, where, strict=True)], axis=0)
        _answer = inside - load_backbone().maps(_sample_video().crops).mean(axis=(0, 2, 3))
    return _answer


def _varied(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    mirrored = crop[:, ::-1] if rng.random() < 0.5 else crop
    return np.clip(mirrored * rng.uniform(0.6, 1.1) + rng.normal(0, 6, crop.shape), 0, 255).astype(np.uint8)


PLANTS: dict[str, tuple[str, Callable[[int], Planted]]] = {
    "LIME, tone burst": ("lime", tone_burst),
    "Grad-CAM, coloured patch": ("gradcam", marked_face),
    "Grad-CAM, ResNet-18": ("gradcam", lambda seed: marked_face(seed, real=True)),
    "SHAP, hand-set weight": ("shap", hand_set_weight),
}


def main() -> None:
    """Print the table."""
    p = argparse.ArgumentParser(prog="python -m tests.xai.planted", description="Hit rates on planted causes.")
    p.add_argument("--clips", type=int, default=100)
    p.add_argument("--broken", type=int, default=5, help="clips for each broken explainer")
    options = p.parse_args()
    for name, (key, plant) in PLANTS.items():
        planted = [plant(seed) for seed in range(options.clips)]
        reds = dict.fromkeys(BROKEN, 0)
        own = []
        for clip in planted[: options.broken]:
            own.append(check(clip.analysis, Contrast(TARGET))[key].level)
            for kind in BROKEN:
                with broken(kind, clip.analysis) as spoiled:
                    reds[kind] += check(spoiled, Contrast(TARGET))[key].level == "red"
        hits = sum(clip.hit for clip in planted)
        words = ", ".join(f"{kind} {count}/{options.broken}" for kind, count in reds.items())
        print(f"{name}: {hits}/{len(planted)} hits; its own badges {', '.join(own)}; red badges: {words}", flush=True)


if __name__ == "__main__":
    main()
