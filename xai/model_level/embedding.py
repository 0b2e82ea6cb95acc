"""Where a clip lies among others, as a model sees them: its learned embedding in two dimensions, and its neighbours."""

from __future__ import annotations

import numpy as np

_PERPLEXITY = 30.0


def layout(embeddings: np.ndarray, seed: int = 0) -> np.ndarray:
    """(n, d) → float64 (n, 2) by t-SNE (van der Maaten & Hinton 2008; ``sklearn.manifold.TSNE``) on cosine distances.

    Near points are alike; far ones need not be as unlike as they look.

    Raises:
        ValueError: fewer than four clips.
    """
    from sklearn.manifold import TSNE

    if len(embeddings) < 4:
        raise ValueError("t-SNE needs four clips at least")
    perplexity = min(_PERPLEXITY, (len(embeddings) - 1) / 3)
    unit = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-9)
    return TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(unit.astype(np.float32)).astype(float)


def neighbours(embeddings: np.ndarray, own: np.ndarray, count: int = 5) -> list[tuple[int, float]]:
    """Positions of the ``count`` clips most like ``own`` (d,), with the cosine of the angle between them, best first."""
    norms = np.linalg.norm(embeddings, axis=1) * np.linalg.norm(own)
    cosine = embeddings @ own / np.maximum(norms, 1e-9)
    return [(int(k), float(cosine[k])) for k in np.argsort(-cosine, kind="stable")[:count]]
