"""Tensors of a TemporalSAE to an analysis: the numbers that the authors' notebook computes, in the document that the page opens."""

from __future__ import annotations

import base64
import inspect
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence

import numpy as np

from . import _check
from ._analysis import Analysis
from ._arrays import BYTES_MAX, Array, array, fits, kind, string, strings, triangle, whole
from ._spelling import is_of

#: Words for each token and part.
_WORDS = 8
#: Tokens that a prediction was taken from most.
_SOURCES = 5
#: How far weights may be from 0 to 1.
_ROUNDING = 1e-3
#: How much more than 1 a row of weights may sum to: in bfloat16 each is off by 1 in 512 at most.
_SUM_ROUNDING = 0.05
#: How far the parts and the bias may be from the reconstruction at a token, of the lengths of all three together. In bfloat16 each is
#: rounded by 1 in 512, and so are the codes that they are computed from: ten times that.
_PARTS_ROUNDING = 0.02
_TOKENS = "the tokens of the text, the start token first, as convert_ids_to_tokens(ids) of a tokenizer gives them"


def from_tensors(
    *,
    tokens: Iterable[str],
    residual: Any,
    pred_codes: Any,
    novel_codes: Any,
    recons: Any,
    pred_recons: Any = None,
    novel_recons: Any = None,
    attn_graphs: Any = None,
    token_ids: Any = None,
    text: Optional[str] = None,
    model: str = "notebook",
    layer: int = 0,
    neuronpedia: Optional[str] = None,
    unembedding: Any = None,
    vocabulary: Optional[Iterable[str]] = None,
    final_norm: Any = None,
    means: Optional[Mapping[str, Any]] = None,
    keep: int = 64,
) -> Analysis:
    """The analysis of a text of T tokens from what a TemporalSAE returned for it.

    Arrays are numpy's or torch's, of any precision and on any device; a batch of one is taken out.

    :param tokens: tokens as strings of the vocabulary, the start token first.
    :param residual: the residual stream that the SAE read, [T, D].
    :param pred_codes: predictable codes, [T, width].
    :param novel_codes: novel codes, [T, width].
    :param recons: the reconstruction of the residual stream, [T, D].
    :param pred_recons: its predictable part, [T, D]; with ``novel_recons`` the document has energies. What both leave of ``recons`` is
        the bias, the same at every token.
    :param novel_recons: its novel part, [T, D].
    :param attn_graphs: attention of the SAE, [heads, T, T] or [layers, heads, T, T].
    :param token_ids: ids of the tokens; 0, 1, 2, ... where they are not given.
    :param text: the text; otherwise the tokens, joined.
    :param model: the language model's name, such as ``google/gemma-2-2b``.
    :param layer: the layer whose output ``residual`` is.
    :param neuronpedia: model and source of the features' pages on Neuronpedia.
    :param unembedding: rows [V, D] of the unembedding for ``vocabulary``; with both the parts are read out in words, which needs
        ``pred_recons`` and ``novel_recons``.
    :param vocabulary: V words.
    :param final_norm: weight of the final norm, [D], as the checkpoint has it (Gemma adds 1 to it).
    :param means: means over texts of the parts ``predictable`` and ``novel``, [D] each, which a readout subtracts; otherwise
        those of this text.
    :param keep: novel codes listed for each token.
    """
    return _made(
        tokens=tokens, residual=residual, pred_codes=pred_codes, novel_codes=novel_codes, recons=recons, pred_recons=pred_recons,
        novel_recons=novel_recons, attn_graphs=attn_graphs, token_ids=token_ids, text=text, model=model, layer=layer, neuronpedia=neuronpedia,
        unembedding=unembedding, vocabulary=vocabulary, final_norm=final_norm, means=means, keep=keep,
    )  # fmt: skip


def _made(
    *,
    tokens: Iterable[str],
    residual: Any,
    pred_codes: Any,
    novel_codes: Any,
    recons: Any,
    pred_recons: Any,
    novel_recons: Any,
    attn_graphs: Any = None,
    token_ids: Any = None,
    text: Optional[str] = None,
    model: str = "notebook",
    layer: int = 0,
    neuronpedia: Optional[str] = None,
    unembedding: Any = None,
    vocabulary: Optional[Iterable[str]] = None,
    final_norm: Any = None,
    means: Optional[Mapping[str, Any]] = None,
    keep: int = 64,
    stream: str = "residual",
    has_bias: bool = True,
) -> Analysis:
    """``stream`` is what the caller calls ``residual``. ``has_bias`` says that what the parts leave of the reconstruction is the same at
    every token: an SAE that scales each token by itself has another bias at each."""
    names = strings("tokens", tokens, _TOKENS)
    count = len(names)
    if count < 2:
        raise ValueError(f"tokens: there are {count}; a text has the start token and one more at least")
    if count > _check.TOKENS_MAX:
        raise ValueError(f"tokens: there are {count}, {_check.TOKENS_MAX} at most")
    x = array(stream, residual, 2)
    fits(stream, x, (count, None), "tokens", (count,))
    novel = array("novel_codes", novel_codes, 2)
    fits("novel_codes", novel, (count, None), stream, x.shape)
    if novel.shape[1] > _check.WIDTH_MAX:
        raise ValueError(f"novel_codes: its shape is {novel.shape}; an SAE has {_check.WIDTH_MAX} features at most")
    pred = array("pred_codes", pred_codes, 2)
    fits("pred_codes", pred, novel.shape, "novel_codes", novel.shape)
    x_hat = array("recons", recons, 2)
    fits("recons", x_hat, x.shape, stream, x.shape)
    parts: Dict[str, Optional[Array]] = {}
    for name, value in (("pred_recons", pred_recons), ("novel_recons", novel_recons)):
        part = None if value is None else array(name, value, 2)
        if part is not None:
            fits(name, part, x.shape, stream, x.shape)
        parts[name] = part
    missing = [part for part, value in parts.items() if value is None]
    if len(missing) == 1:
        raise ValueError(f"{missing[0]}: it is missing; energies and words need both parts of the reconstruction")
    keep, layer = whole("keep", keep, 1, _check.NOVEL_TOP_MAX), whole("layer", layer, 0, _check.COUNT_MAX)
    model = string("model", model, BYTES_MAX)
    if text is not None:
        text = string("text", text, _check.text_bytes_max(count))
        if not is_of(text, names):
            raise ValueError(
                f"text: {text!r:.60} has next to nothing in common with the tokens {', '.join(map(repr, names[1:4]))}...: it has to be the text "
                "that they are of; without it, it is the tokens, joined"
            )

    top = [_strongest(row, keep) for row in novel]
    at = count - 2
    streams = {"predictable": ("pred_codes", pred), "novel": ("novel_codes", novel), "total": ("pred_codes, novel_codes", _sum(novel, pred)), "residual": (stream, x)}
    grams = {source: _gram(*codes) for source, codes in streams.items()}
    cosines = _cosines(pred)
    variance = float(x[1:].astype(np.float64).var(ddof=1))
    error = float(((x_hat[1:].astype(np.float64) - x[1:]) ** 2).mean())
    if variance > 0 and error / variance >= _check.FLOAT_MAX:
        raise ValueError(
            f"recons, {stream}: the error is {error / variance:.1g} times the variance of {stream}, which exceeds float32: is it the "
            "reconstruction of this residual stream?"
        )
    described: Dict[str, Any] = {"name": model, "pack_hash": "notebook", "layer": layer, "precision": "f32", "width": int(novel.shape[1])}
    if neuronpedia is not None and string("neuronpedia", neuronpedia, BYTES_MAX):
        described["neuronpedia"] = str(neuronpedia)
    document: Dict[str, Any] = {
        "format": "temporal-lens-analysis/1",
        "text": "".join(names[1:]).replace("▁", " ").strip() if text is None else text,
        "token_ids": _ids(token_ids, count),
        "tokens": names,
        "model": described,
        "variance_explained": 1 - error / variance if variance > 0 else None,
        "l0_novel": _count(novel),
        "l0_pred": _count(pred),
        "l0_total": _count(novel + pred),
        "selected": {"position": at, **top[at][0]} if top[at] else None,
        "similarity_stats": {"min": float(cosines.min()), "max": float(cosines.max()), "mean": float(cosines.mean())},
        "novel_top": top,
        "grams": grams,
    }
    predictable, added = parts["pred_recons"], parts["novel_recons"]
    if predictable is not None and added is not None:
        document["energy"] = {
            "residual": _squares(stream, x),
            "error": _squares(f"recons, {stream}", x_hat, x),
            "predictable": _squares("pred_recons", predictable),
            "novel": _squares("novel_recons", added),
        }
        if has_bias:
            _check_parts(x_hat, predictable, added)
    if attn_graphs is not None:
        document.update(_attention(attn_graphs, count))
    if unembedding is not None or vocabulary is not None:
        if unembedding is None or vocabulary is None:
            raise ValueError("unembedding, vocabulary: words need both")
        if predictable is None or added is None:
            raise ValueError("pred_recons, novel_recons: words are read out of both, and need them")
        if means is not None and not isinstance(means, Mapping):
            raise TypeError(f"means: this is {kind(means)}; it has to be a mapping of the parts predictable and novel to their means")
        unknown = sorted(set(means or {}) - {"predictable", "novel"}, key=str)
        if unknown:
            raise ValueError(f"means: there is no part {unknown[0]!r}; the parts are predictable and novel")
        document["words"] = _words({"predictable": predictable, "novel": added}, unembedding, vocabulary, final_norm, means or {})
    elif final_norm is not None or means is not None:
        raise ValueError("final_norm, means: they are for words, which need an unembedding and a vocabulary")
    return Analysis(document)


def _check_parts(recons: Array, predictable: Array, novel: Array) -> None:
    """That what both parts leave of the reconstruction is the SAE's bias: the same at every token."""
    left = recons - predictable - novel
    # Not the mean: the start token is often a hundred times as long as the others, and so is what it was rounded by.
    apart = np.linalg.norm(left - np.median(left, 0), axis=1)
    lengths = sum(np.linalg.norm(part, axis=1) for part in (recons, predictable, novel))
    share = np.divide(apart, lengths, out=np.zeros_like(apart), where=lengths > 0)
    if share.max() > _PARTS_ROUNDING:
        t = int(share.argmax())
        raise ValueError(
            f"pred_recons, novel_recons: they are not the parts of recons: recons - pred_recons - novel_recons is the bias, the same at every "
            f"token, and at token {t} it is another by {share[t]:.0%} of their lengths. An SAE that scales each token by itself "
            "(normalize_activations of SAELens) has another bias at each: from_saelens takes it"
        )


def _ids(token_ids: Any, count: int) -> List[int]:
    if token_ids is None:
        return list(range(count))
    found = array("token_ids", token_ids, 1)
    fits("token_ids", found, (count,), "tokens", (count,))
    ids = np.asarray(token_ids.tolist() if hasattr(token_ids, "tolist") else token_ids, dtype=object).reshape(-1)
    return [whole(f"token_ids[{at}]", int(i) if isinstance(i, (float, np.floating)) and i.is_integer() else i, 0, _check.COUNT_MAX) for at, i in enumerate(ids)]


def _strongest(row: Array, keep: int) -> List[Dict[str, Any]]:
    order: List[int] = np.argsort(-row, kind="stable")[:keep].tolist()
    return [{"feature": i, "value": float(row[i])} for i in order if row[i] > 0]


def _sum(novel: Array, pred: Array) -> Array:
    with np.errstate(over="ignore"):
        total: Array = novel + pred
    return total


def _gram(name: str, matrix: Array) -> str:
    with np.errstate(over="ignore", invalid="ignore"):
        centered = matrix - matrix.mean(0)
        products = centered @ centered.T
    if not np.isfinite(products).all():
        raise ValueError(f"{name}: the largest value is {np.abs(matrix).max():.1g}; products of such vectors exceed float32")
    return base64.b64encode(triangle(products).astype("<f4").tobytes()).decode("ascii")


def _cosines(codes: Array) -> Array:
    unit = codes - codes.mean(0)
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    cosines: Array = unit @ unit.T
    return cosines


def _squares(name: str, matrix: Array, less: Optional[Array] = None) -> List[float]:
    """The squared length at each token, of the difference where there is something to take away."""
    difference = matrix.astype(np.float64) - (0 if less is None else less)
    squares = (difference**2).sum(1)
    if squares.max() > _check.FLOAT_MAX:
        t = int(squares.argmax())
        raise ValueError(f"{name}: the squared length at token {t} is {squares[t]:.1g}, which exceeds float32")
    return [float(value) for value in squares]


def _count(codes: Array) -> List[int]:
    return [int(value) for value in (codes != 0).sum(1)]


def _attention(graphs: Any, count: int) -> Dict[str, Any]:
    """Row t, column j of a graph: how much token t's prediction takes from column j, 0 being the empty context."""
    dimensions = getattr(graphs, "ndim", None) or np.ndim(graphs)
    found = array("attn_graphs", graphs, 4) if dimensions in (4, 5) else array("attn_graphs", graphs, 3)[None]
    fits("attn_graphs", found, (None, None, count, count), "tokens", (count,))
    layers, heads = found.shape[:2]
    if layers > _check.LAYERS_MAX or heads > _check.HEADS_MAX:
        raise ValueError(f"attn_graphs: its shape is {found.shape}; there are {_check.LAYERS_MAX} layers of {_check.HEADS_MAX} heads at most")
    if found.min() < -_ROUNDING or found.max() > 1 + _ROUNDING:
        raise ValueError(f"attn_graphs: its values are {found.min():g} to {found.max():g}; weights are 0 to 1")
    sums = found.sum(3)
    if sums.max() > 1 + _SUM_ROUNDING:
        *_, t = (int(i) for i in np.unravel_index(sums.argmax(), sums.shape))
        raise ValueError(f"attn_graphs: row {t} sums to {sums.max():g}; the weights of a row are shares, and sum to 1 at most")
    later = np.triu(found, 1)
    if later.max() > _ROUNDING:
        *_, t, j = (int(i) for i in np.unravel_index(later.argmax(), later.shape))
        raise ValueError(f"attn_graphs: in row {t}, column {j} is {later.max():g}; a token attends to columns 0 to {t}, its past")
    levels = np.rint(found.clip(0, 1) * 65535).astype("<u2")
    lower = np.tril_indices(count)
    weights = [base64.b64encode(head[lower].tobytes()).decode("ascii") for layer in levels for head in layer]
    mean = found.mean((0, 1))
    sources = []
    for t in range(count):
        row = mean[t, 1 : t + 1]
        order: List[int] = np.argsort(-row, kind="stable")[:_SOURCES].tolist()
        sources.append([{"position": j, "weight": float(row[j])} for j in order if row[j] > 0])
    return {"attention": {"layers": int(layers), "heads": int(heads), "weights": weights}, "sources": sources}


def _words(parts: Mapping[str, Array], unembedding: Any, vocabulary: Iterable[str], final_norm: Any, means: Mapping[str, Any]) -> Dict[str, Any]:
    """score(w) = ((r - mean r) * (1 + final norm)) . (row of w - mean row), as docs/words.md has it."""
    words = strings("vocabulary", vocabulary, "the words of the rows of unembedding, in their order")
    if not words:
        raise ValueError("vocabulary: it is empty")
    width = parts["novel"].shape[1]
    rows = array("unembedding", unembedding, 2)
    fits("unembedding", rows, (len(words), width), "vocabulary and residual", (len(words), width))
    if final_norm is not None:
        norm = array("final_norm", final_norm, 1)
        fits("final_norm", norm, (width,), "residual", (width,))
    with np.errstate(over="ignore", invalid="ignore"):
        rows = rows - rows.mean(0)
        rows = rows if final_norm is None else rows * (1 + norm)
    said: Dict[str, Any] = {"vocabulary": len(words)}
    for name, part in parts.items():
        mean = part[1:].mean(0)
        if name in means:
            mean = array(f"means[{name!r}]", means[name], 1)
            fits(f"means[{name!r}]", mean, (width,), "residual", (width,))
        with np.errstate(over="ignore", invalid="ignore"):
            scores = (part - mean) @ rows.T
        if not np.isfinite(scores).all():
            used = ["unembedding", "pred_recons" if name == "predictable" else "novel_recons"]
            used += [other for other, value in (("final_norm", final_norm), ("means", means or None)) if value is not None]
            raise ValueError(f"{', '.join(used)}: the scores of words exceed float32")
        said[name] = [[]] + [_best(row, words) for row in scores[1:]]
    return said


def _best(scores: Array, words: Sequence[str]) -> List[Dict[str, Any]]:
    best: List[Dict[str, Any]] = []
    seen = set()
    order: List[int] = np.argsort(-scores, kind="stable").tolist()
    for i in order:
        if scores[i] <= 0 or len(best) == _WORDS:
            break
        word = words[i].replace("▁", " ").strip()
        if word.lower() not in seen:
            seen.add(word.lower())
            best.append({"word": word, "score": float(scores[i])})
    return best


_OF_THE_SAE = ("residual", "pred_codes", "novel_codes", "recons", "pred_recons", "novel_recons")


def from_saelens(sae: Any, activations: Any, tokens: Iterable[str], **options: Any) -> Analysis:
    """The analysis of one text by SAELens' TemporalSAE: ``sae`` is loaded, ``activations`` [T, D] is what it reads (a batch of one
    is taken out), ``tokens`` are strings of the vocabulary. ``options`` are those of :func:`from_tensors`; codes and
    reconstructions are the SAE's. Needs torch.

    SAELens runs every token's top-k itself: ``cfg.kval_topk`` is how many novel codes it keeps.
    """
    try:
        import torch
    except ImportError:
        raise ImportError("from_saelens needs torch, which SAELens runs on: pip install torch") from None

    if not hasattr(sae, "encode_with_predictions"):
        raise TypeError(f"sae: {type(sae).__name__} is not a TemporalSAE of SAELens's: it has no encode_with_predictions")
    theirs = [name for name in _OF_THE_SAE if name in options]
    if theirs:
        raise TypeError(f"{theirs[0]}: it is what the SAE makes of activations, and cannot be given; from_tensors takes it")
    unknown = [name for name in options if name not in inspect.signature(from_tensors).parameters]
    if unknown:
        raise TypeError(f"{unknown[0]}: there is no such option; the options are those of from_tensors")
    tokens = strings("tokens", tokens, _TOKENS)
    largest = float(np.abs(array("activations", activations, 2)).max())
    x = activations if hasattr(activations, "detach") else torch.tensor(np.asarray(activations))
    width = sae.W_dec.shape[1]
    shape = tuple(x.shape)
    if shape not in ((len(tokens), width), (1, len(tokens), width)):
        raise ValueError(
            f"activations: their shape is {shape}, which does not fit the tokens ({len(tokens)}) and the SAE {tuple(sae.W_dec.shape)}: "
            f"it has to be ({len(tokens)}, {width}), or with a batch of one"
        )
    x = x.reshape(1, *shape[-2:]).to(sae.W_dec.device)

    def decoded(codes: Any) -> Any:
        # What scales the input may remember by how much, for one way out.
        sae.process_sae_in(x)
        return sae.run_time_activation_norm_fn_out(torch.matmul(codes, sae.W_dec))

    with torch.no_grad():
        novel, pred = sae.encode_with_predictions(x)
        recons = sae(x)
        # Some ways out add a mean, which belongs to neither part.
        nothing = decoded(torch.zeros_like(pred))
        parts = {"pred_recons": decoded(pred) - nothing, "novel_recons": decoded(novel) - nothing}
    for name, made in {"pred_codes": pred, "novel_codes": novel, "recons": recons}.items():
        if not torch.isfinite(made).all():
            raise ValueError(f"activations: what the SAE makes of them as {name} is not finite; their largest value is {largest:.1g}, and its weights may not be finite")
    return _made(tokens=tokens, residual=x, pred_codes=pred, novel_codes=novel, recons=recons, **parts, **options, stream="activations", has_bias=False)
