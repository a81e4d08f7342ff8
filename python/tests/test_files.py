"""Files in and out, and what a notebook is given."""

import base64
import json
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from tensors import FIXTURES, arguments

import temporal_lens as tl
from temporal_lens import _html

EXAMPLE = FIXTURES.parents[1] / "demo" / "examples" / "two-events.json"


@pytest.fixture
def analysis():
    return tl.from_tensors(**arguments("topk-tied"), text='"</script>" & more')


def test_a_saved_analysis_is_read_again(analysis, tmp_path):
    path = tmp_path / "result.json"
    tl.save(analysis, path)
    assert tl.load(path).document == analysis.document
    assert [it.name for it in tmp_path.iterdir()] == ["result.json"]


def test_a_document_of_the_page_is_read():
    shipped = tl.load(EXAMPLE)
    assert len(shipped) == len(shipped.tokens) == shipped.similarity("novel").shape[0]
    assert shipped.events == json.loads(EXAMPLE.read_text(encoding="utf-8"))["events"] and shipped.events[0]["first"] == 1
    assert "tide" in shipped.words[3]["predictable"]


@pytest.mark.parametrize("source", ["predictable", "novel", "total", "residual"])
def test_a_similarity_is_the_cosine_of_its_gram_matrix(source):
    shipped = tl.load(EXAMPLE)
    values = np.frombuffer(base64.b64decode(shipped.document["grams"][source]), "<f4").astype(np.float64)
    size = len(shipped)
    for (row, column), at in zip([(0, 0), (0, size - 1), (1, 1), (1, 5)], [0, size - 1, size, size + 4]):
        norms = [values[sum(range(size - i + 1, size + 1))] for i in (row, column)]
        wanted = values[at] / np.sqrt(norms[0] * norms[1])
        assert shipped.similarity(source)[row, column] == pytest.approx(wanted, abs=1e-6)
    assert (shipped.similarity(source, "neuronpedia") == shipped.similarity(source)[1:, 1:]).all()


def test_another_similarity_is_named():
    shipped = tl.load(EXAMPLE)
    with pytest.raises(ValueError, match="source: there is no 'novle'"):
        shipped.similarity("novle")
    with pytest.raises(ValueError, match="mode: there is no 'heat'"):
        shipped.similarity("novel", "heat")
    del shipped.document["grams"]
    with pytest.raises(ValueError, match="without Gram matrices"):
        shipped.similarity("novel")


def test_half_a_file_and_other_versions_are_refused(analysis, tmp_path):
    path = tmp_path / "half.json"
    path.write_text(json.dumps(analysis.document)[:4000])
    with pytest.raises(ValueError, match="half.json: it is not JSON, or only a part of it"):
        tl.load(path)
    for change, said in [
        ({"format": "temporal-lens-analysis/9"}, "its format is 'temporal-lens-analysis/9'"),
        ({"l0_pred": [1]}, "l0_pred has 1 entries for 33 tokens"),
    ]:
        path.write_text(json.dumps({**analysis.document, **change}))
        with pytest.raises(ValueError, match=said):
            tl.load(path)
    del analysis.document["tokens"]
    path.write_text(json.dumps(analysis.document))
    with pytest.raises(ValueError, match="it has no tokens"):
        tl.load(path)


def test_a_byte_order_mark_is_no_part_of_a_file(analysis, tmp_path):
    path = tmp_path / "result.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(analysis.document).encode())
    assert tl.load(path).document == analysis.document


def numbers(*values):
    return base64.b64encode(np.array(values, "<f4").tobytes()).decode()


ZEROS = numbers(*[0] * 561)
GRAMS = {source: ZEROS for source in ("predictable", "novel", "total", "residual")}


@pytest.mark.parametrize(
    "change, said",
    [
        ({"tokens": 5}, "tokens: it is not a list, but int"),
        ({"tokens": []}, "it has no tokens"),
        ({"text": None}, "text: it is not a string"),
        ({"model": {}}, "model: it has no name"),
        ({"model": "gemma"}, "model: it is not an object, but str"),
        ({"novel_top": [1] * 33}, "novel_top: it is not a list, but int"),
        ({"novel_top": [[{"feature": 1, "value": None}]] * 33}, "novel_top: .* is not a feature with a value"),
        ({"pred_top": [[]]}, "pred_top has 1 entries for 33 tokens"),
        ({"surprise": [0.5]}, "surprise has 1 entries for 33 tokens"),
        ({"sources": [[]]}, "sources has 1 entries for 33 tokens"),
        ({"sources": [[{"position": 0, "weight": 1}]] + [[]] * 32}, "not an earlier token of token 0"),
        ({"energy": {"residual": [1.0]}}, "energy.residual has 1 entries for 33 tokens"),
        ({"energy": {part: [float("nan")] * 33 for part in ("residual", "error", "predictable", "novel")}}, "energy.residual: one of them is not a finite number"),
        ({"words": {"predictable": [[]]}}, "words.predictable has 1 entries for 33 tokens"),
        ({"words": {"novel": [["sea"]] * 33}}, "words.novel: 'sea' is not a word"),
        ({"events": [{"first": 99, "last": 200}]}, r"events: \[99, 200\] are not the first and the last of 33 tokens"),
        ({"attention": {"layers": 1, "heads": 2, "weights": []}}, "attention: it has 0 graphs for 1 layers of 2 heads"),
        ({"attention": {"layers": 1, "heads": 1, "weights": ["AAAA"]}}, "16-bit integers|has 1 numbers; 33 tokens have 561"),
        ({"grams": None, "similarity": [[1.0]]}, "similarity has 1 entries for 33 tokens"),
        ({"grams": {}}, "grams: it has no predictable"),
        ({"grams": {**GRAMS, "novel": "AAAA"}}, "not base64 of 32-bit floats"),
        ({"grams": {**GRAMS, "novel": "AAAAAA=="}}, "grams.novel has 1 numbers; 33 tokens have 561"),
        ({"grams": {**GRAMS, "novel": numbers(float("nan"), *[0] * 560)}}, "grams.novel: one of its numbers is not finite"),
    ],
)
def test_a_document_whose_parts_do_not_fit_is_refused_by_name(analysis, change, said):
    changed = {**analysis.document, **change}
    for refusing in (tl.Analysis, tl.show):
        with pytest.raises(ValueError, match=said):
            refusing(changed)


def test_a_view_of_another_name_is_refused(analysis):
    with pytest.raises(ValueError, match="view: 'veiw' is not a parameter of a link, such as view=path; it is one of .*view"):
        tl.show(analysis, view="veiw=path")
    assert 'data-query=' in tl.one_file(analysis, view="?view=path&theme=dark")


def test_one_file_carries_the_document_and_names_the_text(analysis):
    page = tl.one_file(analysis, "view=path&pin=3.2")
    assert "<title>&quot;&lt;/script&gt;&quot; &amp; more · Temporal Lens</title>" in page
    block = re.search(r'id="temporal-lens-result" data-query="view=path&amp;pin=3.2">([^<]+)</script>', page)
    assert json.loads(zlib.decompress(base64.b64decode(block[1]))) == analysis.document


def test_one_file_has_the_names_of_its_features(analysis):
    index = FIXTURES.parents[1] / "demo" / "dashboards" / "index.json"
    page = tl.one_file(tl.load(EXAMPLE), features=index)
    block = re.search(r'id="temporal-lens-features">([^<]+)</script>', page)
    assert json.loads(zlib.decompress(base64.b64decode(block[1]))) == json.loads(index.read_text())
    assert 'id="temporal-lens-features"' not in tl.one_file(tl.load(EXAMPLE))
    with pytest.raises(ValueError, match="features: they are of another pack"):
        tl.one_file(analysis, features=index)
    with pytest.raises(ValueError, match="features: its format is None"):
        tl.one_file(analysis, features={"names": []})


def test_another_template_is_refused(analysis, tmp_path, monkeypatch):
    other = tmp_path / "one-file.html"
    monkeypatch.setenv(_html.TEMPLATE_VARIABLE, str(other))
    other.write_text("<html></html>")
    with pytest.raises(ValueError, match="not a template"):
        tl.one_file(analysis)
    other.write_text(f'<meta name="{_html._KIND}" content="temporal-lens-analysis/11">{_html._HEAD}{_html._DATA}')
    with pytest.raises(ValueError, match="does not read temporal-lens-analysis/1"):
        tl.one_file(analysis)


def test_a_notebook_gets_a_frame_that_needs_nothing(analysis):
    shown = tl.show(analysis, view="view=features", height=400)
    markup = shown._repr_html_()
    assert shown._mime_() == ("text/html", markup)
    assert markup.startswith("<iframe") and "srcdoc=" in markup and "height: 400px" in markup
    assert "<" not in markup.split('srcdoc="', 1)[1].split('"', 1)[0]
    assert analysis._repr_html_().startswith("<iframe")


def test_what_is_asked_for_in_vain_is_refused(analysis, tmp_path):
    for height in ("500px", 500.0, 99):
        with pytest.raises(ValueError, match="height: it is .*; it has to be a whole number, 100 at least"):
            tl.show(analysis, height=height)
    assert "height: 500px" in tl.show(analysis, height=np.int64(500)).markup
    with pytest.raises(ValueError, match="page: an analysis needs none"):
        tl.show(analysis, page="https://example.org/")
    with pytest.raises(ValueError, match="features: they are for an analysis"):
        tl.show("a", page="https://example.org/", features=tmp_path / "index.json")


def test_a_file_is_not_shown_as_a_text(tmp_path):
    for what in (tmp_path / "result.json", str(tmp_path / "result.json")):
        with pytest.raises(TypeError, match=r"result.json' is a file: show\(load\(path\)\)"):
            tl.show(what)
    assert "text=look%20into%20a.json" in tl.show("look into a.json", page="https://example.org/").markup


def test_what_is_no_analysis_is_not_saved(analysis, tmp_path):
    for save in (tl.save, tl.save_html):
        with pytest.raises(TypeError, match="analysis: this is a dict; it has to be an Analysis"):
            save(analysis.document, tmp_path / "result")
        with pytest.raises(FileNotFoundError, match="absent/result: there is no folder .*absent$"):
            save(analysis, tmp_path / "absent" / "result")
    with pytest.raises(TypeError, match="this is a str"):
        tl.one_file("result.json")
    assert list(tmp_path.iterdir()) == []


def test_a_text_needs_a_page():
    with pytest.raises(ValueError, match="page"):
        tl.show("Once upon a time")
    with pytest.raises(ValueError, match="not an https address"):
        tl.show("Once upon a time", page="javascript:alert(1)")
    for page in ("http://localhost.evil.example", "http://192.168.0.1/", "https://", "http://127.0.0.1.example/"):
        with pytest.raises(ValueError, match="not an https address"):
            tl.show("Once upon a time", page=page)
    assert 'src="http://localhost:8080/sub/?embed=true' in tl.show("a", page="http://localhost:8080/sub/#part").markup
    assert 'src="https://example.org/?embed=true&amp;text=a%20%22b"' in tl.show('a "b', page="https://example.org/").markup
    with pytest.raises(TypeError, match="no view of a int"):
        tl.show(3)


def test_one_text_is_analyzed(tmp_path):
    with pytest.raises(TypeError, match="text: this is a list; it has to be one string"):
        tl.analyze(["a", "b"], pack=tmp_path)
    with pytest.raises(ValueError, match="text: it is empty"):
        tl.analyze("", pack=tmp_path)


def test_without_the_command_line_it_says_how_to_get_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="release of Temporal Lens"):
        tl.analyze("a", pack=tmp_path, program=tmp_path / "none")


def test_the_command_line_is_called(tmp_path, analysis):
    result = tmp_path / "made.json"
    analysis.save(result)
    program = tmp_path / "temporal-lens"
    program.write_text(f'#!/bin/sh\nwhile [ "$1" != --json ]; do shift; done\ncp "{result}" "$2"\n')
    program.chmod(0o755)
    assert tl.analyze("-a text", pack=tmp_path, program=program).document == analysis.document
    program.write_text("#!/bin/sh\necho 'temporal-lens: there is no pack' >&2\nexit 1\n")
    with pytest.raises(RuntimeError, match="there is no pack"):
        tl.analyze("a", pack=tmp_path, program=program)


def test_the_package_ships_its_types_and_its_page():
    folder = Path(tl.__file__).parent
    assert (folder / "py.typed").is_file()
    assert _html._KIND in tl.one_file(tl.load(EXAMPLE))
