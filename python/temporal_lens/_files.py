"""Files in and out: what is read is JSON as the page reads it, what is written is there whole or not at all."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Dict, List, NoReturn, Tuple, Union

from ._arrays import kind

PathLike = Union[str, "os.PathLike[str]"]

#: Marks at a file's start, the longer ones first: one of UTF-32 begins as one of UTF-16 does.
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)


def path_of(name: str, path: PathLike) -> str:
    """A file's path as a string. Raises ``TypeError`` where it is something else, ``ValueError`` where it is empty or an address."""
    try:
        found = os.fspath(path)
    except TypeError:
        found = None
    if not isinstance(found, str):
        raise TypeError(f"{name}: this is {kind(path)}; it has to be the path of a file")
    if not found:
        raise ValueError(f"{name}: it is empty; name a file")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", found):
        raise ValueError(f"{name}: {found!r} is an address; it has to be a file: download it, and name that")
    return found


def read_json(path: PathLike, name: str = "path") -> Any:
    """What a file of JSON says."""
    named = path_of(name, path)
    if os.path.isdir(named):
        raise IsADirectoryError(f"{named}: it is a folder; name a file in it")
    data = Path(named).read_bytes()
    try:
        text = data.decode(next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{named}: it is not JSON: not text ({error})") from None
    if not text.strip():
        raise ValueError(f"{named}: it is empty: save or download it again")
    _not_another(named, text)
    try:
        return json.loads(text, parse_constant=_no_number, object_pairs_hook=_once)
    except RecursionError:
        raise ValueError(f"{named}: it is not a file of Temporal Lens's: its lists lie too deep in each other") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{named}: it is not JSON, or only a part of it ({error})") from None
    except ValueError as error:
        raise ValueError(f"{named}: {error}") from None


def _not_another(path: str, text: str) -> None:
    """Refuses what is in a file's place: pages begin like no JSON, and one of them is the project's own."""
    head = text[:4096].lstrip().lower()
    if head.startswith("version https://git-lfs.github.com/spec/"):
        raise ValueError(f"{path}: it is a Git LFS pointer, not the file itself: run git lfs pull in the repository")
    if not head.startswith(("<!doctype html", "<html", "<head")):
        return
    if '<meta name="temporal-lens' in text:
        raise ValueError(f"{path}: it is the page itself, as one file or as a site has it: open it in a browser; the saved analysis is the .json")
    raise ValueError(f"{path}: it is a page of the web (HTML), not the file itself: download it again")


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"it has {name}, which is not a number of JSON, though Python writes it; put a number or null in its place")


def _once(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"it has the field {twice!r:.60} twice in one object")
    return found


def as_json(name: str, value: Any) -> str:
    """``value`` as it stands in a file. It may have been changed since it was checked."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"{name}: one of its strings holds half a character (a lone surrogate), which no file can hold") from None
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: it cannot be written as JSON ({error})") from None
    return text


def write_whole(path: PathLike, text: str) -> None:
    """Writes a file beside its place and moves it there. Errors have the name that was given, not that of the unfinished file."""
    named = path_of("path", path)
    place = Path(named)
    if place.is_dir():
        raise IsADirectoryError(f"{named}: it is a folder; name a file in it")
    if not place.parent.is_dir():
        raise FileNotFoundError(f"{named}: there is no folder {place.parent}")
    # Moved there, a file would take the place of a device such as /dev/null.
    if place.exists() and not place.is_file():
        raise ValueError(f"{named}: it is a device or a pipe; name a file")
    unfinished = place.with_name(f"{place.name}.{os.getpid()}.unfinished")
    try:
        try:
            unfinished.write_bytes(text.encode("utf-8"))
            os.replace(unfinished, place)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise OSError(error.errno, error.strerror, named) from None
