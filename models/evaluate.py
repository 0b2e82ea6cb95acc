"""``python -m models.evaluate --data DIR --protocol P``: how good a model is on recordings that it was not trained on.

Trains the model once for each part of the protocol, without that part, and tests on it. Without ``--data`` it prints what was
measured before and is kept in ``models/results``: the tables of MODEL_CARD; with ``--again`` after computing it again, in half a
minute, from the predictions for each clip, which are kept there, too.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from features import Modality
from models.evaluation.calibration import Scales, temperatures
from models.evaluation.cross_validation import Corpus, encoder_wanted, run_protocol, stability, to_train
from models.evaluation.ensembles import ensemble_predictions
from models.evaluation.metrics import scores
from models.evaluation.predictions import Prediction, read_predictions, save_predictions
from models.evaluation.protocols import PROTOCOLS
from models.evaluation.tables import STATE_TITLES, markdown
from models.monitoring.progress import Progress
from models.networks import ModelError
from models.networks.encoders import DEFAULT_TOKENS, TOKENS_HELP
from models.provenance import commit, today
from models.registry import DEFAULT, MODELS, RESULTS, result_path, shown_in
from models.training.settings import Settings, decisive, recipe_for, trained_on_augmented

_ALL = "all"
_LOCAL_VIDEO = "Faces of actors {actors} only were at hand, so voice and face together, and the face alone, are measured on them only."


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m models.evaluate", description="Score models on recordings they were not trained on.")
    p.add_argument("--data", type=Path, metavar="DIR", help="folder with RAVDESS; without it, the scores in the repository are printed")
    p.add_argument("--protocol", choices=PROTOCOLS, default="actor-5fold", help="what is left out of training (default actor-5fold)")
    p.add_argument("--model", choices=(*MODELS, _ALL), nargs="+", default=[DEFAULT], help=f"which models (default {DEFAULT})")
    p.add_argument("--out", type=Path, metavar="FILE.json", help="write the scores there; of several models into a folder")
    p.add_argument(
        "--again", action="store_true", help="without --data: compute all scores in the repository again from the predictions there"
    )
    p.add_argument("--seeds", type=int, default=1, help="trainings of each part")
    p.add_argument("--seed", type=int, default=0, help="of the first training")
    p.add_argument("--plain", action="store_true", help="train without augmented or cut copies, and without teachers")
    p.add_argument(
        "--set",
        type=setting,
        nargs="+",
        default=[],
        metavar="KEY=NUMBER",
        help="other settings, of models.training.recipe.Recipe or, for sequences, TokenRecipe",
    )
    p.add_argument("--ferplus", type=int, default=1500, metavar="N", help="FER+ photographs of each emotion, at most")
    p.add_argument("--voice-encoder", default=DEFAULT_TOKENS, metavar="PATH-OR-ID", help=TOKENS_HELP)
    p.add_argument("--workers", type=int, default=2, help="trainings at a time")
    p.add_argument("--cache", type=Path, default=Path("cache"), help="folder for features that were computed before")
    return p


def setting(text: str) -> tuple[str, int | float]:
    """'dropout=0.3' → ('dropout', 0.3), of the type that the recipes have."""
    key, _, number = text.partition("=")
    usual = {name: value for spec in MODELS.values() for name, value in asdict(spec.recipe()).items()}
    if key not in usual:
        raise argparse.ArgumentTypeError(f"there is no setting {key!r}: choose from {', '.join(usual)}")
    return key, type(usual[key])(number)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 2 with one line on stderr if the folder holds nothing to test on."""
    options = parser().parse_args(arguments)
    if options.again and options.data:
        print("--again computes from the predictions in the repository, --data from recordings: leave one of them out", file=sys.stderr)
        return 2
    if options.data is None:
        if options.again:
            again(RESULTS)
        print(markdown())
        return 0
    if not options.data.is_dir():
        print(f"{options.data} is not a folder with RAVDESS: fetch it with python -m models.ravdess download DIR", file=sys.stderr)
        return 2
    return _measure(options)


def _measure(options: argparse.Namespace) -> int:
    """Train, test, print and, if asked for, write."""
    # Labels alone are learned in fewer epochs than soft targets for any voice with any face.
    plain = {"altered": 0.0, "levelled": 0.0, "cut": 0.0, "face_views": 1, "teachers": 0, "taught_epochs": 40} if options.plain else {}
    settings: Settings = {"seed": options.seed} | plain | dict(options.set)
    wanted = list(MODELS) if _ALL in options.model else options.model
    idle = [key for key, _ in options.set if not any(key in decisive(name, recipe_for(name, settings)) for name in wanted)]
    if idle:
        print(f"{', '.join(idle)} does not affect the training of {', '.join(wanted)}: leave it out", file=sys.stderr)
        return 2
    try:
        encoder = encoder_wanted(wanted, options.voice_encoder)
    except ModelError as error:
        print(error, file=sys.stderr)
        return 2
    corpus = Corpus(options.data, options.cache, options.ferplus, voice_encoder=encoder)
    found = predictions(corpus, options.protocol, wanted, settings, options.seeds, options.workers)
    results = results_of(found, options.protocol, wanted, settings)
    if not results:
        print(f"{options.data}: no RAVDESS recordings (WAV, FLAC, MP4, JPG) found to test on", file=sys.stderr)
        return 2
    for name, result in results.items():
        print(summary(result))
        if options.out:
            file = options.out.suffix == ".json" and len(wanted) == 1
            keep(result, found, settings, options.out if file else result_path(options.protocol, name, options.plain, options.out))
    return 0


def predictions(
    corpus: Corpus, protocol: str, models: list[str], settings: Settings, seeds: int, workers: int, log_dir: Path | None = None
) -> list[Prediction]:
    """Train and predict with progress, in single precision, with the models that are made of others.

    Args:
        log_dir: folder for TensorBoard logs.
    """
    corrupt = PROTOCOLS[protocol].speaker_independent
    with Progress(f"scoring by {protocol}") as progress:

        def show(done: int, total: int) -> None:
            progress.show(done, total, f"{done} of {total} splits")

        found = run_protocol(corpus, protocol, to_train(models), settings, seeds, workers, corrupt, show, log_dir)
    return [replace(p, logits=p.logits.astype(np.float32)) for p in found + ensemble_predictions(found)]


def results_of(
    found: list[Prediction], protocol: str, models: list[str], settings: Settings, about: dict[str, Any] | None = None
) -> dict[str, dict]:
    """Predictions → scores of each model, ``accuracy`` first.

    Args:
        about: the ``commit`` and the day on which they were ``created``, if not now.
    """
    scale = temperatures(found)
    about = about or {"commit": commit(), "created": today()}
    out = {}
    for name in models:
        own = [p for p in found if p.model == name]
        states = {state: scored for state in MODELS[name].states if (scored := _state(own, state, scale))}
        if not states:
            continue
        headline = next(iter(states))
        filmed = sorted({int(a) for p in own if Modality.VIDEO in shown_in(p.state) for a in p.actor})
        out[name] = {
            "accuracy": states[headline]["accuracy"]["value"],
            "state": headline,
            "model": name,
            "protocol": protocol,
            "question": PROTOCOLS[protocol].question,
            "seeds": len({p.seed for p in own}),
            "altered_copies": trained_on_augmented(name, settings),
            "states": states,
            "stability": {state: dict(stability(own, state)) for state in states},
            "not_measured": _LOCAL_VIDEO.format(actors=", ".join(f"{a:02d}" for a in filmed)) if 0 < len(filmed) < 24 else None,
            "commit": about["commit"],
            "created": about["created"],
        }
    return out


def _state(own: list[Prediction], state: str, scale: Scales) -> dict | None:
    rows = [p for p in own if p.state == state and p.corruption is None]
    if not rows:
        return None
    logits = np.concatenate([p.logits for p in rows])
    scaled = np.concatenate([p.logits / scale[p.model, p.state, p.split] for p in rows])
    label, actor = (np.concatenate([getattr(p, name) for p in rows]) for name in ("label", "actor"))
    found = {p.split: round(scale[p.model, p.state, p.split], 4) for p in rows}
    return scores(logits, scaled, label, actor, len({p.seed for p in rows})) | {"temperatures": {str(k): t for k, t in found.items()}}


def write(result: dict, path: Path) -> None:
    """Scores as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def keep(result: dict, found: list[Prediction], settings: Settings, path: Path) -> None:
    """Scores as JSON, and beside them, as NPZ, the predictions that they were computed from."""
    about = {key: result[key] for key in ("protocol", "commit", "created")} | {"settings": dict(settings)}
    save_predictions([p for p in found if p.model == result["model"]], path.with_suffix(".npz"), about)
    write(result, path)


def again(folder: Path) -> None:
    """All scores in ``folder`` once more from the predictions beside them, by the present rules; nothing is trained.

    Predictions of models that are made of others are kept as well, not made again. The temperatures of checkpoints stay what they are.
    """
    for protocol, name, plain in product(PROTOCOLS, MODELS, (False, True)):
        path = result_path(protocol, name, plain, folder)
        if path.with_suffix(".npz").exists():
            found, about = read_predictions(path.with_suffix(".npz"))
            write(results_of(found, protocol, [name], about["settings"], about)[name], path)


def summary(result: dict) -> str:
    """One model's scores in a few lines, accuracy first."""
    lines = [f"accuracy {result['accuracy']:.1%}  ({result['model']}, {result['protocol']}, {STATE_TITLES[result['state']].lower()})"]
    for state, s in result["states"].items():
        a, u, c = s["accuracy"], s["uar"], s["calibration"]
        lines.append(
            f"  {STATE_TITLES[state].lower():<15} {a['value']:.1%} ({a['low']:.1%}–{a['high']:.1%}), UAR {u['value']:.1%}, macro-F1 "
            f"{s['macro_f1']['value']:.1%}, calibration error {c['before']['value']:.3f} → {c['after']['value']:.3f} "
            f"(by chance {c['by_chance']:.3f}, at most {c['by_chance_at_most']:.3f}); {s['clips']} clips of {s['actors']} actors"
        )
    for state, shares in result["stability"].items():
        if shares:
            lines.append(f"  same verdict, {STATE_TITLES[state].lower()}: " + ", ".join(f"{k} {v['value']:.0%}" for k, v in shares.items()))
    if result["not_measured"]:
        lines.append(f"  {result['not_measured']}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
