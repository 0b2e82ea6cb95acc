"""Pictures side by side, to be swiped where they do not fit."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import numpy as np

from pages.components.board.style import as_jpeg, escaped, opacity, state, strike

_LONGEST = 400  # pixels
_ALIKE = 1.25  # shapes that differ by less are made one
_STYLE = """<style>
.em-strip{container-type:inline-size}
.em-strip>div{display:flex;gap:.5rem;overflow-x:auto;scroll-snap-type:x proximity;scrollbar-width:thin;border-radius:.5rem}
.em-strip figure{flex:var(--em-ratio) 1 0;min-width:calc(.6*var(--em-ratio)*var(--em-height));
max-width:calc(var(--em-ratio)*var(--em-height));margin:0;scroll-snap-align:start}
.em-strip .em-picture{position:relative;aspect-ratio:var(--em-ratio);border-radius:.5rem;overflow:hidden}
.em-strip .em-picture::after{content:"";position:absolute;inset:0;border:1px solid currentColor;
border-radius:inherit;opacity:.2;pointer-events:none}
.em-strip img{display:block;width:100%;height:100%;object-fit:cover}
.em-strip figcaption{font-size:.8rem;line-height:1.35;margin-top:.2rem;opacity:.85;overflow-wrap:anywhere}
@container (max-width:480px){.em-strip .em-many figure{flex:none;width:min(74cqw,1.4*var(--em-ratio)*var(--em-height));max-width:none}}
@media print{.em-strip .em-many{flex-wrap:wrap;overflow:visible}
.em-strip .em-many figure{flex:none;width:min(48cqw,var(--em-ratio)*var(--em-height))}}
</style>"""


def strip_html(
    pictures: Sequence[np.ndarray],
    captions: Sequence[str],
    alts: Sequence[str],
    height: int,
    struck: bool = False,
    faint: bool = False,
    label: str = "Frames, in order of time",
) -> str:
    """Figures in a row that fill the width, and scroll where they would be too small.

    Args:
        pictures: uint8 rgb (h, w, 3), of any proportions.
        height: of a picture in pixels at most (on a phone, where one and a third are in sight, 1.4 times that).
        struck: they failed their check: a line through each; faint: they are not checked yet.
        label: what a screen reader calls the row.
    """
    each = zip(pictures, captions, alts, strict=True)
    ratio = statistics.median(picture.shape[1] / picture.shape[0] for picture in pictures)
    figures = "".join(_figure(picture, ratio, caption, alt, struck, faint) for picture, caption, alt in each)
    many = len(pictures) > 1
    group = f' class="em-many" role="group" tabindex="0" aria-label="{escaped(label)}"' if many else ""
    return f'<div class="em-strip" style="--em-height:{height}px">{_STYLE}<div{group}>{figures}</div></div>'


def _figure(picture: np.ndarray, ratio: float, caption: str, alt: str, struck: bool, faint: bool) -> str:
    """Of the common shape, so that captions stand in line, where that cuts off little; else of its own."""
    own = picture.shape[1] / picture.shape[0]
    ratio = ratio if max(own / ratio, ratio / own) < _ALIKE else own
    words = escaped(alt + state(struck, faint))
    image = f'<img src="{as_jpeg(picture, _LONGEST)}" alt="{words}" style="opacity:{opacity(struck, faint)}">'
    under = f"<figcaption>{escaped(caption)}</figcaption>" if caption else ""
    return f'<figure style="--em-ratio:{ratio:.4f}"><div class="em-picture">{image}{strike(struck)}</div>{under}</figure>'
