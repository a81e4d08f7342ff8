"""Files in and out, and what a notebook is given."""

import base64
import json
import re
import zlib
from pathlib import Path

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
    assert shipped.events[0]["first"] == 1 and "tide" in shipped.words[3]["predictable"]


def test_half_a_file_and_other_versions_are_refused(analysis, tmp_path):
    path = tmp_path / "half.json"
    path.write_text(json.dumps(analysis.document)[:4000])
    with pytest.raises(ValueError, match="half.json: it is no JSON, or only a part of it"):
        tl.load(path)
    for change, said in [
        ({"format": "temporal-lens-analysis/9"}, "its format is 'temporal-lens-analysis/9'"),
        ({"l0_pred": [1]}, "l0_pred has 1 entries for 33 tokens"),
        ({"grams": {"novel": "AAAA"}}, "no base64 of 32-bit floats"),
        ({"grams": {"novel": "AAAAAA=="}}, "grams.novel has 1 numbers; 33 tokens have 561"),
    ]:
        path.write_text(json.dumps({**analysis.document, **change}))
        with pytest.raises(ValueError, match=said):
            tl.load(path)
    del analysis.document["tokens"]
    path.write_text(json.dumps(analysis.document))
    with pytest.raises(ValueError, match="it has no tokens"):
        tl.load(path)


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
    with pytest.raises(ValueError, match="no template"):
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


def test_a_text_needs_a_page():
    with pytest.raises(ValueError, match="page"):
        tl.show("Once upon a time")
    with pytest.raises(ValueError, match="no https address"):
        tl.show("Once upon a time", page="javascript:alert(1)")
    assert 'src="https://example.org/?embed=true&amp;text=a%20%22b"' in tl.show('a "b', page="https://example.org/").markup
    with pytest.raises(TypeError, match="no view of a int"):
        tl.show(3)


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
