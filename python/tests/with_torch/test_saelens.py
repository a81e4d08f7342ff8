"""from_saelens on the class of SAELens itself, with the weights and results of two fixtures."""

import json
from importlib.metadata import version

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from saelens import TemporalSAE, TemporalSAEConfig
from tensors import FIXTURES, fixture

import temporal_lens as tl

CASES = ["sae-lens-topk", "sae-lens-relu-untied"]


def loaded(case, **changes):
    """The fixture's SAE as SAELens has it."""
    folder = FIXTURES / "sae" / case
    config = {**json.loads((folder / "cfg.json").read_text()), **changes}
    sae = TemporalSAE(TemporalSAEConfig.from_dict(config))
    sae.load_state_dict(load_file(folder / "sae_weights.safetensors"))
    return sae


def tokens_of(x):
    return ["<bos>"] + [f"▁w{t}" for t in range(1, len(x))]


def test_the_class_is_that_of_the_package():
    assert TemporalSAE.__module__ == "sae_lens.saes.temporal_sae"
    assert version("sae-lens") == "6.54.12"


@pytest.mark.parametrize("case", CASES)
def test_the_document_is_that_of_the_tensors(case):
    expected = fixture(case)
    x = expected["x"]
    given = {name: expected[name] for name in ("pred_codes", "novel_codes", "recons", "pred_recons", "novel_recons")}
    wanted = tl.from_tensors(tokens=tokens_of(x), residual=x, **given)
    found = tl.from_saelens(loaded(case), torch.tensor(x), tokens_of(x))
    assert found.document.keys() == wanted.document.keys()
    for source in ("predictable", "novel", "total", "residual"):
        # float32 on another BLAS.
        assert np.abs(found.similarity(source) - wanted.similarity(source)).max() < 1e-5
    for name in ("l0_novel", "l0_total", "tokens", "text"):
        assert found.document[name] == wanted.document[name], name
    assert found.document["variance_explained"] == pytest.approx(wanted.document["variance_explained"], rel=1e-5)
    for name, energies in wanted.document["energy"].items():
        assert found.document["energy"][name] == pytest.approx(energies, rel=1e-4, abs=1e-6), name
    for ours, theirs in zip(found.document["novel_top"], wanted.document["novel_top"]):
        # The smallest are what rounding leaves of a difference.
        assert [it["value"] for it in ours] == pytest.approx([it["value"] for it in theirs], rel=1e-4, abs=1e-7)
        assert ours[:1] == [] or ours[0]["feature"] == theirs[0]["feature"]


def test_a_batch_of_one_numpy_and_bfloat16_are_taken():
    x = fixture("sae-lens-topk")["x"]
    sae = loaded("sae-lens-topk")
    plain = tl.from_saelens(sae, torch.tensor(x), tokens_of(x)).document
    assert tl.from_saelens(sae, torch.tensor(x)[None], tokens_of(x)).document == plain
    assert tl.from_saelens(sae, x, tokens_of(x)).document == plain
    # What the language model gives in bfloat16, the SAE in float32 reads.
    rounded = torch.tensor(x).bfloat16()
    assert tl.from_saelens(sae, rounded, tokens_of(x)).document == tl.from_saelens(sae, rounded.float(), tokens_of(x)).document


@pytest.mark.parametrize("way", ["none", "layer_norm", "constant_norm_rescale"])
def test_whatever_scales_the_input_the_parts_are_the_reconstruction(way):
    x = torch.tensor(fixture("sae-lens-topk")["x"])
    sae = loaded("sae-lens-topk", normalize_activations=way)
    with torch.no_grad():
        sae.b_dec.zero_()
        # Nothing is predicted, so that all of the reconstruction is novel, but for the mean that a layer norm adds to it.
        for parameter in sae.attn_layers[0].c_proj.parameters():
            parameter.zero_()
        recons = sae(x[None])[0].double()
    # A layer norm's bias is another at every token.
    energy = tl.from_saelens(sae, x, tokens_of(x)).document["energy"]
    mean = x.double().mean(-1, keepdim=True) if way == "layer_norm" else 0
    assert energy["predictable"] == [0] * len(x)
    assert energy["novel"] == pytest.approx(((recons - mean) ** 2).sum(-1).tolist(), rel=1e-4)


def test_words_are_read_out_of_its_parts():
    x = fixture("sae-lens-topk")["x"]
    rows = np.random.default_rng(3).standard_normal((4, x.shape[1])).astype(np.float32)
    analysis = tl.from_saelens(loaded("sae-lens-topk"), x, tokens_of(x), unembedding=rows, vocabulary=["sea", "ship", "oven", "flour"])
    assert any(row["novel"] for row in analysis.words) and any(row["predictable"] for row in analysis.words)


def test_what_does_not_fit_is_named_with_both_shapes():
    x = fixture("sae-lens-topk")["x"]
    sae = loaded("sae-lens-topk")
    with pytest.raises(ValueError, match=r"activations: their shape is \(33, 48\), which does not fit the tokens \(2\) and the SAE \(96, 48\)"):
        tl.from_saelens(sae, x, ["<bos>", "a"])
    with pytest.raises(ValueError, match=r"activations: their shape is \(33, 40\).*it has to be \(33, 48\)"):
        tl.from_saelens(sae, x[:, :40], tokens_of(x))
    with pytest.raises(TypeError, match="sae: Linear is not a TemporalSAE of SAELens's"):
        tl.from_saelens(torch.nn.Linear(2, 2), x, tokens_of(x))
    broken = x.copy()
    broken[5, 7] = np.nan
    with pytest.raises(ValueError, match=r"activations: the value at \(5, 7\) is nan"):
        tl.from_saelens(sae, broken, tokens_of(x))
    with pytest.raises(ValueError, match=r"activations: the value at \(0, 0\) is 1e\+300, which exceeds float32"):
        tl.from_saelens(sae, torch.full(x.shape, 1e300, dtype=torch.float64), tokens_of(x))
    with pytest.raises(ValueError, match=r"activations: what the SAE makes of them as (pred|novel)_codes is not finite; their largest value is \de.2\d"):
        tl.from_saelens(sae, x * 1e22, tokens_of(x))
    with pytest.raises(TypeError, match="tokens: this is one str"):
        tl.from_saelens(sae, x, "a text")
    assert tl.from_saelens(sae, x, iter(tokens_of(x))).document == tl.from_saelens(sae, x, tokens_of(x)).document


@pytest.mark.parametrize("name", ["residual", "pred_codes", "novel_codes", "recons", "pred_recons", "novel_recons"])
def test_what_the_sae_makes_cannot_be_given(name):
    x = fixture("sae-lens-topk")["x"]
    with pytest.raises(TypeError, match=f"^{name}: it is what the SAE makes of activations, and cannot be given; from_tensors takes it"):
        tl.from_saelens(loaded("sae-lens-topk"), x, tokens_of(x), **{name: 1})


def test_an_option_of_another_name_is_named():
    x = fixture("sae-lens-topk")["x"]
    for name in ("modle", "stream", "has_bias"):
        with pytest.raises(TypeError, match=f"^{name}: there is no such option; the options are those of from_tensors"):
            tl.from_saelens(loaded("sae-lens-topk"), x, tokens_of(x), **{name: "gemma"})


@pytest.mark.parametrize("case", CASES)
def test_the_parts_that_an_sae_in_bfloat16_makes_are_those_of_its_reconstruction(case):
    x = torch.tensor(fixture(case)["x"]).bfloat16()[None]
    sae = loaded(case).bfloat16()
    # What SAELens looks up by precision.
    sae.dtype = torch.bfloat16
    with torch.no_grad():
        novel, pred = sae.encode_with_predictions(x)
        scale = sae.run_time_activation_norm_fn_out
        sae.process_sae_in(x)
        given = {"recons": sae(x), "pred_recons": scale(torch.matmul(pred, sae.W_dec)), "novel_recons": scale(torch.matmul(novel, sae.W_dec))}
    assert all(value.dtype == torch.bfloat16 for value in given.values())
    given = {"tokens": tokens_of(x[0]), "residual": x, "pred_codes": pred, "novel_codes": novel, **given}
    tl.from_tensors(**given)
    with pytest.raises(ValueError, match="they are not the parts of recons"):
        tl.from_tensors(**{**given, "pred_recons": given["novel_recons"]})
