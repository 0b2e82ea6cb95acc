"""TensorBoard events of one training (https://www.tensorflow.org/tensorboard): loss, held-out accuracy, confusion matrices, settings.

``tensorboard`` is an extra (requirements-tensorboard.txt), imported when a log is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from models.data.clips import Clips
from models.evaluation.metrics import confusion, from_confusion
from models.labels import LABELS
from models.monitoring.monitor import Monitor
from models.training.settings import Settings, effective_settings, recipe_for

if TYPE_CHECKING:
    from models.model import EmotionModel

SCORES = ("accuracy", "uar")
_FLUSH = 5  # seconds until a reader sees what was written
_HELD_OUT = "Accuracy and UAR (unweighted average recall) are of held-out clips, which are not in training; nothing is chosen by them."
_ALL_DATA = "This is the training on all clips: none is held out, so there is no accuracy."
_LOSS_ALONE = "The loss is that of the weights in training; their average is what is kept."
_WEIGHTS = (
    "Accuracy and UAR are measured with the averaged weights, which are those that are kept; the loss is that of the weights in training."
)


class LogError(Exception):
    """Why nothing can be logged, and what to do about it, in a sentence."""


def new_folder(parent: Path) -> Path:
    """A folder in ``parent`` for the logs of one command, named after the time; it is made with the first log.

    Raises:
        LogError: ``tensorboard`` is not installed, or the folder cannot be made.
    """
    if find_spec("tensorboard") is None:
        raise LogError("--log-dir needs TensorBoard: pip install -r requirements-tensorboard.txt, or leave --log-dir out")
    folder = parent / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LogError(f"--log-dir {parent}: no folder can be made there ({error.strerror}); choose another one") from error
    with suppress(OSError):  # somebody else puts something there
        for path in missing:
            path.rmdir()
    return folder


def log_to(folder: Path | None, name: str, run: str, settings: Settings, validation: Mapping[str, Clips] | None = None) -> Monitor:
    """The log of a training in ``folder/name/run``; without a folder a monitor that does nothing. Arguments: :class:`TensorBoardLog`."""
    return Monitor() if folder is None else TensorBoardLog(folder / name / run, name, settings, validation or {})


class TensorBoardLog(Monitor):
    """Writes ``loss``, ``teacher/…``, ``accuracy/STATE``, ``uar/STATE``, ``confusion/STATE`` and the settings."""

    def __init__(self, folder: Path, name: str, settings: Settings, validation: Mapping[str, Clips]) -> None:
        """Open the files.

        Args:
            folder: of this training alone.
            name: of the model in the registry; settings: of its training, other than usual.
            validation: clips that are not in training, by the state in which they are shown.

        Raises:
            ModuleNotFoundError: ``tensorboard`` is not installed.
        """
        from torch.utils.tensorboard import SummaryWriter

        self.validation, self.epochs = validation, 0
        self._inputs: dict[str, list[Any]] = {}
        self._model_of: Callable[[nn.Module], EmotionModel] | None = None
        self._writer = SummaryWriter(str(folder), flush_secs=_FLUSH)
        self._write_settings(name, effective_settings(name, recipe_for(name, settings)))

    def start(self, epochs: int, model_of: Callable[[nn.Module], EmotionModel]) -> None:
        self._model_of = model_of
        self._writer.add_text("weights", _WEIGHTS if self.validation else _LOSS_ALONE)

    def teacher(self, name: str, network: nn.Module, epoch: int, loss: float) -> None:
        self._writer.add_scalar(f"teacher/{name}", loss, epoch)

    def epoch(self, network: nn.Module, epoch: int, loss: float) -> None:
        assert self._model_of is not None, "start comes before the first epoch"
        self.epochs = epoch
        self._writer.add_scalar("loss", loss, epoch)
        if self.validation:
            self._measure(self._model_of(network), draw=_power_of_two(epoch))

    def finish(self, model: EmotionModel) -> None:
        """The last confusion matrices, if they are not drawn yet; of a model without epochs the scores, too. Closes the files."""
        if not _power_of_two(self.epochs):
            self._measure(model, draw=True, score=not self.epochs)
        self._writer.close()

    def _measure(self, model: EmotionModel, draw: bool, score: bool = True) -> None:
        for state, matrix in self._matrices(model).items():
            found = from_confusion(matrix)
            for key in SCORES if score else ():
                self._writer.add_scalar(f"{key}/{state}", float(found[key]), self.epochs)
            if draw:
                drawn = picture(matrix, f"{model.name}: {matrix.sum()} held-out clips, {state}")
                self._writer.add_image(f"confusion/{state}", drawn, self.epochs, dataformats="HWC")

    def _matrices(self, model: EmotionModel) -> dict[str, np.ndarray]:
        """Of each state the confusion matrix (8, 8). Inputs depend on no weights: they are made once."""
        for state, clips in self.validation.items():
            if state not in self._inputs:
                self._inputs[state] = list(model.encode_clips(clips))
        predicted = {state: np.concatenate([model.logits(x).argmax(axis=1) for x in blocks]) for state, blocks in self._inputs.items()}
        return {state: confusion(rows, self.validation[state].label) for state, rows in predicted.items()}

    def _write_settings(self, name: str, settings: Mapping[str, Any]) -> None:
        """As a table, and as hyperparameters by which runs can be compared."""
        from torch.utils.tensorboard.summary import hparams

        clips = [f"- {state}: {len(held_out.label)} clips" for state, held_out in self.validation.items()]
        about = [_HELD_OUT, "", *clips] if clips else [_ALL_DATA]
        rows = [f"| `{key}` | {value} |" for key, value in settings.items()]
        self._writer.add_text("about", "\n".join(about))
        self._writer.add_text("settings", "\n".join(["| setting | value |", "|---|---|", *rows]))
        metrics = [f"{score}/{state}" for score in SCORES for state in self.validation] or ["loss"]
        events: Any = self._writer.file_writer  # `add_hparams` would open files, and a run, of its own
        for summary in hparams({"model": name, **settings}, dict.fromkeys(metrics, 0.0)):
            events.add_summary(summary)


def _power_of_two(epoch: int) -> bool:
    """Epochs after which the confusion matrices are drawn: a picture takes longer than the scores."""
    return epoch.bit_count() == 1


def picture(matrix: np.ndarray, title: str) -> np.ndarray:
    """int (8, 8), rows what was portrayed, columns what was recognised → uint8 (h, w, 3): counts, coloured by their share of the row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 6), dpi=90, layout="constrained")
    canvas, axes = FigureCanvasAgg(figure), figure.add_subplot()
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        axes.text(column, row, str(count), ha="center", va="center", color="white" if share[row, column] > 0.5 else "black")
    axes.set_xticks(range(len(LABELS)), LABELS, rotation=45, ha="right")
    axes.set_yticks(range(len(LABELS)), LABELS)
    axes.set(xlabel="recognised", ylabel="portrayed", title=title)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
