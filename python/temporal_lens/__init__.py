"""Temporal Lens in Python: what a TemporalSAE says of a text, shown in a notebook and saved as one file.

>>> import temporal_lens as tl
>>> analysis = tl.from_tensors(tokens=tokens, residual=x, pred_codes=pred, novel_codes=novel, recons=recons)
>>> tl.show(analysis)
>>> tl.save_html(analysis, "story.html")
"""

from ._analysis import Analysis, TokenWords, load, save
from ._command import analyze
from ._html import one_file, save_html
from ._show import Shown, show
from ._tensors import from_saelens, from_tensors

__version__ = "0.1.0"
__all__ = ["Analysis", "Shown", "TokenWords", "analyze", "from_saelens", "from_tensors", "load", "one_file", "save", "save_html", "show"]
