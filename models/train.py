"""``python -m models.train --data DIR``: from a folder of recordings to a checkpoint that knows its scores.

DIR holds RAVDESS in its published layout (``Actor_NN/*.wav``, ``*.mp4``) or any nesting of its file names; faces may also
be strips of crops (``*.jpg``), and FER+ (``ferplus.npz``) is used for emotions that no video shows.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from models.backbone import BACKBONES
from models.checkpoint import WEIGHTS, save_model
from models.dataset import Faces, Voices, load_faces, load_voices
from models.evaluation import held_out
from models.training import Recipe, train


def parser() -> argparse.ArgumentParser:
    default = Recipe()
    p = argparse.ArgumentParser(prog="python -m models.train", description="Train the fused classifier.")
    p.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with RAVDESS, searched with all its subfolders")
    p.add_argument("--out", type=Path, default=WEIGHTS / "fused.safetensors", help="checkpoint to write")
    p.add_argument("--epochs", type=int, default=default.epochs)
    p.add_argument("--lr", type=float, default=default.lr, help="learning rate of Adam")
    p.add_argument("--batch", type=int, default=default.batch)
    p.add_argument("--seed", type=int, default=default.seed)
    p.add_argument("--seeds", type=int, default=3, help="trainings for each held-out actor (0: no scores, temperature 1)")
    p.add_argument("--without", type=int, nargs="+", default=[], metavar="ACTOR", help="actors to leave out altogether")
    p.add_argument("--ferplus", type=int, default=1500, metavar="N", help="FER+ photographs of each emotion, at most")
    p.add_argument("--backbone", choices=BACKBONES, default=BACKBONES[0])
    p.add_argument("--cache", type=Path, default=Path("cache"), help="folder for features that were computed before")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Train, judge and save; 2 with one line on stderr if the folder holds nothing to learn from."""
    options = parser().parse_args(arguments)
    start = time.perf_counter()
    voices = load_voices(options.data, options.cache)
    faces = load_faces(options.data, options.cache, options.ferplus, options.backbone)
    if options.without:
        voices, faces = voices.where(~np.isin(voices.actor, options.without)), faces.where(~np.isin(faces.actor, options.without))
    if not len(voices.label) or not (faces.actor > 0).any():
        print(f"{options.data}: no RAVDESS voices (WAV, FLAC) or no faces (MP4, JPG) found", file=sys.stderr)
        return 2
    print(f"features of {len(voices.label)} voices and {len(faces.label)} faces: {time.perf_counter() - start:.0f} s", flush=True)
    recipe = replace(Recipe(), epochs=options.epochs, lr=options.lr, batch=options.batch, seed=options.seed)
    scores, temperature = held_out(voices, faces, recipe, options.seeds) if options.seeds else (None, 1.0)
    with tqdm(total=recipe.epochs, desc="training", disable=None) as bar:

        def show(epoch: int, loss: float) -> None:
            bar.set_postfix(loss=f"{loss:.3f}")
            bar.update()

        model = train(voices, faces, recipe, options.backbone, show)
    info = model.info | {"trained_on": describe(voices, faces), "held_out": scores, "commit": _commit(), "created": _today()}
    save_model(replace(model, temperature=temperature, info=info), options.out)
    print(json.dumps({"recipe": asdict(recipe), "held_out": scores, "temperature": round(temperature, 3)}, indent=1))
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB, {time.perf_counter() - start:.0f} s in all")
    return 0


def describe(voices: Voices, faces: Faces) -> str:
    """What a model was trained on, in a sentence."""
    filmed = Counter(int(actor) for actor in faces.actor if actor)
    clips = ", ".join(f"actor {actor:02d} ({count} clips)" for actor, count in sorted(filmed.items()))
    return (
        f"RAVDESS speech: voices of {len(np.unique(voices.actor))} actors ({len(voices.label)} recordings), faces of {clips}; "
        f"FER+: {int((faces.actor == 0).sum())} photographs"
    )


def _commit() -> str:
    run = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    return run.stdout.strip() or "unknown"


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


if __name__ == "__main__":
    sys.exit(main())
