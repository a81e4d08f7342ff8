"""umap-learn's times and trustworthiness on the points that lens-umap's `times` example writes.

    cargo run --release -p lens-umap --example times -- --write FOLDER
    python tests/reference/umap_times.py FOLDER

The shortest of three runs, after one that compiles.
"""

import sys
import time
import warnings
from pathlib import Path

import numpy as np
import umap
from sklearn.manifold import trustworthiness

WIDTH = 64
RUNS = 3


def main() -> None:
    warnings.simplefilter("ignore")
    umap.UMAP(random_state=42).fit_transform(np.random.default_rng(0).normal(size=(100, WIDTH)))
    print(f"umap-learn {umap.__version__}\n{'points':>6}{'dim':>5}{'all ms':>10}{'trustworthiness':>17}")
    for points in [20, 141, 500, 2000]:
        values = np.fromfile(Path(sys.argv[1]) / f"walk-{points}.f32", dtype="<f4").reshape(points, WIDTH)
        for n_components in [2, 3]:
            times = []
            for _ in range(RUNS):
                started = time.perf_counter()
                embedding = umap.UMAP(n_components=n_components, n_neighbors=15, min_dist=0.1, random_state=42).fit_transform(values)
                times.append(1e3 * (time.perf_counter() - started))
            score = trustworthiness(values, embedding, n_neighbors=min(15, (points - 1) // 2))
            print(f"{points:>6}{n_components:>5}{min(times):>10.1f}{score:>17.4f}")


if __name__ == "__main__":
    main()
