"""``python -m models.train --data DIR``: from a folder of recordings to checkpoints and their scores.

DIR holds RAVDESS in its published layout (``Actor_NN/*.wav``, ``*.mp4``) or any nesting of its file names; faces may also
be strips of crops (``*.jpg``), and FER+ (``ferplus.npz``) is used for emotions that no video shows.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from features import Modality
from models.checkpoint import WEIGHTS, save_model
from models.data.dataset import Faces, Voices
from models.evaluate import keep, predictions, results_of, summary
from models.evaluation.calibration import temperature_of
from models.evaluation.cross_validation import Corpus, encoder_wanted, learn, shared_training_set, to_train
from models.evaluation.predictions import Prediction
from models.model import EmotionModel
from models.monitoring.monitor import Monitors
from models.monitoring.progress import EpochProgress, Progress
from models.monitoring.tensorboard_log import LogError, log_to, new_folder
from models.networks import ModelError
from models.networks.backbone import BACKBONES, load_backbone
from models.networks.encoders import DEFAULT_TOKENS, TOKENS_HELP
from models.provenance import commit, today
from models.registry import MODELS, RESULTS, result_path
from models.threads import one_thread
from models.training.recipe import Recipe
from models.training.settings import Settings

PROTOCOL = "actor-5fold"  # the one whose held-out clips set the temperature


def parser() -> argparse.ArgumentParser:
    default = Recipe()
    p = argparse.ArgumentParser(prog="python -m models.train", description="Score and train the classifiers.")
    p.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with RAVDESS, searched with all its subfolders")
    p.add_argument("--model", choices=MODELS, nargs="+", default=list(MODELS), help="which to train (default: all)")
    p.add_argument("--out", type=Path, default=WEIGHTS, metavar="DIR", help="folder for the checkpoints")
    p.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help="folder for the scores")
    p.add_argument("--epochs", type=int, help="of all of them (default: those of each recipe)")
    p.add_argument("--seed", type=int, default=default.seed)
    p.add_argument("--seeds", type=int, default=1, help="trainings for each part of the protocol (0: no scores, temperature 1)")
    p.add_argument("--without", type=int, nargs="+", default=[], metavar="ACTOR", help="actors to leave out altogether")
    p.add_argument("--ferplus", type=int, default=1500, metavar="N", help="FER+ photographs of each emotion, at most")
    p.add_argument("--backbone", choices=BACKBONES, default=BACKBONES[0])
    p.add_argument("--voice-encoder", default=DEFAULT_TOKENS, metavar="PATH-OR-ID", help=TOKENS_HELP)
    p.add_argument("--workers", type=int, default=2, help="trainings at a time while scoring")
    p.add_argument("--cache", type=Path, default=Path("cache"), help="folder for features that were computed before")
    p.add_argument("--log-dir", type=Path, metavar="DIR", help="write TensorBoard logs of all trainings there")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Score, train and save; 2 with one line on stderr if there is nothing to learn from, or the encoder or the log cannot be used."""
    options = parser().parse_args(arguments)
    try:
        encoder = encoder_wanted(options.model, options.voice_encoder)
        load_backbone(options.backbone)
        options.log_dir = new_folder(options.log_dir) if options.log_dir else None
    except (LogError, ModelError) as error:
        print(error, file=sys.stderr)
        return 2
    start = time.perf_counter()
    corpus = Corpus(options.data, options.cache, options.ferplus, options.backbone, tuple(options.without), encoder)
    voices, faces = corpus.load()
    of_voice_alone = [name for name, spec in MODELS.items() if Modality.VIDEO not in spec.modalities]
    if not len(voices.label) or not ((faces.actor > 0).any() or set(options.model) <= set(of_voice_alone)):
        found = "no RAVDESS voices (WAV, FLAC) or no faces (MP4, JPG) found"
        print(f"{options.data}: {found}; without faces, --model {' '.join(of_voice_alone)}", file=sys.stderr)
        return 2
    print(f"features of {len(voices.label)} voices and {len(faces.label)} faces: {time.perf_counter() - start:.0f} s", flush=True)
    settings: Settings = {"seed": options.seed}
    if options.epochs:
        settings = {**settings, "epochs": options.epochs, "taught_epochs": options.epochs}
    held_out = _score(options, corpus, settings) if options.seeds else []
    info = {"commit": commit(), "created": today()}
    options.out.mkdir(parents=True, exist_ok=True)
    for model in _train(options, voices, faces, settings, held_out):
        if model.name in options.model:
            path = options.out / f"{model.name}.safetensors"
            about = info | {"trained_on": describe(voices, faces, model.spec.modalities)}
            save_model(replace(model, info=model.info | about), path)
            print(f"{path}: {path.stat().st_size / 1e6:.1f} MB", flush=True)
    print(f"{time.perf_counter() - start:.0f} s in all")
    return 0


def _score(options: argparse.Namespace, corpus: Corpus, settings: Settings) -> list[Prediction]:
    """Predictions of all held-out clips; their scores are written and printed."""
    found = predictions(corpus, PROTOCOL, options.model, settings, options.seeds, options.workers, options.log_dir)
    for name, result in results_of(found, PROTOCOL, options.model, settings).items():
        keep(result, found, settings, result_path(PROTOCOL, name, folder=options.results))
        print(summary(result), flush=True)
    return found


def _train(
    options: argparse.Namespace, voices: Voices, faces: Faces, settings: Settings, held_out: list[Prediction]
) -> Iterator[EmotionModel]:
    """Each model on everything there is, scaled; then those that are made of others."""
    trained = to_train(options.model)
    with one_thread():
        training_set = shared_training_set(trained, voices, faces, settings)
        done: dict[str, EmotionModel] = {}
        for number, name in enumerate(trained, 1):
            with Progress(f"{name} ({number} of {len(trained)})") as progress:
                monitor = Monitors(EpochProgress(progress), log_to(options.log_dir, name, f"all-data-seed-{options.seed}", settings))
                model = learn(name, voices, faces, settings, training_set, options.backbone, monitor)
            done[name] = _scaled(model, held_out)
            yield done[name]
        for name, spec in MODELS.items():
            if name in options.model and spec.fuse is not None:
                yield _scaled(spec.fuse(*(done[part] for part in spec.parts)), held_out)


def _scaled(model: EmotionModel, held_out: list[Prediction]) -> EmotionModel:
    """With the temperatures of everything that was held out from that model, state by state."""
    own = [p for p in held_out if p.model == model.name and p.corruption is None]
    found = {state: temperature_of([p for p in own if p.state == state]) for state in model.spec.states}
    usual = found[model.spec.states[0]]  # a model of one modality has the same temperature whatever is shown beside it
    return replace(model, temperature=usual, alone={modality: found.get(modality.noun, usual) for modality in Modality})


def describe(voices: Voices, faces: Faces, modalities: Iterable[Modality] = tuple(Modality)) -> str:
    """What a model that reads ``modalities`` was trained on, in a sentence."""
    filmed = sorted({int(actor) for actor in faces.actor if actor})
    shown = {actor: len({t.key for t in faces.takes if t is not None and t.actor == actor}) for actor in filmed}
    clips = ", ".join(f"actor {actor:02d} ({count} performances)" for actor, count in shown.items())
    parts = {
        Modality.AUDIO: f"voices of {len(np.unique(voices.actor))} actors ({len(voices.label)} recordings)",
        Modality.VIDEO: f"faces of {clips}; FER+: {int((faces.actor == 0).sum())} photographs",
    }
    return "RAVDESS speech: " + ", ".join(parts[modality] for modality in modalities)


if __name__ == "__main__":
    sys.exit(main())
