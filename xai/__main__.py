"""``python -m xai AUDIO VIDEO --out DIR``: the same analysis as in the app, as files; ``python -m xai session …``: a recorded session."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from features import MediaError
from features.media import as_they_are
from models.checkpoint import load_model
from models.evaluation.familiarity import WORTH_NAMING
from models.foreign.catalogue import FOLDER
from models.labels import LABELS
from models.registry import DEFAULT, MODELS
from models.threads import serving_threads
from xai.analysis import Analysis, Settings, analyse, check
from xai.explanation import Contrast, Method, Subject
from xai.foreground import foreground, with_stand_ins
from xai.methods import METHODS, methods_of
from xai.methods.shap import ESTIMATORS
from xai.model_level.second_opinion import Opinion, second_opinion
from xai.reference import compare_with_libraries, table
from xai.render.export import warnings, write
from xai.render.text import in_one_line
from xai.score import Trust

_USUAL = Settings()
_MODELS = (
    f"one of {', '.join(MODELS)} (default {DEFAULT}); or a file: a checkpoint (.safetensors), an ONNX file with its JSON beside it, or a "
    f"JSON that describes a speech classifier of Hugging Face; a file in the folder that {FOLDER} names is known by its name"
)


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m xai", description="Recognise a portrayed emotion, and show why.")
    p.add_argument("audio", help="a sound file, or - for the sound track of VIDEO")
    p.add_argument("video", help="a video file, or - for the voice alone")
    p.add_argument("--out", type=Path, metavar="DIR", help="folder for result.json and the pictures; needed unless --reference is given")
    p.add_argument("--target", choices=LABELS, help="emotion in the foreground (default: the predicted one)")
    p.add_argument("--against", choices=LABELS, help="explain why the emotion in the foreground rather than this one")
    p.add_argument("--model", default=DEFAULT, help=_MODELS)
    p.add_argument(
        "--stride",
        type=_positive,
        help="look at every STRIDE-th frame (default: about one picture a second)",
    )
    p.add_argument("--samples", type=_samples, default=_USUAL.samples, help=f"perturbed copies for LIME (default {_USUAL.samples})")
    p.add_argument("--methods", choices=METHODS, nargs="+", default=[], metavar="KEY", help=f"more explanations, of {', '.join(METHODS)}")
    p.add_argument("--seed", type=_seed, default=0, help="of everything random (default 0)")
    p.add_argument("--shap", choices=ESTIMATORS, default=ESTIMATORS[0], help="estimator of the SHAP values")
    p.add_argument(
        "--reference",
        action="store_true",
        help="hold this clip to librosa, lime, shap and pytorch-grad-cam, and print by how much they differ",
    )
    p.add_argument("--no-trust", action="store_true", help="leave out the trust scores, which take a few seconds")
    p.add_argument("--no-second", action="store_true", help="do not ask the most accurate other model for a second opinion")
    return p


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _samples(text: str) -> int:
    if int(text) < 200:
        raise argparse.ArgumentTypeError("must be at least 200, or the surrogate has nothing to go by")
    return int(text)


def _seed(text: str) -> int:
    if not 0 <= int(text) < 2**31:
        raise argparse.ArgumentTypeError("must be between 0 and 2147483647")
    return int(text)


def _read(name: str) -> bytes | None:
    if name == "-":
        return None
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise MediaError(f"{name}: {error.strerror or 'cannot be read'}") from error


def main(arguments: list[str] | None = None) -> int:
    """Run the analysis; 0 if all went well, 2 with one line on stderr for a file that cannot be used."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["session"]:
        from xai.session.command import main as read_session

        return read_session(arguments[1:])
    p = parser()
    options = p.parse_args(arguments)
    if options.out is None and not options.reference:
        p.error("the following arguments are required: --out (or --reference)")
    serving_threads()
    settings = Settings(options.stride, options.samples, options.seed, options.shap)
    try:
        if options.out is not None and options.out.exists() and not options.out.is_dir():
            raise MediaError(f"{options.out} is not a folder")
        audio, video = _read(options.audio), _read(options.video)
        analysis = analyse(audio, video, model=load_model(options.model), settings=settings)
    except (MediaError, FileNotFoundError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 2
    target = LABELS.index(options.target) if options.target else analysis.predicted
    if options.against == LABELS[target]:
        p.error(f"--against {options.against}: this is the emotion in the foreground")
    contrast = Contrast(target, LABELS.index(options.against) if options.against else None)
    print(f"{analysis.label} {analysis.probabilities.max():.0%}{_reserve(analysis)}", flush=True)
    second = None if options.no_second else second_opinion(analysis, *as_they_are(audio, video)[:2])
    trust = _write(analysis, contrast, options, second) if options.out else {}
    if options.out:
        print(f"written: {options.out / 'result.json'}")
    if options.reference:
        print(table(compare_with_libraries(analysis)))
    if second is not None:
        print(in_one_line(second))
    for warning in warnings(analysis, second):
        print(f"note: {warning}")
    for name, scores in trust.items():
        print(f"trust in {name}: {scores.level}" + "".join(f"; {reason}" for reason in (*scores.reasons, *scores.left_out)))
    return 0


def _write(analysis: Analysis, contrast: Contrast, options: argparse.Namespace, second: Opinion | None) -> dict[str, Trust]:
    """Write everything, with the methods that were asked for and apply; → trust, as far as it was measured.

    What fails its checks gives way to its stand-in, in words and in pictures, if that holds.
    """
    for key in options.methods:
        if key in methods_of(analysis.subject):
            analysis = analysis.with_attribution(key)
        else:
            print(f"left out: {key} {_needs(METHODS[key], analysis.subject)}", flush=True)
    trust = {} if options.no_trust else check(analysis, contrast)
    analysis, trust = with_stand_ins(analysis, trust, contrast)
    shown = list(foreground(analysis, trust).values())
    write(analysis, options.out, contrast, None if options.no_trust else trust, shown=shown, second=second)
    return trust


def _reserve(analysis: Analysis) -> str:
    """What keeps the label from being a verdict."""
    if not analysis.should_be_asked:
        return ", but it should not be asked: it knows nothing like this"
    return ", so it is undecided" if analysis.probabilities.max() < WORTH_NAMING else ""


def _needs(method: Method, subject: Subject) -> str:
    """Why a method does not apply."""
    if method.modality is not None and not subject.has(method.modality):
        return f"needs a {method.modality.noun}"
    if method.needs_gradients and not subject.model.differentiable:
        return "needs gradients, which this model does not give"
    return "does not apply to this model"


if __name__ == "__main__":
    sys.exit(main())
