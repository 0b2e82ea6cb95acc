"""Train without some recordings, test on them, and score the predictions: the work behind ``python -m models.evaluate``."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from features import Modality
from models.data.clips import Clips, held_out_clips, predict
from models.data.corruptions import corruptions_in
from models.data.dataset import Faces, Voices, load_faces, load_voices
from models.evaluation.intervals import share_of
from models.evaluation.predictions import Prediction
from models.evaluation.protocols import PROTOCOLS
from models.model import EmotionModel
from models.monitoring.monitor import UNWATCHED, Monitor
from models.monitoring.tensorboard_log import log_to
from models.networks import ModelError
from models.networks.encoders import DEFAULT_TOKENS, load_encoder
from models.registry import DEFAULT, MODELS
from models.threads import one_thread
from models.training.samplers import TrainingSet, make_training_set
from models.training.settings import Settings, recipe_for


def to_train(names: Iterable[str]) -> list[str]:
    """The models that have to be trained to have those of ``names``, with the parts that some are made of."""
    needed = {part for name in names for part in (MODELS[name].parts or (name,))}
    return [name for name in MODELS if name in needed]


def encoder_wanted(names: Iterable[str], encoder: str) -> str | None:
    """The full name of ``encoder`` if any of the models, or of the parts that they are made of, reads tokens of a voice; else None.

    Raises:
        models.networks.ModelError: it cannot be loaded, gives no tokens, or is not the usual one and nobody reads it.
    """
    if not _read_tokens(names):
        if encoder == DEFAULT_TOKENS:
            return None
        others = ", ".join(name for name in MODELS if _read_tokens([name]))
        raise ModelError(f"--voice-encoder {encoder} is read by none of {', '.join(names)}: leave it out, or name a --model of {others}.")
    found = load_encoder(Modality.AUDIO, encoder)
    if not hasattr(found, "name"):
        raise ModelError(f"{encoder} gives no tokens: leave --voice-encoder out, or name a speech model of Hugging Face.")
    return found.name


def _read_tokens(names: Iterable[str]) -> bool:
    return any(MODELS[name].tokens for name in to_train(names))


def shared_training_set(names: Iterable[str], voices: Voices, faces: Faces, settings: Settings) -> TrainingSet | None:
    """The one that serves all of ``names`` that have none of their own; None if there are no such models."""
    shared = [name for name in names if not MODELS[name].own_training_set]
    return make_training_set(voices, faces, recipe_for(shared[0], settings)) if shared else None


def learn(
    name: str,
    voices: Voices,
    faces: Faces,
    settings: Settings,
    training_set: TrainingSet | None = None,
    backbone: str = "ferplus",
    monitor: Monitor = UNWATCHED,
) -> EmotionModel:
    """Train a model with its recipe, but for ``settings``.

    Args:
        name: of a model that is not made of others (:func:`to_train`).
        training_set: :func:`shared_training_set` of the same data and settings, if it is at hand.
        monitor: its observer.
    """
    spec = MODELS[name]
    assert spec.train is not None, f"{name} is made of {', '.join(spec.parts)} without training"
    own = None if spec.own_training_set else training_set
    model = spec.train(voices, faces, recipe_for(name, settings), own, backbone, monitor)
    monitor.finish(model)
    return model


@dataclass(frozen=True)
class Corpus:
    """Which recordings are learned from and tested on.

    Attributes:
        data: folder with RAVDESS; cache: folder for features that were computed before.
        ferplus: FER+ photographs of each emotion, at most.
        backbone: of the face features.
        without: actors to leave out altogether.
        voice_encoder: of the tokens, where a model reads any; None: no tokens.
    """

    data: Path
    cache: Path
    ferplus: int
    backbone: str = "ferplus"
    without: tuple[int, ...] = ()
    voice_encoder: str | None = None

    def load(self) -> tuple[Voices, Faces]:
        """Their features, from the cache or computed now."""
        voices = load_voices(self.data, self.cache, encoder=self.voice_encoder)
        faces = load_faces(self.data, self.cache, self.ferplus, self.backbone)
        return voices.where(~np.isin(voices.actor, self.without)), faces.where(~np.isin(faces.actor, self.without))


class Evaluator:
    """Trains and tests on one split of the recordings. Each worker has its own; all read the same cache."""

    log_dir: Path | None = None

    def __init__(self, corpus: Corpus, log_dir: Path | None = None) -> None:
        """``log_dir``: folder for TensorBoard logs of the trainings; none without it."""
        self.backbone, self.log_dir = corpus.backbone, log_dir
        self.voices, self.faces = corpus.load()

    @one_thread()
    def run(self, protocol: str, split: int, models: list[str], settings: Settings, corrupt: bool) -> list[Prediction]:
        """Train ``models`` without the split's clips and predict these, in every state and, on request, under every corruption."""
        part = PROTOCOLS[protocol].splits([*self.voices.takes, *self.faces.takes])[split]
        spoken, filmed = part.mask(self.voices.takes), part.mask(self.faces.takes)
        if not spoken.any() and not filmed.any():
            return []
        voices, faces = self.voices.where(~spoken), self.faces.where(~filmed)
        held_out = self.voices.where(spoken), self.faces.where(filmed)
        training_set = shared_training_set(models, voices, faces, settings)
        there = {Modality.AUDIO: len(voices.label) > 0, Modality.VIDEO: len(faces.label) > 0}
        seed = recipe_for(DEFAULT, settings).seed
        found = []
        for name in models:
            tests = _tests(name, *held_out, corrupt)
            if not tests or not all(there[modality] for modality in MODELS[name].modalities):
                continue
            clean = {state: clips for state, corruption, clips in tests if corruption is None}
            monitor = log_to(self.log_dir, name, f"{protocol}/split-{split + 1}-seed-{seed}", settings, clean)
            model = learn(name, voices, faces, settings, training_set, self.backbone, monitor)
            for state, corruption, clips in tests:
                logits = predict(model, clips)
                found.append(Prediction(name, split, seed, state, corruption, logits, clips.label, clips.actor, clips.keys))
        return found


def _tests(name: str, voices: Voices, faces: Faces, corrupt: bool) -> list[tuple[str, str | None, Clips]]:
    """States and corruptions in which a model can be shown some of the clips, with these clips."""
    wanted = [(state, corruption) for state in MODELS[name].states for corruption in [None, *(corruptions_in(state) if corrupt else [])]]
    found = [(state, corruption, held_out_clips(voices, faces, state, corruption)) for state, corruption in wanted]
    return [(state, corruption, clips) for state, corruption, clips in found if len(clips.label)]


_evaluator: Evaluator | None = None


def _open(corpus: Corpus, log_dir: Path | None) -> None:
    global _evaluator
    _evaluator = Evaluator(corpus, log_dir)


def _work(*arguments) -> list[Prediction]:
    assert _evaluator is not None
    return _evaluator.run(*arguments)


def run_protocol(
    corpus: Corpus,
    protocol: str,
    models: list[str],
    settings: Settings,
    seeds: int,
    workers: int,
    corrupt: bool,
    on_split: Callable[[int, int], None] = lambda done, total: None,
    log_dir: Path | None = None,
) -> list[Prediction]:
    """All splits and seeds of a protocol, in ``workers`` processes.

    Args:
        models: see :func:`to_train`.
        on_split: called with the number of splits done, from 0, and of all.
        log_dir: folder for TensorBoard logs.
    """
    jobs = [(protocol, split, group, own, corrupt) for group, own, split in _jobs(protocol, models, settings, seeds)]
    context = multiprocessing.get_context("spawn")  # forking a process that has used OpenMP may hang
    found: list[Prediction] = []
    on_split(0, len(jobs))
    with ProcessPoolExecutor(workers, context, _open, (corpus, log_dir)) as pool:
        running = [pool.submit(_work, *job) for job in jobs]
        for done, job in enumerate(as_completed(running), 1):
            found += job.result()
            on_split(done, len(jobs))
    return sorted(found, key=lambda p: (p.seed, p.split, p.model, p.state, p.corruption or ""))


def _jobs(protocol: str, models: list[str], settings: Settings, seeds: int) -> Iterator[tuple[list[str], Settings, int]]:
    """Models that share a training set, settings, and a split; the longest first."""
    splits, first = len(PROTOCOLS[protocol].splits([])), recipe_for(DEFAULT, settings).seed
    for own in (True, False):
        group = [name for name in models if MODELS[name].own_training_set == own]
        for seed in range(first, first + seeds) if group else ():
            yield from ((group, {**settings, "seed": seed}, split) for split in range(splits))


def stability(predictions: list[Prediction], state: str) -> Iterator[tuple[str, dict[str, float]]]:
    """For each corruption: the share of one model's clips in that state whose top class stays, with its interval."""
    clean = {(p.split, p.seed): p.logits.argmax(axis=1) for p in predictions if p.state == state and p.corruption is None}
    for corruption in corruptions_in(state):
        rows = sorted((p for p in predictions if p.state == state and p.corruption == corruption), key=lambda p: (p.seed, p.split))
        if rows:
            seeds = len({p.seed for p in rows})
            same = np.concatenate([clean[p.split, p.seed] == p.logits.argmax(axis=1) for p in rows]).reshape(seeds, -1).mean(axis=0)
            yield corruption, share_of(same, np.concatenate([p.actor for p in rows])[: len(same)])
