"""The class TemporalSAE of SAELens.

Where the whole package can be imported, it is. It asks for a newer torch than Debian has, and for datasets, transformers and more,
none of which this class computes with. There, the package's own file of the class runs on its own files of the class's
base, with these put in their places:

- packages that download or train: empty ones;
- ``scaled_dot_product_attention``, public since torch 2.0: the same function under the name that torch 1.13 has for it.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import logging
import sys
import types

import torch

#: What the class's files import and do not compute with.
ABSENT = ("transformers", "requests", "huggingface_hub", "transformer_lens.utils")


class _Empty(types.ModuleType):
    """A module in which every name is a class without anything."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class _Absent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        is_absent = any(name == absent or name.startswith(f"{absent}.") for absent in ABSENT)
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if is_absent else None

    def create_module(self, spec):
        return _Empty(spec.name)

    def exec_module(self, module):
        pass


def _package(name, **names):
    """The package without what its ``__init__`` imports."""
    found = importlib.util.find_spec(name)
    if found is None:
        raise ImportError(f"{name} is not installed: cargo xtask test installs it")
    package = types.ModuleType(name)
    package.__path__ = list(found.submodule_search_locations)
    package.__dict__.update(names)
    sys.modules[name] = package


def _attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False):
    return torch.nn.functional._scaled_dot_product_attention(query, key, value, attn_mask, float(dropout_p), False, is_causal)[0]


try:
    from sae_lens import TemporalSAE, TemporalSAEConfig

except ImportError:
    for _name in [name for name in sys.modules if name.split(".")[0] in ("sae_lens", "transformer_lens", *ABSENT)]:
        del sys.modules[_name]
    sys.meta_path.insert(0, _Absent())
    _package("transformer_lens")
    _package("sae_lens", logger=logging.getLogger("sae_lens"), __version__="")
    from transformer_lens.hook_points import HookedRootModule

    _base = types.ModuleType("transformer_lens.HookedTransformer")
    _base.HookedRootModule = HookedRootModule
    sys.modules[_base.__name__] = _base
    if not hasattr(torch.nn.functional, "scaled_dot_product_attention"):
        torch.nn.functional.scaled_dot_product_attention = _attention
    from sae_lens.registry import register_sae_class
    from sae_lens.saes.temporal_sae import TemporalSAE, TemporalSAEConfig

    # The last lines of the package's __init__.
    register_sae_class("temporal", TemporalSAE, TemporalSAEConfig)

__all__ = ["TemporalSAE", "TemporalSAEConfig"]
