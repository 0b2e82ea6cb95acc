"""Does a threshold part two people, and hold one together? ``python -m tests.bench.people --data DIR`` prints the table.

Faces of two actors (RAVDESS; 224 recordings, all emotions), photographs of FER+ as people who are met once, and the actors' faces again,
changed as cameras change them. Distances are those of :func:`models.identity.person.compare_faces`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from safetensors import safe_open

from features.people import ALIKE, ALIKE_IN_PLACE, SAME, small_grey
from models.data.faces import _strip_crops
from models.identity.person import compare_faces, landmarks
from models.networks.backbone import WEIGHTS, load_backbone
from xai.quality.visibility import visibility

_EVERY = 4  # pictures of a strip; recordings are a second apart at 3


def changes(crop: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The same face, filmed otherwise."""
    side, middle = crop.shape[0], (crop.shape[0] / 2,) * 2

    def moved(degrees: float = 0, zoom: float = 1, shift: float = 0) -> np.ndarray:
        matrix = cv2.getRotationMatrix2D(middle, degrees, zoom)
        matrix[:, 2] += shift
        return cv2.warpAffine(crop, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)

    def covered(top: float, bottom: float, grey: int) -> np.ndarray:
        copy = crop.copy()
        copy[round(top * side) : round(bottom * side), round(0.12 * side) : round(0.88 * side)] = grey
        return copy

    noisy = np.clip(crop + rng.normal(0, 12, crop.shape), 0, 255).astype(np.uint8)
    light = np.clip(crop * np.linspace(0.4, 1.3, side)[None, :, None], 0, 255).astype(np.uint8)
    return {
        "dim": (crop * 0.4).astype(np.uint8),
        "blurred": cv2.GaussianBlur(crop, (0, 0), 3),
        "64 pixels": cv2.resize(cv2.resize(crop, (64, 64), interpolation=cv2.INTER_AREA), (side, side)),
        "rolled 15°": moved(15),
        "nearer": moved(zoom=1.15),
        "shifted": moved(shift=12),
        "noise": noisy,
        "light from the side": light,
        "mask": covered(0.58, 1.0, 200),
        "sunglasses": covered(0.26, 0.46, 20),
    }


def faces(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Crops (n, 224, 224, 3), actor (n,) and recording (n,)."""
    crops, actors, takes = [], [], []
    for take, path in enumerate(sorted((folder / "ravdess_faces").glob("*.jpg"))):
        own = _strip_crops(path.read_bytes(), int(path.stem[-2:]))[::_EVERY]
        crops += list(own)
        actors += [int(path.stem[-2:])] * len(own)
        takes += [take] * len(own)
    return np.stack(crops), np.array(actors), np.array(takes)


def photographs(folder: Path, count: int) -> np.ndarray:
    """Crops (n, 224, 224, 3) of FER+'s private test."""
    with np.load(folder / "ferplus.npz") as data:
        votes, split, jpeg, at = data["votes"], data["split"], data["jpeg"], data["off"]
    picked = np.flatnonzero((split == 2) & (votes[:, :8].sum(axis=1) >= 9))[:count]
    grey = [cv2.imdecode(jpeg[at[i] : at[i + 1]], cv2.IMREAD_GRAYSCALE) for i in picked]
    return np.stack([cv2.cvtColor(cv2.resize(g, (224, 224)), cv2.COLOR_GRAY2RGB) for g in grey])


def _cost(folder: Path, rng: np.random.Generator, count: int = 160) -> None:
    """How often the face network names what most taggers saw in a photograph, as it is and hidden."""
    with np.load(folder / "ferplus.npz") as data:
        votes, split, jpeg, at = data["votes"], data["split"], data["jpeg"], data["off"]
    agreed = np.flatnonzero((split == 2) & (votes[:, :8].max(axis=1) > 5) & (votes[:, 8:].sum(axis=1) < 2))
    picked = rng.choice(agreed, count, replace=False)
    grey = [cv2.imdecode(jpeg[at[i] : at[i + 1]], cv2.IMREAD_GRAYSCALE) for i in picked]
    plain = [cv2.cvtColor(cv2.resize(g, (224, 224)), cv2.COLOR_GRAY2RGB) for g in grey]
    with safe_open(WEIGHTS / "face_resnet18_ferplus.safetensors", "np") as file:
        weight, bias = (file.get_tensor(f"expression.{name}").astype(np.float32) for name in ("weight", "bias"))
    hidden = [changes(crop, rng) for crop in plain]
    for kind, crops in {"as it is": plain, **{kind: [c[kind] for c in hidden] for kind in ("mask", "sunglasses", "blurred")}}.items():
        named = (load_backbone().maps(np.stack(crops)).mean(axis=(2, 3)) @ weight.T + bias).argmax(axis=1)
        print(f"{count} photographs, {kind}: {np.mean(named == votes[picked, :8].argmax(axis=1)):.0%} right")


def line(name: str, distances: np.ndarray, one_person: bool) -> str:
    """Percentiles, and the share on the wrong side of the threshold."""
    low, middle, high = np.percentile(distances, [1, 50, 99])
    wrong = np.mean((distances >= SAME) if one_person else (distances < SAME))
    return f"{name:34s}{len(distances):7d}{low:8.2f}{middle:8.2f}{high:8.2f}{wrong:9.1%}"


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    p = argparse.ArgumentParser(prog="python -m tests.bench.people", description=__doc__)
    p.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with ravdess_faces and ferplus.npz")
    p.add_argument("--photographs", type=int, default=150)
    options = p.parse_args(arguments)
    rng = np.random.default_rng(0)
    crops, actors, takes = faces(options.data)
    others = photographs(options.data, options.photographs)
    codes, strange = compare_faces(crops), compare_faces(others)
    apart = np.linalg.norm(codes[:, None] - codes[None], axis=2)
    one, two = np.triu_indices(len(codes), 1)
    same_take, same_person = takes[one] == takes[two], actors[one] == actors[two]
    print(f"{'':34s}{'pairs':>7s}{'1 %':>8s}{'median':>8s}{'99 %':>8s}{'wrong':>9s}   threshold {SAME}")
    print(line("one recording", apart[one, two][same_take], True))
    print(line("one actor, two recordings", apart[one, two][same_person & ~same_take], True))
    print(line("two actors", apart[one, two][~same_person], False))
    print(line("an actor and a photograph", np.linalg.norm(codes[:, None] - strange[None], axis=2).ravel(), False))
    a, b = np.triu_indices(len(strange), 1)
    print(line("two photographs", np.linalg.norm(strange[a] - strange[b], axis=1), False))
    some = rng.choice(len(crops), 40, replace=False)
    changed = [changes(crops[i], rng) for i in some]
    for kind in changed[0]:
        print(line(f"one picture: {kind}", np.linalg.norm(codes[some] - compare_faces(np.stack([c[kind] for c in changed])), axis=1), True))
    print(f"{'said of':20s}" + "".join(f"{name:>10s}" for name in ("away", "blurred", "eyes", "mouth")))
    kinds = {"two actors": crops, "photographs": others, **{kind: np.stack([c[kind] for c in changed]) for kind in changed[0]}}
    for kind, faces_ in kinds.items():
        seen = visibility(faces_, landmarks(faces_))
        print(f"{kind:20s}" + "".join(f"{getattr(seen, name).mean():10.1%}" for name in ("away", "blurred", "eyes", "mouth")))
    _cost(options.data, rng)
    small = np.stack([small_grey(crop) for crop in np.concatenate([crops, others])])
    alike = small[: len(crops)] @ small.T
    two_people = np.concatenate([alike[:, : len(crops)][actors[:, None] != actors[None]], alike[:, len(crops) :].ravel()])
    for threshold in (ALIKE, ALIKE_IN_PLACE):
        print(f"small copies of two people correlate above {threshold} in {np.mean(two_people > threshold):.4%} of {len(two_people)} pairs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
