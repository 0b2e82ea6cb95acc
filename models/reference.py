"""Clips of the training set that every checkpoint is shown with: neighbours for a visitor's clip, and the material of summaries.

``python -m models.reference --data DIR`` makes ``models/results/reference.npz`` (features only, no pictures or sounds): every
performance whose voice and face are there, and ten voices of every other actor. The same voices as tokens of a pretrained encoder are in
``reference.NAME.npz``, eight bits a number: enough for neighbours and summaries, and read only where a model needs them. Where all voices
lie, and how far others may be from them, is in ``known_voices.npz`` (:mod:`models.evaluation.familiarity`).
"""

from __future__ import annotations

import argparse
import sys
from functools import cache
from pathlib import Path

import numpy as np

from features import Modality
from features.video import N_FACE
from models.data.clips import Clips, held_out_clips
from models.data.dataset import Faces, Voices, load_faces, load_voices
from models.evaluation.familiarity import PATH as KNOWN_VOICES
from models.evaluation.familiarity import VoiceMap, fit_map, save_map
from models.networks.encoders import DEFAULT_TOKENS
from models.networks.sequence import TOKEN_FRAMES
from models.registry import BOTH, RESULTS, shown_in

PATH = RESULTS / "reference.npz"
_FRAMES = 3 * TOKEN_FRAMES  # of each voice
_FACES = 4  # frames of each face
_VOICES_OF_AN_ACTOR = 10
_LEVELS = 127


def build(voices: Voices, faces: Faces) -> dict[str, np.ndarray]:
    """The arrays of the file: pairs first, then voices alone; those have zeros for faces."""
    pairs = held_out_clips(voices, faces, BOTH)
    filmed = set(pairs.actor.tolist())
    rng = np.random.default_rng(0)
    others = [np.flatnonzero(voices.actor == actor) for actor in np.unique(voices.actor) if actor not in filmed]
    rows = np.sort(np.concatenate([_even(voices.label, rows, rng) for rows in others] or [np.zeros(0, int)]))
    mask = np.isin(np.arange(len(voices.label)), rows)
    alone = held_out_clips(voices.where(mask), faces, Modality.AUDIO.noun)
    assert pairs.mfcc is not None
    assert pairs.faces is not None
    frames = [clip[np.linspace(0, len(clip) - 1, _FACES).round().astype(int)] for clip in pairs.faces]
    shown = np.zeros((len(pairs.label) + len(alone.label), _FACES, N_FACE), np.float16)
    shown[: len(frames)] = frames
    both = [np.concatenate([getattr(pairs, name), getattr(alone, name)]) for name in ("mfcc", "sequence", "heard", "label", "actor")]
    mfcc, sequence, heard, label, actor = both
    keys = [[actor, int(emotion), *rest] for actor, emotion, *rest in pairs.keys + alone.keys]
    return {
        "mfcc": mfcc.astype(np.float32),
        "sequence": sequence[:, :, :_FRAMES].astype(np.float16),
        "heard": np.minimum(heard, _FRAMES).astype(np.int16),
        "faces": shown,
        "paired": np.arange(len(shown)) < len(frames),
        "label": label.astype(np.int8),
        "actor": actor.astype(np.int8),
        "keys": np.array(keys, np.int8),
    }


def _even(labels: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ten of ``rows``, all emotions as often as can be."""
    order = rng.permutation(rows)
    rank = np.array([np.sum(labels[order[:k]] == labels[row]) for k, row in enumerate(order)])
    return order[np.argsort(rank, kind="stable")][:_VOICES_OF_AN_ACTOR]


def token_path(encoder: str, path: Path = PATH) -> Path:
    """Where the same voices lie as tokens of a pretrained encoder."""
    return path.with_suffix(f".{encoder}.npz")


def build_tokens(voices: Voices, keys: np.ndarray) -> dict[str, np.ndarray]:
    """The voices of the performances ``keys``, as :func:`build` has them, as tokens: ``values`` int8 (all tokens, d) times ``scale`` (d,).

    Raises:
        ValueError: the voices were loaded without tokens.
    """
    if voices.tokens is None:
        raise ValueError("load the voices with an encoder")
    rows = {_key(take.key): row for row, take in enumerate(voices.takes)}
    tokens = [voices.tokens.of(rows[tuple(key)], 0) for key in keys.tolist()]
    every = np.concatenate(tokens)
    scale = np.maximum(np.abs(every).max(axis=0), 1e-9) / _LEVELS
    counts = np.array([len(own) for own in tokens], np.int16)
    return {"values": (every / scale).round().astype(np.int8), "scale": scale.astype(np.float32), "counts": counts}


def known_voices(voices: Voices) -> VoiceMap:
    """Where all voices lie by their tokens.

    Raises:
        ValueError: the voices were loaded without tokens.
    """
    if voices.tokens is None:
        raise ValueError("load the voices with an encoder")
    return fit_map(np.stack([voices.tokens.of(row, 0).mean(axis=0) for row in range(len(voices.label))]), voices.actor)


def _key(key: tuple) -> tuple[int, ...]:
    actor, emotion, *rest = key
    return actor, int(emotion), *rest


@cache
def _load_tokens(encoder: str) -> list[np.ndarray] | None:
    """Of each clip float32 (k, d); None where there are none by that encoder."""
    if not token_path(encoder).exists():
        return None
    with np.load(token_path(encoder), allow_pickle=False) as file:
        values = file["values"].astype(np.float32) * file["scale"]
        return np.split(values, np.cumsum(file["counts"].astype(int))[:-1])


@cache
def load_reference(state: str, encoder: str | None = None) -> Clips:
    """The clips that can be shown in a state: pairs where the face is shown, else all.

    Args:
        encoder: name of a pretrained one whose tokens are wanted too, where they are at hand.
    """
    with np.load(PATH, allow_pickle=False) as file:
        data = {name: file[name] for name in file.files}
    voice, face = (modality in shown_in(state) for modality in (Modality.AUDIO, Modality.VIDEO))
    rows = np.flatnonzero(data["paired"]) if face else np.arange(len(data["label"]))
    keys = [(actor, f"{emotion:02d}", *rest) for actor, emotion, *rest in data["keys"][rows].tolist()]
    tokens = _load_tokens(encoder) if encoder else None
    return Clips(
        mfcc=data["mfcc"][rows] if voice else None,
        sequence=data["sequence"][rows].astype(np.float32) if voice else None,
        heard=data["heard"][rows].astype(int) if voice else None,
        faces=list(data["faces"][rows].astype(np.float32)) if face else None,
        label=data["label"][rows].astype(int),
        actor=data["actor"][rows].astype(int),
        keys=keys,
        tokens=[tokens[row] for row in rows] if voice and tokens is not None else None,
    )


def main(arguments: list[str] | None = None) -> int:
    """Make the file; 2 with one line on stderr if the folder holds nothing to show."""
    p = argparse.ArgumentParser(prog="python -m models.reference", description="Make the set of clips that checkpoints are shown with.")
    p.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with RAVDESS")
    p.add_argument("--out", type=Path, default=PATH)
    p.add_argument("--cache", type=Path, default=Path("cache"), help="folder for features that were computed before")
    options = p.parse_args(arguments)
    voices = load_voices(options.data, options.cache, encoder=DEFAULT_TOKENS)
    faces = load_faces(options.data, options.cache)
    if not len(voices.label):
        print(f"{options.data}: no RAVDESS voices (WAV, FLAC) found", file=sys.stderr)
        return 2
    arrays = build(voices, faces)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(options.out, allow_pickle=False, **arrays)
    beside = token_path(DEFAULT_TOKENS, options.out)
    np.savez_compressed(beside, allow_pickle=False, **build_tokens(voices, arrays["keys"]))
    known = options.out.with_name(KNOWN_VOICES.name)
    save_map(known_voices(voices), known)
    for path, count in ((options.out, len(arrays["label"])), (beside, len(arrays["label"])), (known, len(voices.label))):
        print(f"{path}: {count} clips, {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
