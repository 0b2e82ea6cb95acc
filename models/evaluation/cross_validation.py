"""Train without some recordings, test on them, and score what comes out: the work behind ``python -m models.evaluate``."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models.checkpoint import AnyModel, softmax
from models.data.clips import held_out_clips, predict
from models.data.corruptions import FACE_CHANGES, VOICE_CHANGES, WORDS_ONLY
from models.data.dataset import Faces, Voices, load_faces, load_voices
from models.evaluation.calibration import temperatures
from models.evaluation.intervals import share_of
from models.evaluation.predictions import Prediction
from models.evaluation.protocols import PROTOCOLS
from models.networks.fusion import PARTS
from models.threads import one_thread
from models.training.samplers import Samples, samples
from models.training.sequence_batches import TokenRecipe
from models.training.sequences import train_tokens
from models.training.settings import TOKENS, Settings, recipe_for
from models.training.vectors import train

STATES = ("both", "voice", "face")
TRAINED = ("fused", "voice", "face", "linear", TOKENS)


def states_of(model: str) -> tuple[str, ...]:
    """What a model can be shown: ``both``, a ``voice`` or a ``face``."""
    return (model,) if model in PARTS else STATES


def learn(
    model: str, voices: Voices, faces: Faces, settings: Settings, pools: Samples | None = None, backbone: str = "ferplus"
) -> AnyModel:
    """Train one of :data:`TRAINED` with its recipe, but for ``settings``.

    Args:
        pools: of all but :data:`TOKENS`, which weigh voices otherwise, and draw from their own.
    """
    if model == TOKENS:
        recipe = recipe_for(model, settings)
        assert isinstance(recipe, TokenRecipe)
        return train_tokens(voices, faces, recipe, backbone)
    return train(voices, faces, recipe_for(model, settings), backbone, architecture=model, pools=pools)


@dataclass(frozen=True)
class Corpus:
    """Which recordings are learned from and tested on.

    Attributes:
        data: folder with RAVDESS; cache: folder for features that were computed before.
        ferplus: FER+ photographs of each emotion, at most.
        backbone: of the face features.
        without: actors to leave out altogether.
    """

    data: Path
    cache: Path
    ferplus: int
    backbone: str = "ferplus"
    without: tuple[int, ...] = ()

    def load(self) -> tuple[Voices, Faces]:
        """Their features, from the cache or computed now."""
        voices = load_voices(self.data, self.cache)
        faces = load_faces(self.data, self.cache, self.ferplus, self.backbone)
        return voices.where(~np.isin(voices.actor, self.without)), faces.where(~np.isin(faces.actor, self.without))


class Laboratory:
    """The recordings, and what can be asked of one split. Each worker has its own; all read the same cache."""

    def __init__(self, corpus: Corpus) -> None:
        self.backbone = corpus.backbone
        self.voices, self.faces = corpus.load()

    @one_thread()
    def run(self, protocol: str, split: int, models: list[str], settings: Settings, changes: bool) -> list[Prediction]:
        """Train ``models`` without the split's clips and predict these, in every state and, on request, under every change."""
        takes = [*self.voices.takes, *self.faces.takes]
        part = PROTOCOLS[protocol].splits(takes)[split]
        spoken, filmed = part.mask(self.voices.takes), part.mask(self.faces.takes)
        if not spoken.any() and not filmed.any():
            return []
        voices, faces = self.voices.where(~spoken), self.faces.where(~filmed)
        tests = self.voices.where(spoken), self.faces.where(filmed)
        pools = samples(voices, faces, recipe_for("fused", settings)) if set(models) - {TOKENS} else None
        seed = recipe_for("fused", settings).seed
        out = []
        for name in models if len(faces.label) else [name for name in models if name == "voice"]:
            asked = [(state, change) for state in states_of(name) for change in [None, *(changes_of(state) if changes else [])]]
            shown = [(*what, clips) for what in asked if len((clips := held_out_clips(*tests, *what)).label)]
            if not shown:  # a model of faces, and nobody who is left out was filmed
                continue
            model = learn(name, voices, faces, settings, pools, self.backbone)
            for state, change, clips in shown:
                logits = predict(model, clips)
                out.append(Prediction(name, split, seed, state, change, logits, clips.label, clips.actor, clips.keys))
        return out


def changes_of(state: str) -> list[str]:
    """The changes that concern what is shown in that state."""
    of_voice = [*VOICE_CHANGES, WORDS_ONLY]
    return {"voice": of_voice, "face": [*FACE_CHANGES], "both": [*of_voice, *FACE_CHANGES]}[state]


_laboratory: Laboratory | None = None


def _open(corpus: Corpus) -> None:
    global _laboratory
    _laboratory = Laboratory(corpus)


def _work(*arguments) -> list[Prediction]:
    assert _laboratory is not None
    return _laboratory.run(*arguments)


def run_protocol(
    corpus: Corpus,
    protocol: str,
    models: list[str],
    settings: Settings,
    seeds: int,
    workers: int,
    changes: bool,
    on_split: Callable[[int, int], None] = lambda done, total: None,
) -> list[Prediction]:
    """All splits and seeds of a protocol, in ``workers`` processes.

    Args:
        models: of :data:`TRAINED`.
    """
    splits = len(PROTOCOLS[protocol].splits([]))
    slow = [name for name in models if name == TOKENS]
    groups = [group for group in (slow, [name for name in models if name not in slow]) if group]  # the longest first
    first = recipe_for("fused", settings).seed
    jobs = [(protocol, k, g, {**settings, "seed": first + s}, changes) for g in groups for s in range(seeds) for k in range(splits)]
    context = multiprocessing.get_context("spawn")  # forking a process that has used OpenMP may hang
    found: list[Prediction] = []
    with ProcessPoolExecutor(workers, context, _open, (corpus,)) as pool:
        running = [pool.submit(_work, *job) for job in jobs]
        for done, job in enumerate(as_completed(running), 1):
            found += job.result()
            on_split(done, len(jobs))
    return sorted(found, key=lambda p: (p.seed, p.split, p.model, p.state, p.change or ""))


def late_fusion(predictions: list[Prediction]) -> list[Prediction]:
    """What :class:`models.networks.fusion.LateFusion` makes of the predictions of the voice and of the face model.

    Each is scaled with the temperature of the other splits; a missing modality weighs nothing. A split has a small say in its
    own scaling here: the others' mixtures, on which it rests, were scaled with two numbers that its clips helped to fit.
    """
    scale = temperatures(predictions)
    parts = {(p.split, p.seed, p.model, p.change): p for p in predictions if p.model in PARTS}
    out = [replace(p, model="late-fusion", logits=_log(softmax(p.logits / scale[p.model, p.state, p.split]))) for p in parts.values()]
    for (split, seed, model, change), heard in parts.items():
        if model != "voice" or change in FACE_CHANGES:
            continue
        for altered in [None] if change else [None, *FACE_CHANGES]:
            seen = parts.get((split, seed, "face", altered))
            if seen is not None:
                out += [p for p in [_mix(heard, seen, scale, change or altered)] if len(p.label)]
    return out


def _mix(heard: Prediction, seen: Prediction, scale: dict[tuple[str, str, int], float], change: str | None) -> Prediction:
    where = {key: k for k, key in enumerate(heard.keys)}
    pairs = [(where[key], k) for k, key in enumerate(seen.keys) if key in where]
    rows = np.array(pairs, int).reshape(-1, 2).T
    both = [softmax(p.logits[r] / scale[p.model, p.state, p.split]) for p, r in zip((heard, seen), rows, strict=True)]
    weights = [p.max(axis=1, keepdims=True) for p in both]
    mixed = sum(w * p for w, p in zip(weights, both, strict=True)) / sum(weights)
    keys = [seen.keys[k] for k in rows[1]]
    return Prediction("late-fusion", seen.split, seen.seed, "both", change, _log(mixed), seen.label[rows[1]], seen.actor[rows[1]], keys)


def _log(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.clip(probabilities, 1e-9, 1.0))


def stability(predictions: list[Prediction], state: str) -> Iterator[tuple[str, dict[str, float]]]:
    """For each change: the share of one model's clips in that state whose top class stays, with its interval."""
    plain = {(p.split, p.seed): p.logits.argmax(axis=1) for p in predictions if p.state == state and p.change is None}
    for change in changes_of(state):
        rows = sorted((p for p in predictions if p.state == state and p.change == change), key=lambda p: (p.seed, p.split))
        if rows:
            seeds = len({p.seed for p in rows})
            same = np.concatenate([plain[p.split, p.seed] == p.logits.argmax(axis=1) for p in rows]).reshape(seeds, -1).mean(axis=0)
            yield change, share_of(same, np.concatenate([p.actor for p in rows])[: len(same)])
