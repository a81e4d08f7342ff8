"""One file that shows an analysis: the page, packed, with the analysis put into it. The command line and the page fill the same
template (crates/view/src/export/one_file.rs)."""

from __future__ import annotations

import base64
import html
import os
import re
import zlib
from importlib import resources
from pathlib import Path
from typing import Any, Dict, List, Optional, Union

from ._analysis import Analysis, is_analysis
from ._files import PathLike, as_json, read_json, write_whole
from ._view import query_of

_KIND = "temporal-lens-one-file/1"
_HEAD = "<!--temporal-lens:head-->"
_DATA = "<!--temporal-lens:data-->"
#: The names of the default pack's features, which give way to others.
_NAMES = re.compile("<!--temporal-lens:names-->.*?<!--temporal-lens:names end-->", re.DOTALL)
_DASHBOARDS = "temporal-lens-dashboards/1"
#: Names the template's file where the package was not built with it.
TEMPLATE_VARIABLE = "TEMPORAL_LENS_TEMPLATE"


def template() -> str:
    """The page: the package's own, or the file that ``TEMPORAL_LENS_TEMPLATE`` names."""
    named = os.environ.get(TEMPLATE_VARIABLE)
    if named:
        return Path(named).read_text(encoding="utf-8")
    try:
        return resources.files("temporal_lens").joinpath("one-file.html").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(
            "this temporal_lens has no one-file.html: wheels have it (cargo xtask wheel); "
            f"in a checkout, set {TEMPLATE_VARIABLE} to dist/one-file.html of a built site"
        ) from None


def one_file(analysis: Analysis, view: str = "", features: Optional[Union[PathLike, Dict[str, Any]]] = None) -> str:
    """The whole file. ``view`` is a link's query, such as ``view=path`` (docs/embed.md lists the keys). ``features`` is the index of
    the dashboards of the analysis's pack (``dashboards/index.json`` of a site), or its path: features then have names. Those of the
    default pack have theirs without."""
    is_analysis(analysis)
    page = template()
    for part in (_KIND, _HEAD, _DATA):
        if page.count(part) != 1:
            raise ValueError(f"this is not a template of Temporal Lens's: it has no “{part}”")
    written = analysis.document["format"]
    if f"{written} " not in page and f'{written}"' not in page:
        raise ValueError(f"the template is of another version: it does not read {written}")
    query = query_of(view, _keys(page))
    data = _block("result", analysis.checked(), f' data-query="{html.escape(query)}"' if query else "")
    if features is not None:
        data += _block("features", as_json("features", _index(features, analysis)))
        page = _NAMES.sub("", page)
    return page.replace(_HEAD, _head(analysis)).replace(_DATA, data)


def _keys(page: str) -> List[str]:
    """The parameters of a link, as the template lists them."""
    listed = re.search(r'<meta name="temporal-lens-keys" content="([^"]*)"', page)
    return listed[1].split() if listed else []


def save_html(analysis: Analysis, path: PathLike, view: str = "", features: Optional[Union[PathLike, Dict[str, Any]]] = None) -> None:
    """Writes one file that shows the analysis wherever it is opened, without a network; ``view`` and ``features`` are
    :func:`one_file`'s."""
    write_whole(path, one_file(analysis, view, features))


def _block(name: str, json: str, attributes: str = "") -> str:
    packed = base64.b64encode(zlib.compress(json.encode("utf-8"), 9))
    return f'<script type="application/octet-stream" id="temporal-lens-{name}"{attributes}>{packed.decode("ascii")}</script>\n'


def _index(features: Union[PathLike, Dict[str, Any]], analysis: Analysis) -> Dict[str, Any]:
    index = features if isinstance(features, dict) else read_json(features, "features")
    found = index.get("format") if isinstance(index, dict) else None
    if found != _DASHBOARDS:
        raise ValueError(f"features: its format is {found!r}; an index of dashboards is {_DASHBOARDS}")
    if index.get("pack_hash") != analysis.document["model"]["pack_hash"]:
        raise ValueError("features: they are of another pack than the analysis was made with")
    return index


def _head(analysis: Analysis) -> str:
    text = " ".join(analysis.text.split())
    title, description = f"{_cut(text, 60)} · Temporal Lens", _cut(text, 300)
    model = analysis.document["model"]
    reader = f"{model['name']}, layer {model['layer']}, {model['precision']}"
    tags = (
        ("name", "description", description),
        ("property", "og:title", title),
        ("property", "og:description", description),
        ("name", "temporal-lens-model", reader),
        ("name", "temporal-lens-pack-hash", model["pack_hash"]),
    )
    lines = [f'<meta {kind}="{name}" content="{html.escape(str(value))}" />\n' for kind, name, value in tags]
    return f"<title>{html.escape(title)}</title>\n" + "".join(lines)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
