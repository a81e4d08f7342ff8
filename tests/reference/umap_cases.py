"""What umap-learn, scikit-learn, scipy and torch make of small data sets of different shape.

    python tests/reference/umap_cases.py

Writes tests/fixtures/umap: one safetensors file a data set (points [T, d], the fuzzy graph's upper
triangle for each metric, one embedding) and cases.json (trustworthiness of umap-learn over ten seeds,
curve parameters, the notebook's positions).
"""

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
import scipy.sparse
import sklearn
import torch
import umap
from safetensors.numpy import save_file
from sklearn.manifold import trustworthiness
from umap.umap_ import find_ab_params

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "umap"
SEEDS = range(10)
# Of a neighborhood, and of trustworthiness where it is defined for so many (k < T / 2).
NEIGHBORS = 15


def blobs(rng: np.random.Generator) -> np.ndarray:
    """Five clouds so far apart that the graph falls into pieces. [300, 16]"""
    centers = rng.normal(size=(5, 16)) * 6
    return centers[rng.integers(0, 5, 300)] + rng.normal(size=(300, 16))


def many_blobs(rng: np.random.Generator) -> np.ndarray:
    """Twelve clouds: more pieces than have a place on the axes of a 3D picture. [240, 8]"""
    centers = rng.normal(size=(12, 8)) * 12
    return np.repeat(centers, 20, axis=0) + rng.normal(size=(240, 8))


def swiss_roll(rng: np.random.Generator) -> np.ndarray:
    """A sheet rolled up in three dimensions. [500, 3]"""
    t = 1.5 * np.pi * (1 + 2 * rng.random(500))
    return np.stack([t * np.cos(t), 21 * rng.random(500), t * np.sin(t)], axis=1)


def line(rng: np.random.Generator) -> np.ndarray:
    """A thin line: hard for a spectral start, because its smallest eigenvalues lie close. [200, 8]"""
    direction = rng.normal(size=8)
    direction /= np.linalg.norm(direction)
    return np.linspace(-10, 10, 200)[:, None] * direction + rng.normal(size=(200, 8)) * 0.02


def walk(rng: np.random.Generator) -> np.ndarray:
    """As predictable codes move: a random walk around a place, a jump, a walk around another. [240, 32]"""
    places = rng.normal(size=(2, 32)) * 2
    points = np.empty((240, 32))
    offset = np.zeros(32)
    for i in range(240):
        offset = 0.9 * offset + rng.normal(size=32) * 0.4
        points[i] = places[i // 120] + offset
    return points


def noise(rng: np.random.Generator) -> np.ndarray:
    """No structure at all. [250, 64]"""
    return rng.normal(size=(250, 64))


def short_walk(rng: np.random.Generator) -> np.ndarray:
    """As many points as the notebook draws. [20, 32]"""
    return walk(rng)[::12]


DATA = {f.__name__.replace("_", "-"): f for f in [blobs, many_blobs, swiss_roll, line, walk, noise, short_walk]}
COSINE = ["blobs", "walk", "noise", "short-walk"]


def graph_of(points: np.ndarray, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Edges [E, 2] with first < second, and their weights [E]."""
    # Without a layout: making one drops the weakest edges from graph_.
    reducer = umap.UMAP(n_neighbors=NEIGHBORS, metric=metric, random_state=42, transform_mode="graph").fit(points)
    upper = scipy.sparse.triu(reducer.graph_, k=1).tocoo()
    assert abs(reducer.graph_ - reducer.graph_.T).max() == 0
    return np.stack([upper.row, upper.col], axis=1).astype(np.int16), upper.data.astype(np.float32)


def embed(points: np.ndarray, metric: str, n_components: int, seed: int) -> np.ndarray:
    """The notebook's settings but for what is named."""
    return umap.UMAP(
        n_components=n_components, n_neighbors=NEIGHBORS, min_dist=0.1, metric=metric, random_state=seed
    ).fit_transform(points)


def data_set(name: str, out: Path) -> list[dict]:
    points = DATA[name](np.random.default_rng(7)).astype(np.float32)
    k = min(NEIGHBORS, (len(points) - 1) // 2)
    tensors = {"points": points}
    cases = []
    for metric in ["euclidean", "cosine"] if name in COSINE else ["euclidean"]:
        tensors[f"{metric}.edges"], tensors[f"{metric}.weights"] = graph_of(points, metric)
        for n_components in [2, 3]:
            scores = []
            for seed in SEEDS:
                embedding = embed(points, metric, n_components, seed)
                scores.append(float(trustworthiness(points, embedding, n_neighbors=k, metric=metric)))
            case = {"data": name, "metric": metric, "n_components": n_components, "k": k}
            cases.append(case | {"trustworthiness": [round(s, 6) for s in scores]})
            print(f"{name} {metric} {n_components}D: {np.mean(scores):.4f} +- {np.std(scores):.4f}", flush=True)
        # Of the last seed, 3D: what the measure itself is held against.
        tensors[f"{metric}.embedding"] = embedding.astype(np.float32)
    save_file(tensors, out / f"{name}.safetensors")
    return cases


def curves() -> list[dict]:
    settings = [(1.0, 0.1), (1.0, 0.0), (1.0, 0.5), (1.0, 0.99), (0.5, 0.1), (2.0, 0.25), (3.0, 2.0)]
    return [
        dict(zip(["spread", "min_dist", "a", "b"], [spread, min_dist, *map(float, find_ab_params(spread, min_dist))]))
        for spread, min_dist in settings
    ]


def positions() -> list[dict]:
    """The notebook's choice: torch.linspace(0, T - 1, min(T, 20), dtype=torch.int)."""
    lengths = [*range(1, 65), 100, 141, 256, 333, 500, 512, 777, 1000, 1024, 1500, 1999, 2000]
    return [
        {"tokens": t, "positions": torch.linspace(0, t - 1, min(t, 20), dtype=torch.int).tolist()} for t in lengths
    ]


def generate(out: Path) -> None:
    warnings.simplefilter("ignore")
    out.mkdir(parents=True, exist_ok=True)
    cases = [case for name in DATA for case in data_set(name, out)]
    document = {
        "source": f"umap-learn {umap.__version__}, scikit-learn {sklearn.__version__}, torch {torch.__version__}",
        "cases": cases,
        "curves": curves(),
        "positions": positions(),
    }
    lines = []
    for key, value in document.items():
        inner = ",\n  ".join(map(json.dumps, value)) if isinstance(value, list) else None
        lines.append(f'"{key}": ' + (f"[\n  {inner}\n]" if inner else json.dumps(value)))
    (out / "cases.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=FIXTURES, help="default: tests/fixtures/umap")
    generate(parser.parse_args().out)


if __name__ == "__main__":
    main()
