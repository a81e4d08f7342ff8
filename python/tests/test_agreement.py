"""What this package accepts is what the command line accepts: both are asked about the same documents and views.

The command line is the one that LENS_PROGRAM names; `cargo xtask test` sets it. It may count in 64 bits; the page, which shows the
document in the end, counts in 32, and so does the package: no count between both is asked about.
"""

import json
import os
import subprocess

import numpy as np
import pytest
from mutations import mutations
from tensors import FIXTURES, arguments
from test_files import RIGHT_VIEWS, WRONG_VIEWS

import temporal_lens as tl
from temporal_lens import _html, _view

PROGRAM = os.environ.get("LENS_PROGRAM")
#: Seven tokens, and every field that there is but a similarity matrix.
EXAMPLE = FIXTURES.parents[1] / "demo" / "examples" / "garden-path.json"
#: Every 13th mutation: some 700 documents, each of which starts a program (25 ms). 13 divides no number of values of a place, so that
#: every kind of value comes with every kind of place.
EVERY = 13

ARRAYS = ("residual", "pred_codes", "novel_codes", "recons")

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="LENS_PROGRAM does not name the command line")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("agreement")
    # All that the command line looks for in a template; the page itself would be a megabyte for each answer.
    head = f'<meta name="{_html._KIND}" content="temporal-lens-analysis/2 temporal-lens-analysis/1" />'
    (folder / "template.html").write_text(f"{head}{_html._HEAD}{_html._DATA}")
    return folder


def command_line(folder, result, *options):
    """Why it refuses a result or a view; None where it accepts both."""
    command = [PROGRAM, "html", result, "--template", folder / "template.html", "--out", folder / "out.html", *options]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stderr if done.returncode else None


def package(path):
    try:
        tl.load(path)
    except ValueError as error:
        return str(error)
    return None


def whole():
    """With the matrix that the Gram matrices make superfluous, and every field that may be absent."""
    analysis = tl.load(EXAMPLE)
    document = {**analysis.document, "similarity": analysis.similarity().astype(float).round(6).tolist(), "inf_k": 64}
    document["model"]["neuronpedia"] = "gemma/12-res"
    return document


def bare():
    """With what every document has, and a similarity matrix in place of the Gram matrices."""
    names = ("format", "text", "model", "token_ids", "tokens", "variance_explained", "l0_novel", "l0_pred", "l0_total", "similarity", "similarity_stats", "novel_top")
    return {name: value for name, value in whole().items() if name in names}


@pytest.mark.parametrize("made, start", [(whole, 0), (bare, 4)])
def test_both_accept_and_refuse_the_same_documents(folder, made, start):
    result = folder / "result.json"
    apart, answers = [], {True: 0, False: 0}
    for what, text in mutations(made(), start, EVERY):
        result.write_text(text)
        ours, theirs = package(result), command_line(folder, result)
        answers[theirs is None] += 1
        if (ours is None) != (theirs is None):
            apart.append(f"{what}\n  package: {ours or 'accepts'}\n  command line: {theirs or 'accepts'}")
    assert apart == [], "\n".join(apart)
    # Neither kind of answer is the only one.
    assert answers[False] > 100 and answers[True] > 10, answers


def test_both_read_every_shipped_document(folder):
    paths = [*EXAMPLE.parent.glob("*.json"), *(FIXTURES / "documents").glob("*.json")]
    read = [path.name for path in paths if package(path) is None]
    assert read == [path.name for path in paths if command_line(folder, path) is None] and len(read) > 8


def test_the_command_line_reads_whatever_the_package_makes(folder):
    """At the edges of what arguments may be, those that are refused included: nothing is made that is not read."""
    given = arguments("topk-tied")
    changes = [{name: np.asarray(given[name], np.float64) * 10.0**power} for name in ARRAYS for power in range(-40, 40, 3)]
    changes += [
        {name: value}
        for name, values in {
            "layer": [0, 2**31, 2**32 - 1, 2**32, True],
            "token_ids": [[2**32 - 1] * 33, [2**32] * 33, [2.0] * 33],
            "tokens": [["x" * length] * 33 for length in (0, 1, 1024, 1025)] + [["ä" * 512] * 33, ["ä" * 513] * 33, ["\0", "\\", '"'] * 11],
            "text": ["", "Tensors" + " " * 37_881, "Tensors" + " " * 37_882],
            "model": ["", "x" * 1024, "x" * 1025, 3],
            "neuronpedia": ["", "x" * 1024, "x" * 1025, 3, True],
            "keep": [1, 96, 97, 4096, 4097],
            "attn_graphs": [np.zeros((1024, 1, 33, 33)), np.full((1, 33, 33), np.tril(np.full((33, 33), 1.02 / 33)))],
        }.items()
        for value in values
    ]
    made = 0
    for change in changes:
        try:
            analysis = tl.from_tensors(**{**given, "pred_recons": None, "novel_recons": None, **change})
        except (TypeError, ValueError):
            continue
        made += 1
        analysis.save(folder / "result.json")
        said = command_line(folder, folder / "result.json")
        assert said is None, f"{str(change):.100}: {said}"
    assert 40 < made < len(changes) - 20, made


def test_both_take_and_refuse_the_same_views(folder):
    choices = [f"{name}={value}" for name, values in _view.CHOICES.items() for value in (*values, "other")]
    numbers = [f"{name}={value}" for name, (low, high) in _view.NUMBERS.items() for value in (low, high, -1, "1.5", "")]
    numbers += [f"{name}={high + 1}" for name, (_, high) in _view.NUMBERS.items() if name != "inf_k"]
    for view in [*choices, *numbers, *RIGHT_VIEWS, *(view for view, _ in WRONG_VIEWS), "veiw=path", "other=1"]:
        try:
            _view.query_of(view, _html._keys(_html.template()))
            ours = None
        except ValueError as error:
            ours = str(error)
        theirs = command_line(folder, EXAMPLE, f"--view={view}")
        assert (ours is None) == (theirs is None), f"{view}: {ours}; {theirs}"
