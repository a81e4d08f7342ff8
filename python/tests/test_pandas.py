"""Analyses as tables of pandas."""

import sys

import numpy as np
import pytest
from tensors import arguments, fixture
from test_files import EXAMPLE

import temporal_lens as tl


def test_a_table_has_a_row_for_each_token():
    expected = fixture("topk-tied")
    novel = expected["novel_codes"].copy()
    novel[4] = 0
    analysis = tl.from_tensors(**arguments("topk-tied", novel_codes=novel))
    table = analysis.to_pandas()
    assert list(table.columns) == [
        *("token", "token_id", "l0_novel", "l0_pred", "l0_total", "top_feature"),
        *("energy_residual", "energy_error", "energy_predictable", "energy_novel"),
    ]
    assert table["token"].tolist() == analysis.tokens and table["token_id"].tolist() == list(range(33))
    assert table["l0_novel"].tolist() == (novel != 0).sum(1).tolist()
    # The fixture's other tokens each have a novel code.
    with_codes = np.delete(np.arange(33), 4)
    assert table["top_feature"][with_codes].tolist() == novel.argmax(1)[with_codes].tolist()
    assert table["top_feature"].isna().tolist() == [t == 4 for t in range(33)]
    squares = (expected["pred_recons"].astype(np.float64) ** 2).sum(1)
    assert np.allclose(table["energy_predictable"], squares, rtol=1e-5)


def test_a_table_of_the_page_has_words_and_surprise():
    shipped = tl.load(EXAMPLE)
    table = shipped.to_pandas()
    assert len(table) == len(shipped)
    assert table["predictable_words"][3].split(", ") == shipped.words[3]["predictable"]
    assert table["surprise"].dropna().tolist() == [value for value in shipped.document["surprise"] if value is not None]


def test_without_pandas_it_says_how_to_get_it(monkeypatch):
    # What import does where there is no such package.
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="^to_pandas needs pandas: pip install pandas$"):
        tl.load(EXAMPLE).to_pandas()
