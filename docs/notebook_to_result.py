"""A Temporal Lens result file from the tensors of the authors' notebook: paste this below its cells.

The page opens the file with "Open result", or from a link with ?result=ADDRESS. docs/results.md describes it.
"""

import base64
import json

import numpy as np


def result(text, tokens, token_ids, activations, recons, results, *, model, layer, neuronpedia=None, keep=64):
    """activations, recons [1, T, D]; results as the SAE returns them; tokens as strings of the vocabulary."""
    def rows(tensor):  # [T, N], whatever library it is from
        tensor = tensor.detach().float().cpu().numpy() if hasattr(tensor, "detach") else tensor
        return np.asarray(tensor, np.float32)[0]

    def gram(matrix):  # of rows less their mean: the upper triangle, row by row
        centred = matrix - matrix.mean(0)
        upper = (centred @ centred.T)[np.triu_indices(len(matrix))]
        return base64.b64encode(upper.astype("<f4").tobytes()).decode()

    def strongest(row):
        order = np.argsort(-row, kind="stable")[:keep]
        return [{"feature": int(i), "value": float(row[i])} for i in order if row[i] > 0]

    x, x_hat, novel, pred = map(rows, (activations, recons, results["novel_codes"], results["pred_codes"]))
    top = [strongest(row) for row in novel]
    at = max(len(top) - 2, 0)
    unit = pred - pred.mean(0)
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    cosines = unit @ unit.T
    squares = lambda matrix: [float(value) for value in (matrix.astype(np.float64) ** 2).sum(1)]
    count = lambda codes: [int(value) for value in (codes != 0).sum(1)]
    return {
        "format": "temporal-lens-analysis/1", "text": text, "token_ids": [int(i) for i in token_ids], "tokens": list(tokens),
        "model": {"name": model, "pack_hash": "notebook", "layer": layer, "precision": "f32", "width": novel.shape[1],
                  **({"neuronpedia": neuronpedia} if neuronpedia else {})},
        "variance_explained": float(1 - ((x_hat[1:] - x[1:]) ** 2).mean() / x[1:].var(ddof=1)),
        "l0_novel": count(novel), "l0_pred": count(pred), "l0_total": count(novel + pred),
        "selected": {"position": at, **top[at][0]} if top and top[at] else None,
        "similarity_stats": {"min": float(cosines.min()), "max": float(cosines.max()), "mean": float(cosines.mean())},
        "novel_top": top,
        "energy": {"residual": squares(x), "error": squares(x_hat - x),
                   "predictable": squares(rows(results["pred_recons"])), "novel": squares(rows(results["novel_recons"]))},
        "grams": {"predictable": gram(pred), "novel": gram(novel), "total": gram(novel + pred), "residual": gram(x)},
    }


def save(path, document):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False, allow_nan=False)


# In the notebook:
# ids = inputs["input_ids"][0].tolist()
# save("result.json", result(prompt, tokenizer.convert_ids_to_tokens(ids), ids, activations, recons, results,
#                            model="google/gemma-2-2b", layer=12, neuronpedia="gemma-2-2b/12-temporal-res"))
