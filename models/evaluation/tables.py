"""The scores in the repository as the Markdown tables of MODEL_CARD."""

from __future__ import annotations

from itertools import product

from features import Modality
from models.evaluation.protocols import FOLDS, PROTOCOLS
from models.registry import BOTH, MODELS, never_augmented, read_result

_VOICE, _FACE = Modality.AUDIO.noun, Modality.VIDEO.noun
STATE_TITLES = {_VOICE: "Voice alone", BOTH: "Voice and face", _FACE: "Face alone"}

_TUNED = {f"{actor:02d}" for actor in FOLDS[0] + FOLDS[4]}  # with the two filmed actors: settings were chosen by these
_UNTRAINED = " untrained for changes"  # without augmentation


def markdown() -> str:
    """All tables, with a heading for each."""
    parts = [_accuracy_table(state, title) for state, title in STATE_TITLES.items()]
    parts += [_actor_table(), _people_table(), _calibration_table(), *(_stability_table(state) for state in STATE_TITLES)]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _accuracy_table(state: str, title: str) -> list[str]:
    """Rows are models, columns protocols; each cell the accuracy with its interval."""
    rows, sizes = [], set()
    for name, plain in product(MODELS, (False, True)):
        found = [_state(protocol, name, state, plain) for protocol in PROTOCOLS]
        if not any(found):
            continue
        sizes |= {(s["clips"], s["actors"]) for s in found if s}
        model = f"`{name}`{_UNTRAINED if plain else ''}"
        rows.append(f"| {model} | " + " | ".join(_cell(s["accuracy"]) if s else "–" for s in found) + " |")
    if not rows:
        return []
    clips, actors = max(sizes)
    head = "| accuracy | " + " | ".join(protocol.title for protocol in PROTOCOLS.values()) + " |"
    return [f"**{title}** ({clips:,} clips of {actors} actors)", "", head, "|---" * (len(PROTOCOLS) + 1) + "|", *rows]


def _actor_table() -> list[str]:
    """The filmed actors one by one, each from a training without them."""
    rows, actors = [], []
    for name in MODELS:
        s = _state("actor-5fold", name, BOTH)
        if s:
            actors = list(s["per_actor"])
            cells = [f"{_cell(row['accuracy'])}, {row['confidence']:.0%} sure" for row in s["per_actor"].values()]
            rows.append(f"| `{name}` | " + " | ".join(cells) + " |")
    head = "| voice and face, actors left out, five at a time | " + " | ".join(f"actor {actor}" for actor in actors) + " |"
    return ["**Person by person**", "", head, "|---" * (len(actors) + 1) + "|", *rows] if rows else []


def _people_table() -> list[str]:
    """Of voices: women's and men's, each with an interval over actors; the actors recognised least and most often; and those on whom
    settings were chosen beside the others."""
    rows = []
    for name in MODELS:
        s = _state("actor-5fold", name, _VOICE)
        if s:
            right = {int(actor): row["accuracy"]["value"] for actor, row in s["per_actor"].items()}
            cells = [_cell(row["accuracy"]) if row else "–" for row in (s["per_sex"][sex] for sex in ("female", "male"))]
            ends = [
                f"{right[actor]:.0%} (actor {actor:02d})"
                for actor in (min(right, key=right.__getitem__), max(right, key=right.__getitem__))
            ]
            tuned, others = (_pooled([row for key, row in s["per_actor"].items() if (key in _TUNED) == own]) for own in (True, False))
            rows.append(f"| `{name}` | " + " | ".join([*cells, *ends, tuned, others]) + " |")
    head = "| voice alone, actors left out, five at a time | women | men | least often | most often | nine tuned on | fifteen others |"
    return ["**For whom**", "", head, "|---" * 7 + "|", *rows] if rows else []


def _calibration_table() -> list[str]:
    rows = []
    for name in MODELS:
        for state, title in STATE_TITLES.items():
            s = _state("actor-5fold", name, state)
            if s:
                c, after = s["calibration"], s["calibration"]["after"]
                rows.append(
                    f"| `{name}` | {title.lower()} | {_cell(s['uar'])} | {_cell(s['macro_f1'])} | {c['before']['value']:.3f} "
                    f"| {after['value']:.3f} ({after['low']:.3f}–{after['high']:.3f}) "
                    f"| {c['by_chance']:.3f}, {c['by_chance_at_most']:.3f} |"
                )
    head = "| actors left out, five at a time | | UAR | macro-F1 | calibration error | after scaling | by chance: mean, at most |"
    return ["**More of the same clips**", "", head, "|---" * 7 + "|", *rows] if rows else []


def _stability_table(state: str) -> list[str]:
    """Share of verdicts that are stable under each corruption, with and without augmented training."""
    columns = [(name, plain) for name in MODELS for plain in (True, False) if _stable(name, plain, state)]
    if not columns:
        return []
    corruptions = max((list(_stable(*column, state)) for column in columns), key=len)  # not all were measured under the latest
    head = "| | " + " | ".join(f"`{name}`{_UNTRAINED if plain or never_augmented(name) else ''}" for name, plain in columns) + " |"
    rows = ["| " + " | ".join([name, *(_share(_stable(*column, state).get(name)) for column in columns)]) + " |" for name in corruptions]
    return [f"**Same verdict after a change, {STATE_TITLES[state].lower()}**", "", head, "|---" * (len(columns) + 1) + "|", *rows]


def _state(protocol: str, name: str, state: str, plain: bool = False) -> dict | None:
    result = read_result(protocol, name, plain)
    return result["states"].get(state) if result else None


def _stable(name: str, plain: bool, state: str) -> dict[str, dict[str, float]]:
    result = read_result("actor-5fold", name, plain)
    return result["stability"].get(state, {}) if result else {}


def _pooled(rows: list[dict]) -> str:
    """Accuracy over all clips of some actors."""
    clips = sum(row["clips"] for row in rows)
    return f"{sum(row['clips'] * row['accuracy']['value'] for row in rows) / clips:.1%}" if clips else "–"


def _cell(triple: dict) -> str:
    return f"{triple['value']:.1%} ({triple['low']:.0%}–{triple['high']:.0%})".replace("%–", "–")


def _share(triple: dict | None) -> str:
    return "–" if triple is None else f"{triple['value']:.0%} ({100 * triple['low']:.0f}–{100 * triple['high']:.0f})"
