"""Hierarchical clustering by scipy of made-up codes, for crates/analysis/tests/dendrogram.rs.

    python tests/reference/dendrogram.py

Writes tests/fixtures/dendrogram.json: similarity matrices, scipy's linkage, its leaf order and its
clusters at distance 0.2. Made with numpy 2.4.6, scipy 1.17.1.
"""

import json
from pathlib import Path

import numpy as np
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage
from scipy.spatial.distance import squareform

OUT = Path(__file__).resolve().parent.parent / "fixtures" / "dendrogram.json"
CUT = 0.2


def case(rng: np.random.Generator, tokens: int, events: int, noise: float) -> dict:
    """Tokens around the centers of a few events, as cosine similarity."""
    centers = rng.normal(size=(events, 24))
    codes = centers[np.sort(rng.integers(events, size=tokens))] + noise * rng.normal(size=(tokens, 24))
    codes /= np.linalg.norm(codes, axis=1, keepdims=True)
    similarity = np.round(codes @ codes.T, 6).astype(np.float32)
    np.fill_diagonal(similarity, 1)
    distance = squareform(1 - similarity.astype(np.float64), checks=False)
    tree = linkage(distance, method="average")
    return {
        "similarity": [round(float(v), 6) for v in similarity.flatten()],
        "merges": [[int(a), int(b), float(height), int(size)] for a, b, height, size in tree],
        "leaf_order": leaves_list(tree).tolist(),
        "clusters": fcluster(tree, CUT, criterion="distance").tolist(),
    }


def main() -> None:
    rng = np.random.default_rng(6)
    cases = [case(rng, *shape) for shape in [(2, 1, 0.3), (7, 2, 0.4), (30, 4, 0.4), (60, 5, 0.6)]]
    OUT.write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")


if __name__ == "__main__":
    main()
