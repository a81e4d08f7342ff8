"""Files in and out, and what a notebook is given."""

import base64
import json
import os
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from tensors import FIXTURES, arguments

import temporal_lens as tl
from temporal_lens import _html, _view

EXAMPLE = FIXTURES.parents[1] / "demo" / "examples" / "two-events.json"


@pytest.fixture
def analysis():
    return tl.from_tensors(**arguments("topk-tied"), text='"</script>" & tensors of a notebook')


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
ENERGY = {part: [0.0] * 33 for part in ("residual", "error", "predictable", "novel")}
EVENT = {"first": 1, "last": 32, "expectation_from": 1}
GRAMS = {source: ZEROS for source in ("predictable", "novel", "total", "residual")}


@pytest.mark.parametrize(
    "change, said",
    [
        ({"tokens": 5}, "document: tokens: it is not a list, but an int"),
        ({"tokens": []}, "token_ids has 33 entries for 0 tokens|it has no tokens"),
        ({"text": None}, "text: it is not a string, but None"),
        ({"model": {}}, "model: it has no name"),
        ({"model": "gemma"}, "model: it is not an object, but a str"),
        ({"novel_top": [1] * 33}, r"novel_top\[0\]: it is not a list, but an int"),
        ({"novel_top": [[{"feature": 1, "value": None}]] * 33}, r"novel_top\[0\]\[0\].value: it is not a number, but None"),
        ({"pred_top": [[]]}, "pred_top has 1 entries for 33 tokens"),
        ({"surprise": [0.5]}, "surprise has 1 entries for 33 tokens"),
        ({"sources": [[]]}, "sources has 1 entries for 33 tokens"),
        ({"sources": [[{"position": 33, "weight": 1}]] + [[]] * 32}, r"sources\[0\]\[0\].position: it is 33; there are 33 tokens"),
        ({"energy": {"residual": [1.0]}}, "energy: it has no error"),
        ({"energy": {**ENERGY, "residual": [1.0]}}, "energy.residual has 1 entries for 33 tokens"),
        ({"energy": {**ENERGY, "novel": [float("nan")] * 33}}, r"energy.novel\[0\]: it is nan, which is not a finite number"),
        ({"words": {"vocabulary": 9, "novel": [[]] * 33, "predictable": [[]]}}, "words.predictable has 1 entries for 33 tokens"),
        ({"words": {"vocabulary": 9, "predictable": [[]] * 33, "novel": [["sea"]] * 33}}, r"words.novel\[0\]\[0\]: it is not an object, but a str"),
        ({"events": [{"first": 99, "last": 200, "expectation_from": 99}]}, r"events\[0\]: \[99, 200\] are not the first and the last of 33 tokens"),
        ({"events": []}, "events: they end before token 1; the text has 33 tokens"),
        ({"events": [EVENT, EVENT]}, r"events\[1\].first: it is 1; events follow each other without gaps, and the next one begins at 33"),
        ({"events": [{**EVENT, "expectation_from": 0}]}, r"events\[0\].expectation_from: it is 0; it has to be 1 to 33"),
        ({"selected": {}}, "selected: it has no position"),
        ({"similarity_stats": {"max": 1, "mean": 0}}, "similarity_stats: it has no min"),
        ({"similarity_stats": {"min": -3, "max": 1, "mean": 0}}, "similarity_stats.min: it is -3; it has to be -1 to 1"),
        ({"variance_explained": 94}, "variance_explained: it is 94; it has to be 1 at most"),
        ({"energy": {**ENERGY, "error": [-1.0] * 33}}, r"energy.error\[0\]: it is -1.0; it has to be 0 at least"),
        ({"token_ids": [None] * 33}, r"token_ids\[0\]: it is not a whole number, but None"),
        ({"token_ids": [2**32] * 33}, r"token_ids\[0\]: it is 4294967296; it has to be a whole number, 0 to 4294967295"),
        ({"l0_pred": [97] * 33}, r"l0_pred\[0\]: it is 97; the SAE has 96 features"),
        ({"novel_top": [[{"feature": 96, "value": 1}]] * 33}, r"novel_top\[0\]\[0\].feature: it is 96; the SAE has 96 features"),
        ({"tokens": ["x" * 1025] * 33}, r"tokens\[0\] has 1025 bytes"),
        ({"tokens": ["\ud800"] * 33}, r"tokens\[0\]: it holds half a character"),
        ({"surprise": [1e39] * 33}, r"surprise\[0\]: it is 1e\+39, which is more than float32 holds"),
        ({"grams": None}, "similarity has 0 entries for 33 tokens, and there is no grams in its place"),
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


@pytest.mark.parametrize("change", [{"sources": [[{"position": 9, "weight": 1}]] + [[]] * 32}, {"similarity": []}, {"events": None}, {"note": "ours"}])
def test_what_the_page_reads_is_read(analysis, change):
    tl.Analysis({**analysis.document, **change})


def test_a_document_may_lack_what_others_do_not_need(analysis):
    del analysis.document["selected"]
    similarity = analysis.similarity().tolist()
    similarity[3][5] = None
    plain = {**analysis.document, "similarity": similarity, "grams": None}
    assert np.isnan(tl.Analysis(plain).similarity()[3, 5])


def test_what_python_alone_writes_is_named(analysis, tmp_path):
    path = tmp_path / "result.json"
    text = json.dumps(analysis.document)
    for change, said in [
        (("variance_explained", "variance"), "it has no variance_explained"),
        (('"variance_explained": ', '"variance_explained": NaN, "note": '), "it has NaN, which is not a number of JSON"),
        (('"l0_novel": ', '"l0_novel": [], "l0_novel": '), "it has the field 'l0_novel' twice"),
        (('"text": "', '"text": "\\ud800'), "text: it holds half a character"),
        (('"layer": 0', '"layer": "12"'), "model.layer: it is not a whole number, but a str"),
        (('"layer": 0', f'"note": {"[" * 100_000}'), "its lists lie too deep|only a part"),
    ]:
        assert change[0] in text
        path.write_text(text.replace(*change, 1))
        with pytest.raises(ValueError, match=f"result.json: .*({said})"):
            tl.load(path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_every_encoding_with_a_mark_is_read(analysis, tmp_path, encoding):
    path = tmp_path / "result.json"
    path.write_bytes(json.dumps(analysis.document, ensure_ascii=False).encode(encoding))
    assert tl.load(path).document == analysis.document


def test_what_is_in_a_results_place_is_named(analysis, tmp_path):
    path = tmp_path / "result"
    comparison = FIXTURES / "documents" / "garden-path-compared-1.json"
    with pytest.raises(ValueError, match="garden-path-compared-1.json: it is a comparison of two texts, .* --comparison"):
        tl.load(comparison)
    with pytest.raises(ValueError, match="document: it is a comparison"):
        tl.Analysis(json.loads(comparison.read_text()))
    tl.save_html(analysis, path)
    with pytest.raises(ValueError, match="it is the page itself.*: open it in a browser; the saved analysis is the .json"):
        tl.load(path)
    for text, said in [
        ("<!doctype html><title>Sign in</title>", "it is a page of the web"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "it is a Git LFS pointer"),
        (b"\x1f\x8b\x08\x00", "it is not JSON: not text"),
        ("\n", "result: it is empty: save or download it again"),
    ]:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(ValueError, match=said):
            tl.load(path)


def test_an_address_a_folder_and_nothing_are_no_files(analysis, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in ("https://example.org/result.json", "s3://bucket/result.json"):
        for reading in (tl.load, lambda path: tl.save(analysis, path), lambda path: tl.save_html(analysis, path)):
            with pytest.raises(ValueError, match=f"path: '{path}' is an address; it has to be a file"):
                reading(path)
        with pytest.raises(ValueError, match="features: .* is an address"):
            tl.one_file(analysis, features=path)
    for path, kind, said in [
        ("", ValueError, "path: it is empty; name a file"),
        (".", IsADirectoryError, "^.: it is a folder; name a file in it"),
        (tmp_path, IsADirectoryError, f"{tmp_path}: it is a folder; name a file in it"),
        (3, TypeError, "path: this is an int; it has to be the path of a file"),
    ]:
        for reading in (tl.load, lambda path: tl.save(analysis, path), lambda path: tl.save_html(analysis, path)):
            with pytest.raises(kind, match=said):
                reading(path)
    assert list(tmp_path.iterdir()) == []


def test_an_error_has_the_name_that_was_given(analysis, tmp_path):
    named = tmp_path / ("x" * 300)
    with pytest.raises(OSError) as failed:
        tl.save(analysis, named)
    assert failed.value.filename == str(named) and "unfinished" not in str(failed.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names here")
def test_a_device_is_not_replaced(analysis, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ValueError, match="pipe: it is a device or a pipe; name a file"):
        tl.save(analysis, pipe)
    assert pipe.is_fifo()


def test_what_was_changed_into_something_else_is_not_written(analysis, tmp_path):
    shorter = tl.Analysis({**analysis.document, "tokens": analysis.tokens})
    shorter.document["tokens"].pop()
    for saving in (tl.save, tl.save_html):
        with pytest.raises(ValueError, match="document: token_ids has 33 entries for 32 tokens"):
            saving(shorter, tmp_path / "result")
    for value, said in [("\ud800", "half a character"), (float("nan"), "cannot be written as JSON"), (object(), "cannot be written as JSON")]:
        analysis.document["note"] = value
        for saving in (tl.save, tl.save_html):
            with pytest.raises(ValueError, match=f"document: .*{said}"):
                saving(analysis, tmp_path / "result")
    assert list(tmp_path.iterdir()) == []


def test_a_view_of_another_name_is_refused(analysis):
    with pytest.raises(ValueError, match="view: 'veiw' is not a parameter of a link, such as view=path; it is one of .*view"):
        tl.show(analysis, view="veiw=path")
    assert 'data-query=' in tl.one_file(analysis, view="?view=path&theme=dark")


@pytest.mark.parametrize("view", [None, 5, {}, ["view=path"], b"view=path"])
def test_a_view_is_a_string(analysis, view, tmp_path):
    for showing in (
        lambda: tl.show(analysis, view=view),
        lambda: tl.one_file(analysis, view=view),
        lambda: tl.save_html(analysis, tmp_path / "story.html", view=view),
        lambda: tl.show("a", page="https://example.org/", view=view),
    ):
        with pytest.raises(TypeError, match="view: this is .*; it has to be a link's query"):
            showing()


#: Refused by the command line, too.
WRONG_VIEWS = [
    ("view=heat", "view=heat is not a value of this parameter; it is one of scenes, matrix"),
    ("theme=blue", "it is one of light, dark, system"),
    ("shade=position", "it is one of novel-share"),
    ("tcolour=none", "it is one of novel-share"),
    ("neighbours=1", "it is a whole number, 2 to 200"),
    ("feature=-1", "it is a whole number, 0 to 16777216"),
    ("pin=5.", "it is a token"),
    ("span=10", "it is one span"),
    ("attention=mean.0", "it is layer and head"),
    ("zoom=1_2", "it is first column"),
    ("camera=1", "it is yaw_pitch_zoom"),
    ("view", "view= is not a value of this parameter"),
    ("v=9", "it is a whole number, 0 to 3"),
]
RIGHT_VIEWS = [
    "", "?", "view=path&pin=5", "pin=5.9&span=10-20.40-44", "attention=0.mean", "zoom=0_0_12.5", "camera=0.5_-0.2_1_3_4", "shade=none&tcolour=position",
    "v=3&inf_k=12&seed=0&t=1&neighbours=200&feature=16777216&mindist=0.5&embedcaption=perhaps",
]  # fmt: skip


@pytest.mark.parametrize("view, said", WRONG_VIEWS)
def test_a_value_that_a_parameter_does_not_have_is_refused(analysis, view, said):
    with pytest.raises(ValueError, match=f"view: .*{said}"):
        tl.show(analysis, view=view)
    with pytest.raises(ValueError, match=f"view: .*{said}"):
        tl.show("a text", page="https://example.org/", view=view)


def test_every_value_of_a_parameter_is_taken(analysis):
    choices = [f"{name}={value}" for name, values in _view.CHOICES.items() for value in values]
    numbers = [f"{name}={value}" for name, values in _view.NUMBERS.items() for value in values]
    for view in [*choices, *numbers, *RIGHT_VIEWS]:
        tl.one_file(analysis, view=view)
    # What the documentation lists, and nothing else.
    listed = (FIXTURES.parents[1] / "docs" / "embed.md").read_text(encoding="utf-8").replace("`", " ").replace(",", " ").split()
    assert [value for values in _view.CHOICES.values() for value in values if value not in listed and value not in ("yes", "text", "false")] == []


@pytest.mark.parametrize("text", ["", "  \n", "\ud800"])
def test_a_text_without_any_is_not_shown(text):
    with pytest.raises(ValueError, match="what: the text "):
        tl.show(text, page="https://example.org/")


def test_one_file_carries_the_document_and_names_the_text(analysis):
    page = tl.one_file(analysis, "view=path&pin=3.2")
    assert "<title>&quot;&lt;/script&gt;&quot; &amp; tensors of a notebook · Temporal Lens</title>" in page
    block = re.search(r'id="temporal-lens-result" data-query="view=path&amp;pin=3.2">([^<]+)</script>', page)
    assert json.loads(zlib.decompress(base64.b64decode(block[1]))) == analysis.document


def test_one_file_has_the_names_of_its_features(analysis):
    index = FIXTURES.parents[1] / "demo" / "dashboards" / "index.json"
    page = tl.one_file(tl.load(EXAMPLE), features=index)
    block = re.search(r'id="temporal-lens-features">([^<]+)</script>', page)
    assert json.loads(zlib.decompress(base64.b64decode(block[1]))) == json.loads(index.read_text())
    # The page has those of the default pack; others take their place.
    plain = tl.one_file(tl.load(EXAMPLE))
    assert 'id="temporal-lens-features"' not in plain and 'id="temporal-lens-names"' not in page
    block = re.search(r'id="temporal-lens-names">([^<]+)</script>', plain)
    assert json.loads(zlib.decompress(base64.b64decode(block[1]))) == json.loads(index.read_text())
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
    with pytest.raises(TypeError, match="page: this is an int"):
        tl.show("Once upon a time", page=5)
    for page in ("http://localhost.evil.example", "http://192.168.0.1/", "https://", "http://127.0.0.1.example/"):
        with pytest.raises(ValueError, match="not an https address"):
            tl.show("Once upon a time", page=page)
    assert 'src="http://localhost:8080/sub/?embed=true' in tl.show("a", page="http://localhost:8080/sub/#part").markup
    assert 'src="https://example.org/?embed=true&amp;text=a%20%22b"' in tl.show('a "b', page="https://example.org/").markup
    with pytest.raises(TypeError, match="no view of an int"):
        tl.show(3)


@pytest.mark.parametrize(
    "text, kind, said",
    [
        (["a", "b"], TypeError, "text: this is a list; it has to be one string"),
        (5, TypeError, "text: this is an int; it has to be one string"),
        ("", ValueError, "text: it is empty"),
        ("a\0b", ValueError, "text: character 1 is a NUL"),
        ("a\ud800", ValueError, "text: it holds half a character"),
    ],
)
def test_one_text_is_analyzed(tmp_path, text, kind, said):
    with pytest.raises(kind, match=said):
        tl.analyze(text, pack=tmp_path)


def test_what_is_no_pack_program_or_device_is_named(tmp_path):
    for named, value, kind in [("pack", None, TypeError), ("pack", "", ValueError), ("program", 5, TypeError), ("program", "", ValueError), ("device", 0, TypeError)]:
        with pytest.raises(kind, match=f"^{named}: "):
            tl.analyze("a", **{"pack": tmp_path, named: value})


def test_without_the_command_line_it_says_how_to_get_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="release of Temporal Lens"):
        tl.analyze("a", pack=tmp_path, program=tmp_path / "none")


def program_of(path, *lines):
    """A command line that has a version and does this."""
    path.write_text("\n".join(['#!/bin/sh', '[ "$1" = --version ] && echo temporal-lens 9 && exit', *lines]))
    path.chmod(0o755)
    return path


def test_the_command_line_is_called(tmp_path, analysis):
    result, given = tmp_path / "made.json", tmp_path / "given.txt"
    analysis.save(result)
    shift = 'while [ "$1" != --text-file ]; do shift; done'
    program = program_of(tmp_path / "temporal-lens", shift, f'cp "$2" "{given}"', f'cp "{result}" "$4"')
    # Longer than what a command line may be, and what would be an option there.
    for text in ("-a text\r\n", "\ufeffa", "tide " * 60_000):
        assert tl.analyze(text, pack=tmp_path, program=program).document == analysis.document
        assert given.read_bytes() == b"\xef\xbb\xbf" + text.encode()


@pytest.mark.parametrize(
    "lines, said",
    [
        (["echo 'loading' >&2", "echo 'temporal-lens: there is no pack' >&2", "exit 1"], "^temporal-lens: there is no pack$"),
        (
            ["""printf "error: invalid value 'tpu' for '--device <DEVICE>'\\n  [possible values: cpu, gpu]\\n\\n  tip: a similar value\\n\\nFor more information, try '--help'.\\n" >&2""", "exit 2"],
            r"^error: invalid value 'tpu' for '--device <DEVICE>' \[possible values: cpu, gpu\]$",
        ),
        (['echo "temporal-lens: $5: 9,000 tokens are too many" >&2', "exit 1"], "^temporal-lens: text: 9,000 tokens are too many$"),
        (["exit 3"], "^temporal-lens ended with 3$"),
        (["exit 0"], "^temporal-lens ended with 0 and wrote no result$"),
    ],
)
def test_what_the_command_line_says_is_told(tmp_path, lines, said):
    program = program_of(tmp_path / "temporal-lens", *lines)
    with pytest.raises(RuntimeError, match=said):
        tl.analyze("a", pack=tmp_path, program=program, device="tpu")


@pytest.mark.parametrize("lines", [["#!/bin/sh", "echo 'ls: no option' >&2", "exit 2"], ["#!/bin/sh", "exit 0"], ["\x7fELF"], ["#!/absent"]])
def test_another_program_is_not_taken_for_the_command_line(tmp_path, lines):
    other = tmp_path / "other"
    other.write_text("\n".join(lines))
    other.chmod(0o755)
    with pytest.raises(RuntimeError, match="^program: .*other (is not the command line temporal-lens|cannot be run)"):
        tl.analyze("a", pack=tmp_path, program=other)


def test_the_package_ships_its_types_and_its_page():
    folder = Path(tl.__file__).parent
    assert (folder / "py.typed").is_file()
    assert _html._KIND in tl.one_file(tl.load(EXAMPLE))
