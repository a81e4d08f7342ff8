"""The views in a notebook's cell: the single file in a frame. No extension, no network."""

from __future__ import annotations

import html
import os
from typing import Any, Dict, Optional, Union
from urllib.parse import quote, urlsplit, urlunsplit

from ._analysis import Analysis
from ._arrays import kind, utf8_bytes, whole
from ._files import PathLike
from ._html import one_file
from ._view import query_of

#: Pixels.
HEIGHT = 720
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class Shown:
    """What :func:`show` returns: a notebook shows it as the cell's result."""

    def __init__(self, markup: str) -> None:
        self.markup = markup

    def _repr_html_(self) -> str:
        return self.markup

    def _mime_(self) -> "tuple[str, str]":
        # marimo's.
        return ("text/html", self.markup)

    def __repr__(self) -> str:
        return "<Temporal Lens: shown where the notebook shows HTML>"


def show(
    what: Union[Analysis, Dict[str, Any], str],
    *,
    view: str = "",
    height: int = HEIGHT,
    features: Optional[Union[PathLike, Dict[str, Any]]] = None,
    page: Optional[str] = None,
) -> Shown:
    """The views of an analysis in the cell, without a network. ``view`` is what it opens with, as a link says it
    (``"view=path"``), ``height`` the frame's pixels; ``features`` names features, as in :func:`temporal_lens.one_file`.

    A text, instead, opens ``page``, the address of a Temporal Lens site, with the model in the browser. Browsers compute on the
    GPU only in notebooks that are served over https or from this machine.
    """
    height = whole("height", height, 100)
    if isinstance(what, os.PathLike) or isinstance(what, str) and page is None and what.endswith(".json"):
        raise TypeError(f"what: {os.fspath(what)!r} is a file: show(load(path)) shows the analysis in it")
    if isinstance(what, str):
        if features is not None:
            raise ValueError("features: they are for an analysis; a site has those of its own model")
        if not page:
            raise ValueError('page: a text needs the address of a Temporal Lens site, as in show(text, page="https://..."); an analysis needs none')
        if not isinstance(page, str):
            raise TypeError(f"page: this is {kind(page)}; it has to be the address of a site")
        if not what.strip():
            raise ValueError("what: the text is empty")
        if utf8_bytes(what) is None:
            raise ValueError("what: the text holds half a character (a lone surrogate), which no address can hold")
        address = urlsplit(page)
        if not (address.scheme == "https" and address.hostname or address.scheme == "http" and address.hostname in _THIS_MACHINE):
            raise ValueError(f"page: {page!r} is not an https address, nor one of this machine")
        query = "&".join(part for part in ("embed=true", f"text={quote(what)}", query_of(view, ())) if part)
        site = urlunsplit((address.scheme, address.netloc, address.path, query, ""))
        source = f'src="{html.escape(site)}" allow="clipboard-write; cross-origin-isolated"'
        return Shown(_frame(source, height))
    if page is not None:
        raise ValueError("page: an analysis needs none")
    if isinstance(what, dict):
        what = Analysis(what)
    if not isinstance(what, Analysis):
        raise TypeError(f"what: there is no view of {kind(what)}; it is an Analysis, its document or a text")
    return Shown(frame(what, view, height, features))


def frame(
    analysis: Analysis, view: str = "", height: int = HEIGHT, features: Optional[Union[PathLike, Dict[str, Any]]] = None
) -> str:
    """The frame's markup."""
    return _frame(f'srcdoc="{html.escape(one_file(analysis, view, features))}"', height)


def _frame(source: str, height: int) -> str:
    return (
        f'<iframe title="Temporal Lens" {source} '
        f'style="width: 100%; height: {height}px; border: 0; color-scheme: light dark"></iframe>'
    )
