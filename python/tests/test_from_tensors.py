"""from_tensors against what PyTorch made, and what it refuses."""

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
    strongest = expected["novel_codes"].max(1)
    for row, most in zip(document["novel_top"], strongest):
        assert (row[0]["value"] if row else 0) == pytest.approx(max(most, 0), rel=1e-6)
    for name, part in (("predictable", "pred_recons"), ("novel", "novel_recons")):
        assert document["energy"][name] == pytest.approx((expected[part].astype(np.float64) ** 2).sum(1).tolist(), rel=1e-5)
    sums = np.tril(expected["attn_graphs"].mean((0, 1)))
    for t, row in enumerate(document["sources"]):
        assert len(row) <= 5
        for it in row:
            assert it["weight"] == pytest.approx(sums[t, it["position"] + 1], rel=1e-6)


def test_a_batch_of_one_and_other_precisions_are_the_same():
    plain = tl.from_tensors(**arguments("topk-tied")).document
    batched = {name: value[None] if isinstance(value, np.ndarray) and name != "attn_graphs" else value for name, value in arguments("topk-tied").items()}
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
    means = {"predictable": np.zeros(width), "novel": np.zeros(width)}
    analysis = tl.from_tensors(**given, unembedding=rows, vocabulary=vocabulary, means=means)
    scores = given["novel_recons"][5] @ (rows - rows.mean(0)).T
    listed = analysis.document["words"]["novel"][5]
    assert listed[0]["score"] == pytest.approx(float(scores.max()), rel=1e-4)
    assert listed[0]["word"] == vocabulary[int(scores.argmax())].replace("▁", "")
    assert all(it["score"] > 0 for it in listed) and len({it["word"].lower() for it in listed}) == len(listed)
    assert analysis.words[5]["novel"] == [it["word"] for it in listed] and analysis.words[0]["novel"] == []


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
        ({"vocabulary": ["a"]}, "words need both"),
        ({"layer": -1}, "layer"),
    ],
)
def test_what_does_not_fit_is_named_with_both_shapes(changes, said):
    with pytest.raises(ValueError, match=said):
        tl.from_tensors(**arguments("topk-tied", **changes))


def test_what_is_no_array_is_named():
    with pytest.raises(TypeError, match="recons: this is no array"):
        tl.from_tensors(**arguments("topk-tied", recons=[["a"]]))


def test_saelens_without_torch_is_told(monkeypatch):
    # What import does where there is no such package.
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="from_saelens needs torch"):
        tl.from_saelens(object(), np.zeros((2, 4)), ["<bos>", "a"])
