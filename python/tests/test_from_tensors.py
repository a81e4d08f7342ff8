"""from_tensors against what PyTorch made, and what it refuses."""

import base64
import json
import sys

import numpy as np
import pytest
from tensors import CASES, FIXTURES, arguments, fixture

import temporal_lens as tl
from temporal_lens._spelling import is_of


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
        ({"layer": -1}, "layer: it is -1; it has to be a whole number, 0 to 4294967295"),
        ({"keep": 2.5}, "keep: it is 2.5; it has to be a whole number, 1 to 4096"),
        ({"attn_graphs": np.full((4, 33, 33), 1 / 33)}, "attn_graphs: in row 0, column 1 is 0.030303; a token attends to columns 0 to 0"),
        ({"residual": np.full((33, 48), 1e300)}, r"residual: the value at \(0, 0\) is 1e\+300, which exceeds float32"),
        ({"residual": np.zeros((33, 0))}, r"residual: its shape is \(33, 0\): it holds no numbers"),
        ({"novel_codes": np.zeros((33, 0))}, r"novel_codes: its shape is \(33, 0\): it holds no numbers"),
        ({"attn_graphs": np.zeros((0, 33, 33))}, r"attn_graphs: its shape is \(0, 33, 33\): it holds no numbers"),
        ({"attn_graphs": np.zeros((1025, 1, 33, 33), np.float16)}, "attn_graphs: .*; there are 1024 layers of 4096 heads at most"),
        ({"attn_graphs": np.tril(np.ones((4, 33, 33)))}, "attn_graphs: row 32 sums to 33; the weights of a row are shares"),
        ({"unembedding": np.zeros((0, 48)), "vocabulary": []}, "vocabulary: it is empty"),
        ({"unembedding": np.zeros((1, 48)), "vocabulary": ["x" * 1025]}, "vocabulary: entry 0 has 1025 bytes; a token or a word has 1024 at most"),
        ({"tokens": ["<bos>"] + ["x" * 10_000] * 32}, "tokens: entry 1 has 10000 bytes; a token or a word has 1024 at most"),
        ({"tokens": ["<bos>"] + ["\ud800"] * 32}, "tokens: entry 1 holds half a character"),
        ({"tokens": ["a"] * 8193}, "tokens: there are 8193, 8192 at most"),
        ({"text": "\udfff"}, "text: it holds half a character"),
        ({"text": "Tensors of a notebook" + " " * 40_000}, "text: it has 40021 bytes, 37888 at most"),
        ({"model": "\ud800"}, "model: it holds half a character"),
        ({"model": "x" * 1025}, "model: it has 1025 bytes, 1024 at most"),
        ({"neuronpedia": "x" * 1025}, "neuronpedia: it has 1025 bytes, 1024 at most"),
        ({"layer": 2**70}, "layer: it is 1180591620717411303424; it has to be a whole number, 0 to 4294967295"),
        ({"layer": True}, "layer: it is True; it has to be a whole number"),
        ({"keep": 4097}, "keep: it is 4097; it has to be a whole number, 1 to 4096"),
        ({"token_ids": [5] * 32 + [2**32]}, r"token_ids\[32\]: it is 4294967296; it has to be a whole number, 0 to 4294967295"),
        ({"token_ids": [2**70] * 33}, r"token_ids\[0\]: it is 1180591620717411303424"),
        ({"token_ids": [-1] * 33}, r"token_ids\[0\]: it is -1"),
        ({"token_ids": [0.5] * 33}, r"token_ids\[0\]: it is 0.5"),
        ({"recons": np.ma.masked_array(np.zeros((33, 48)), np.eye(33, 48))}, "recons: it is a masked array with masked values"),
        ({"token_ids": np.ma.masked_equal(np.arange(33), 3)}, "token_ids: it is a masked array with masked values"),
    ],
)
def test_what_does_not_fit_is_named_with_both_shapes(changes, said):
    with pytest.raises(ValueError, match=said):
        tl.from_tensors(**arguments("topk-tied", **changes))


def scaled(**factors):
    """Arguments of which some are multiplied."""
    given = arguments("topk-tied")
    return {**given, **{name: given[name].astype(np.float64) * factor for name, factor in factors.items()}}


@pytest.mark.parametrize(
    "factors, said",
    [
        ({"recons": 1e20}, "recons, residual: the error is .* times the variance of residual, which exceeds float32"),
        ({"recons": 1e19, "residual": 1e10}, "recons, residual: the squared length at token .*, which exceeds float32"),
        ({"residual": 1e30}, "residual: the largest value is .*; products of such vectors exceed float32"),
        ({"residual": 1e-30}, "recons, residual: the error is .* times the variance of residual, which exceeds float32"),
        ({"pred_recons": 1e25}, "pred_recons: the squared length at token"),
        ({"novel_recons": 1e25}, "novel_recons: the squared length at token"),
        ({"pred_codes": 1e30}, "pred_codes: the largest value is .*; products of such vectors exceed float32"),
        ({"novel_codes": 1e30}, "novel_codes: the largest value is .*; products of such vectors exceed float32"),
    ],
)
def test_numbers_that_no_document_can_hold_are_named(factors, said):
    with pytest.raises(ValueError, match=f"^{said}"):
        tl.from_tensors(**scaled(**factors))


def test_scores_that_no_document_can_hold_are_named():
    words = {"unembedding": np.eye(2, 48) * 1e30, "vocabulary": ["a", "b"]}
    for more, named in [({"final_norm": np.full(48, 1e30)}, ", final_norm"), ({"means": {"predictable": np.full(48, 1e30)}}, ", means")]:
        with pytest.raises(ValueError, match=f"^unembedding, pred_recons{named}: the scores of words exceed float32"):
            tl.from_tensors(**arguments("topk-tied"), **words, **more)


@pytest.mark.parametrize("case", CASES + ["topk-scaling-bf16", "relu-f16"])
def test_parts_that_are_not_those_of_the_reconstruction_are_refused(case):
    given = arguments(case)
    # The bias may be scaled in every dimension, and each array may be rounded as bfloat16 rounds.
    for rounded in (lambda x: x, lambda x: x.astype(np.float16).astype(np.float32), bfloat16):
        tl.from_tensors(**{**given, **{name: rounded(given[name]) for name in ("recons", "pred_recons", "novel_recons")}})
    for change in (
        {"pred_recons": given["pred_recons"] * 100},
        {"pred_recons": given["novel_recons"]},
        {"pred_recons": given["novel_recons"], "novel_recons": given["pred_recons"] * 2},
        {"novel_recons": given["novel_recons"] * 1.2},
        {"novel_recons": given["recons"]},
        {"pred_recons": np.roll(given["pred_recons"], 1, 0)},
        {"recons": given["residual"][::-1]},
    ):
        with pytest.raises(ValueError, match="pred_recons, novel_recons: they are not the parts of recons: .* at token .* by .*%"):
            tl.from_tensors(**{**given, **change})


def bfloat16(x):
    """Rounded to 8 bits."""
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def test_a_token_that_all_leave_empty_says_nothing_of_the_parts():
    given = arguments("topk-tied")
    for name in ("recons", "pred_recons", "novel_recons"):
        given[name] = given[name].copy()
        given[name][0] = 0
    tl.from_tensors(**given)


def spelled(text, *tokens):
    """The document of a text of these tokens."""
    x = np.zeros((len(tokens), 4))
    return tl.from_tensors(tokens=tokens, text=text, residual=x, pred_codes=x, novel_codes=x, recons=x).document["text"]


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("The tide is out", ["<bos>", "The", "▁tide", "▁is", "▁out"]),
        (" the TIDE", ["[CLS]", "the", "ti", "##de", "[SEP]"]),
        # Accents and what the tokenizer dropped.
        ("Où est la mère ?", ["[CLS]", "ou", "est", "la", "mer", "##e", "?"]),
        ("日本の海", ["<bos>", "<0xE6>", "<0x97>", "<0xA5>", "本", "の海"]),
        ("日本の海", ["<s>", "æĹ¥æľ¬", "ãģ®", "æµ·", "Ċ"]),
        ("a\n\tmärchen", ["<|endoftext|>", "a", "Ċ", "ĉ", "m", "Ã¤r", "chen"]),
        # Bytes of a letter in tokens of their own, decoded one by one.
        ("日本", ["<bos>", "\ufffd", "\ufffd", "本"]),
        ("xylophones", ["<bos>", "<unk>", "<unk>", "s"]),
        # Cut off, or a part of a longer context.
        ("The tide is out, and the boats lie on the sand.", ["<bos>", "The", "▁tide", "▁is"]),
        ("The tide", ["<bos>", "user", ":", "▁The", "▁tide", "▁model", ":"]),
        ("?!", ["<bos>", "?", "!"]),
        ("", ["<bos>", "a"]),
        ("🎈", ["<bos>", "▁a", "▁b"]),
    ],
)
def test_a_text_may_be_written_otherwise_than_its_tokens(text, tokens):
    assert spelled(text, *tokens) == text


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("Bread rises in the oven", ["<bos>", "The", "▁tide", "▁is", "▁out"]),
        ("ab", ["<bos>", "x", "yz"]),
        ("日本の海", ["<bos>", "<0xE6>", "<0x97>", "<0xA5>", "文", "学は"]),
        ("result.json", ["<bos>", "The", "▁tide", "▁is", "▁out"]),
    ],
)
def test_a_text_of_other_tokens_is_refused(text, tokens):
    with pytest.raises(ValueError, match="text: .* has next to nothing in common with the tokens .*: it has to be the text that they are of"):
        spelled(text, *tokens)


def test_texts_on_other_things_are_told_from_each_other():
    paths = sorted((FIXTURES.parents[1] / "demo" / "examples").glob("*.json"))
    examples = [tl.load(path) for path in paths if "compared" not in path.name and path.stem != "index"]
    # Of a few words, two are often the same.
    examples = [it for it in examples if len(it) > 10]
    assert len(examples) > 8
    for one in examples:
        for other in examples:
            assert is_of(one.text, other.tokens) == (one is other), (one, other)


def test_tokens_may_come_one_by_one():
    given = arguments("topk-tied")
    tokens = given.pop("tokens")
    plain = tl.from_tensors(tokens=tokens, **given).document
    rows = {"unembedding": np.zeros((2, 48))}
    assert tl.from_tensors(tokens=(token for token in tokens), **given).document == plain
    assert tl.from_tensors(tokens=iter(tokens), vocabulary=iter("ab"), **rows, **given).document["words"]["vocabulary"] == 2


def test_a_masked_array_that_masks_nothing_is_its_values():
    given = arguments("topk-tied")
    assert tl.from_tensors(**{**given, "recons": np.ma.masked_array(given["recons"])}).document == tl.from_tensors(**given).document


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
        ({"neuronpedia": 3}, "neuronpedia: 3 is not a string"),
        ({"neuronpedia": True}, "neuronpedia: True is not a string"),
        ({"tokens": {"a", "b"}}, "tokens: this is a set, whose order is another one"),
        ({"unembedding": np.zeros((2, 48)), "vocabulary": ["a", "b"], "means": [np.zeros(48)]}, "means: this is a list; it has to be a mapping"),
        ({"recons": [["1"] * 48] * 33}, "recons: this is not an array of numbers .they are of the kind <U1"),
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
    assert tl.from_tensors(**given, tokens=tokens, layer=12, keep=3, token_ids=[np.float32(i) for i in range(2, 35)]).document == plain.document
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
