"""``python -m models.evaluate``: the scores of a checkpoint as the Markdown table that README shows.

They were measured by ``python -m models.train``, which leaves each filmed actor out, and are stored in the checkpoint.
"""

from __future__ import annotations

import argparse
import sys

from models.checkpoint import DEFAULT, load_model


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 2 if the checkpoint has no scores."""
    p = argparse.ArgumentParser(prog="python -m models.evaluate", description=__doc__)
    p.add_argument("--model", default=DEFAULT, help="name of a checkpoint in models/weights, or path to one")
    model = load_model(p.parse_args(arguments).model)
    scores = model.info.get("held_out")
    if not scores:
        print(f"{model.name} was trained without being judged (--seeds 0)", file=sys.stderr)
        return 2
    print("\n".join(table(scores)))
    return 0


def table(scores: dict) -> list[str]:
    """Lines of a Markdown table: one row for each actor that was left out."""
    lines = [
        "| actor left out | clips | voice and face | face alone | voice alone | calibration error |",
        "|---|---|---|---|---|---|",
    ]
    for actor, row in scores["actors"].items():
        a = row["accuracy"]
        spread = "{:.1%}–{:.1%}".format(*row["range"])
        lines.append(
            f"| {int(actor):02d} | {row['clips']} | **{a['both']:.1%}** ({spread}) | {a['face']:.1%} | {a['voice']:.1%} "
            f"| {row['calibration_error']['both']:.2f} |"
        )
    return lines


if __name__ == "__main__":
    sys.exit(main())
