"""from_tensors on tensors of torch itself."""

import numpy as np
import pytest
import torch
from tensors import arguments

import temporal_lens as tl


def as_torch(given, change):
    return {name: change(torch.tensor(value)) if isinstance(value, np.ndarray) else value for name, value in given.items()}


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x,
        lambda x: x.double(),
        lambda x: x[None] if x.ndim == 2 else x,
        lambda x: x.clone().requires_grad_(),
        lambda x: x.transpose(-1, -2).contiguous().transpose(-1, -2),
    ],
    ids=["as they are", "double", "a batch of one", "with gradients", "transposed in memory"],
)
def test_tensors_are_the_arrays(change):
    given = arguments("topk-tied")
    assert tl.from_tensors(**as_torch(given, change)).document == tl.from_tensors(**given).document


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_half_precisions_are_their_own_values(precision):
    given = arguments("topk-tied")
    halved = as_torch(given, lambda x: x.to(precision))
    rounded = {name: value.float().numpy() if isinstance(value, torch.Tensor) else value for name, value in halved.items()}
    assert tl.from_tensors(**halved).document == tl.from_tensors(**rounded).document


def test_ids_of_a_tokenizer_are_taken():
    ids = torch.arange(33)[None] + 5
    assert tl.from_tensors(**arguments("topk-tied", token_ids=ids)).document["token_ids"] == list(range(5, 38))


def test_ids_are_no_tokens_and_complex_numbers_no_activations():
    with pytest.raises(TypeError, match=r"tokens: tensor\(0\) is not a string"):
        tl.from_tensors(**arguments("topk-tied", tokens=torch.arange(33)))
    with pytest.raises(TypeError, match="residual: this is not an array of numbers .they are complex"):
        tl.from_tensors(**arguments("topk-tied", residual=torch.zeros(33, 48, dtype=torch.complex64)))


def test_shapes_of_tensors_are_named():
    with pytest.raises(ValueError, match=r"recons: its shape is \(33, 5\), which does not fit residual \(33, 48\)"):
        tl.from_tensors(**arguments("topk-tied", recons=torch.zeros(1, 33, 5)))
    with pytest.raises(ValueError, match=r"pred_codes: the value at \(0, 3\) is nan"):
        broken = torch.zeros(33, 96)
        broken[0, 3] = torch.nan
        tl.from_tensors(**arguments("topk-tied", pred_codes=broken))


@pytest.mark.parametrize(
    "made, said",
    [
        (lambda x: x.to_sparse(), r"recons: it is a sparse tensor; pass recons.to_dense\(\)"),
        (lambda x: x.to("meta"), "recons: it is a tensor on the device meta, which holds no values"),
    ],
)
def test_tensors_without_plain_values_are_named(made, said):
    given = arguments("topk-tied")
    with pytest.raises(TypeError, match=said):
        tl.from_tensors(**{**given, "recons": made(torch.tensor(given["recons"]))})


def test_a_value_beyond_float32_is_told_as_it_is():
    with pytest.raises(ValueError, match=r"residual: the value at \(0, 0\) is 1e\+300, which exceeds float32"):
        tl.from_tensors(**arguments("topk-tied", residual=torch.full((33, 48), 1e300, dtype=torch.float64)))
