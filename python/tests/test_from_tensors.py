"""from_tensors against what PyTorch made, and what it refuses."""

import base64
import json
import sys

import numpy as np
import pytest
from tensors import CASES, arguments, fixture

import temporal_lens as tl


@pytest.mark.parametrize("case", CASES)
def test_the_numbers_are_those_of_pytorch(case):
    expected = fixture(case)
    analysis = tl.from_tensors(**arguments(case))
    # PyTorch's own matrix, of codes centered over all tokens.
    assert np.abs(analysis.similarity() - expected["similarity"]).max() < 1e-5
    assert np.abs(analysis.similarity("predictable", "neuronpedia") - expected["similarity"][1:, 1:]).max() < 1e-5
    document = analysis.document
    assert document["l0_novel"] == (expected["novel_codes"] != 0).sum(1).tolist()
    x, x_hat = expected["x"][1:].astype(np.float64), expected["recons"][1:].astype(np.float64)
    assert document["variance_explained"] == pytest.approx(1 - ((x_hat - x) ** 2).mean() / x.var(ddof=1), rel=1e-6)
    assert document["l0_pred"] == (expected["pred_codes"] != 0).sum(1).tolist()
    assert document["l0_total"] == (expected["pred_codes"] + expected["novel_codes"] != 0).sum(1).tolist()
    for row, codes in zip(document["novel_top"], expected["novel_codes"]):
        order = [int(i) for i in np.argsort(-codes, kind="stable")[:64] if codes[i] > 0]
        assert [it["feature"] for it in row] == order
        assert [it["value"] for it in row] == pytest.approx(codes[order].tolist(), rel=1e-6)
    codes = {"predictable": expected["pred_codes"], "novel": expected["novel_codes"], "residual": expected["x"]}
    codes["total"] = codes["predictable"] + codes["novel"]
    for source, matrix in codes.items():
        centered = matrix - matrix.mean(0)
        norms = np.maximum(np.linalg.norm(centered, axis=1), 1e-12)
        wanted = centered @ centered.T / np.outer(norms, norms)
        seen = norms > 1e-3 * norms.max()
        assert np.abs((analysis.similarity(source) - wanted)[np.ix_(seen, seen)]).max() < 1e-4, source
    for name, part in (("predictable", "pred_recons"), ("novel", "novel_recons")):
        assert document["energy"][name] == pytest.approx((expected[part].astype(np.float64) ** 2).sum(1).tolist(), rel=1e-5)
    sums = np.tril(expected["attn_graphs"].mean((0, 1)))
    for t, row in enumerate(document["sources"]):
        weights = sums[t, 1 : t + 1]
        order = [int(i) for i in np.argsort(-weights, kind="stable")[:5] if weights[i] > 0]
        assert [it["position"] for it in row] == order
        assert [it["weight"] for it in row] == pytest.approx(weights[order].tolist(), rel=1e-6)
    assert any(document["sources"])
    layers, heads = expected["attn_graphs"].shape[:2]
    assert (document["attention"]["layers"], document["attention"]["heads"]) == (layers, heads)
    lower = np.tril_indices(len(sums))
    for graph, text in zip(expected["attn_graphs"].reshape(-1, *sums.shape), document["attention"]["weights"]):
        assert np.abs(np.frombuffer(base64.b64decode(text), "<u2") / 65535 - graph[lower]).max() < 1e-5


def test_a_batch_of_one_and_other_precisions_are_the_same():
    plain = tl.from_tensors(**arguments("topk-tied")).document
    batched = {name: value[None] if isinstance(value, np.ndarray) else value for name, value in arguments("topk-tied").items()}
    assert tl.from_tensors(**batched).document == plain
    doubled = {name: value.astype(np.float64) if isinstance(value, np.ndarray) else value for name, value in arguments("topk-tied").items()}
    assert tl.from_tensors(**doubled).document == plain


class Bfloat16:
    """What a torch tensor of bfloat16 can do that matters here: numpy cannot take it as it is."""

    def __init__(self, values):
        self.values, self.ndim = values, values.ndim

    def __array__(self, *_args, **_more):
        raise TypeError("Got unsupported ScalarType BFloat16")

    def detach(self):
        return self

    def float(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        return self.values


def test_tensors_of_torch_are_taken():
    plain = tl.from_tensors(**arguments("topk-tied")).document
    wrapped = {name: Bfloat16(value) if isinstance(value, np.ndarray) else value for name, value in arguments("topk-tied").items()}
    assert tl.from_tensors(**wrapped).document == plain


def test_words_are_read_out_where_there_is_a_vocabulary():
    given = arguments("topk-tied")
    width = given["residual"].shape[1]
    generator = np.random.default_rng(3)
    rows = generator.standard_normal((6, width)).astype(np.float32)
    vocabulary = ["▁sea", "ship", "Ship", "tide", "flour", "oven"]
    norm = generator.standard_normal(width).astype(np.float32)
    zeros = {"predictable": np.zeros(width), "novel": np.zeros(width)}
    for final_norm, means in [(None, zeros), (norm, zeros), (norm, None), (None, {"novel": norm})]:
        analysis = tl.from_tensors(**given, unembedding=rows, vocabulary=vocabulary, means=means, final_norm=final_norm)
        for name in ("predictable", "novel"):
            part = given[f"{name}_recons" if name == "novel" else "pred_recons"]
            mean = (means or {}).get(name, part[1:].mean(0))
            gain = 1 if final_norm is None else 1 + final_norm
            for t in (1, 5, 32):
                scores = ((part[t] - mean) * gain) @ (rows - rows.mean(0)).T
                listed = analysis.document["words"][name][t]
                assert (listed[0]["score"] if listed else 0) == pytest.approx(max(float(scores.max()), 0), rel=1e-3, abs=1e-5)
                if listed:
                    assert listed[0]["word"] == vocabulary[int(scores.argmax())].replace("▁", "")
                assert all(it["score"] > 0 for it in listed) and len({it["word"].lower() for it in listed}) == len(listed)
                assert analysis.words[t][name] == [it["word"] for it in listed] and analysis.words[0][name] == []


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"pred_codes": np.zeros((3, 4))}, r"pred_codes: its shape is \(3, 4\), which does not fit novel_codes \(33, \d+\)"),
        ({"recons": np.zeros((33, 5))}, r"recons: its shape is \(33, 5\), which does not fit residual \(33, 48\)"),
        ({"residual": np.zeros((2, 33, 48))}, r"residual: its shape is \(2, 33, 48\), a batch of 2"),
        ({"residual": np.zeros(48)}, r"residual: its shape is \(48,\); it has to have 2 dimensions"),
        ({"novel_codes": np.full((33, 96), np.nan)}, r"novel_codes: the value at \(0, 0\) is nan"),
        ({"tokens": ["<bos>", "a"]}, r"residual: its shape is \(33, 48\), which does not fit tokens \(2,\)"),
        ({"attn_graphs": np.zeros((4, 3, 3))}, r"attn_graphs: its shape is \(1, 4, 3, 3\), which does not fit tokens \(33,\)"),
        ({"token_ids": [1, 2]}, r"token_ids: its shape is \(2,\), which does not fit tokens \(33,\)"),
        ({"novel_codes": np.zeros((33, 5, 2))}, r"novel_codes: its shape is \(33, 5, 2\), a batch of 33"),
        ({"pred_recons": np.zeros((33, 5))}, r"pred_recons: its shape is \(33, 5\), which does not fit residual \(33, 48\)"),
        ({"novel_recons": np.zeros((32, 48))}, r"novel_recons: its shape is \(32, 48\), which does not fit residual \(33, 48\)"),
        ({"unembedding": np.zeros((2, 5)), "vocabulary": ["a", "b"]}, r"unembedding: its shape is \(2, 5\), which does not fit .* \(2, 48\)"),
        ({"unembedding": np.zeros((1, 48)), "vocabulary": ["a"], "final_norm": np.zeros(5)}, r"final_norm: its shape is \(5,\)"),
        ({"unembedding": np.zeros((1, 48)), "vocabulary": ["a"], "means": {"novel": np.zeros(5)}}, r"means\['novel'\]: its shape is \(5,\)"),
        ({"unembedding": np.zeros((1, 48)), "vocabulary": ["a"], "means": {"nvel": np.zeros(48)}}, "means: there is no part 'nvel'"),
        ({"final_norm": np.zeros(48)}, "final_norm, means: they are for words"),
        ({"pred_recons": None}, "pred_recons: it is missing"),
        ({"recons": np.full((33, 48), np.inf)}, r"recons: the value at \(0, 0\) is inf"),
        ({"attn_graphs": np.full((4, 33, 33), -5)}, "attn_graphs: its values are -5 to -5; weights are 0 to 1"),
        ({"vocabulary": ["a"]}, "words need both"),
        ({"layer": -1}, "layer: it is -1; it has to be a whole number, 0 at least"),
        ({"keep": 2.5}, "keep: it is 2.5; it has to be a whole number, 1 at least"),
        ({"attn_graphs": np.full((4, 33, 33), 1 / 33)}, "attn_graphs: in row 0, column 1 is 0.030303; a token attends to columns 0 to 0"),
        ({"residual": np.full((33, 48), 1e40)}, r"residual: the value at \(0, 0\) is inf"),
    ],
)
def test_what_does_not_fit_is_named_with_both_shapes(changes, said):
    with pytest.raises(ValueError, match=said):
        tl.from_tensors(**arguments("topk-tied", **changes))


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"tokens": "x" * 33}, "tokens: this is one str; it has to be a list of strings"),
        # Their ids.
        ({"tokens": np.arange(33)}, "tokens: .*0.* is not a string"),
        ({"tokens": [b"a"] * 33}, "tokens: b'a' is not a string"),
        # A batch of one.
        ({"tokens": [["a"] * 33]}, "tokens: .* is not a string"),
        ({"recons": [["a"]]}, "recons: this is not an array"),
        ({"recons": None}, "recons: it is None"),
        ({"recons": np.full((33, 48), 1j)}, "recons: this is not an array of numbers .they are complex"),
        ({"model": None}, "model: None is not a string"),
        ({"text": 5}, "text: 5 is not a string"),
        # What a tokenizer has: its order is not that of the rows.
        ({"unembedding": np.zeros((2, 48)), "vocabulary": {"a": 1, "b": 0}}, "vocabulary: this is a mapping"),
        ({"unembedding": np.zeros((2, 48)), "vocabulary": "ab"}, "vocabulary: this is one str"),
    ],
)
def test_what_is_of_another_kind_is_named(changes, said):
    with pytest.raises(TypeError, match=said):
        tl.from_tensors(**arguments("topk-tied", **changes))


@pytest.mark.parametrize(
    "change",
    [np.asfortranarray, lambda x: np.repeat(x, 2, axis=-1)[..., ::2], lambda x: x.tolist(), lambda x: x.astype(object)],
    ids=["columns first", "with gaps", "lists", "objects"],
)
def test_however_arrays_lie_in_memory_the_numbers_are_the_same(change):
    given = {name: change(value) if isinstance(value, np.ndarray) else value for name, value in arguments("topk-tied").items()}
    assert tl.from_tensors(**given).document == tl.from_tensors(**arguments("topk-tied")).document


def test_numbers_and_strings_of_numpy_are_taken():
    given = arguments("topk-tied")
    plain = tl.from_tensors(**given, layer=12, keep=3, token_ids=list(range(2, 35)))
    tokens = np.array(given.pop("tokens"))
    assert tl.from_tensors(**given, tokens=tokens, layer=np.int64(12), keep=np.int32(3), token_ids=np.arange(2, 35)).document == plain.document
    json.dumps(plain.document)


def test_the_shortest_text_has_two_tokens():
    zeros = {"residual": np.zeros((2, 4)), "pred_codes": np.zeros((2, 8)), "novel_codes": np.zeros((2, 8)), "recons": np.zeros((2, 4))}
    analysis = tl.from_tensors(tokens=["<bos>", "a"], **zeros)
    assert (analysis.text, analysis.document["variance_explained"], analysis.document["selected"]) == ("a", None, None)
    assert not analysis.similarity().any()
    with pytest.raises(ValueError, match="tokens: there are 1; a text has the start token and one more"):
        tl.from_tensors(tokens=["<bos>"], **{name: value[:1] for name, value in zeros.items()})


def test_saelens_without_torch_is_told(monkeypatch):
    # What import does where there is no such package.
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="from_saelens needs torch"):
        tl.from_saelens(object(), np.zeros((2, 4)), ["<bos>", "a"])
