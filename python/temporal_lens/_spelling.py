"""Whether a text is that of its tokens. Tokenizers write spaces, bytes and what they do not know in ways of their own, change case and
drop accents; so only a text that has next to nothing in common with its tokens is another one."""

from __future__ import annotations

import re
import unicodedata
from typing import Dict, Sequence, Set

#: Letters that are compared at once: few texts on other things share one so long.
_LETTERS = 6
#: Of the letters' groups, in the text or the tokens, whichever has fewer: so many are the same, at least. A text and its own tokens share
#: nearly all, texts on other things a few in a hundred.
_SHARE = 0.2
#: More unknown tokens than this leave too little to compare.
_UNKNOWN_MAX = 0.1
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_UNKNOWN = ("<unk>", "[UNK]", "<|unk|>")
#: A start, an end, a turn of a chat.
_SPECIAL = re.compile(r"<[^<>\s]+>|\[[A-Z]+\]")


def is_of(text: str, tokens: Sequence[str]) -> bool:
    """Whether ``text`` may be the text of ``tokens``."""
    unknown = sum(token in _UNKNOWN or "\ufffd" in token for token in tokens)
    if unknown > _UNKNOWN_MAX * len(tokens):
        return True
    ours, theirs = _letters(text), _letters(_joined(tokens))
    length = min(_LETTERS, len(ours), len(theirs))
    if length == 0:
        return True
    few, many = sorted((_groups(ours, length), _groups(theirs, length)), key=len)
    return len(few & many) >= _SHARE * len(few) or unknown > 0 and len(few) < 2 * _LETTERS


def _groups(letters: str, length: int) -> Set[str]:
    return {letters[at : at + length] for at in range(len(letters) - length + 1)}


def _letters(text: str) -> str:
    """Letters and digits alone, without case and accents."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", text).casefold() if letter.isalnum())


def _joined(tokens: Sequence[str]) -> str:
    # GPT-2's tokenizer, and those after it, write every byte as a letter, and a space as this one.
    letters = _letters_of_bytes() if any("Ġ" in token or "Ċ" in token for token in tokens) else {}
    data = bytearray()
    for token in tokens:
        byte = _BYTE.fullmatch(token)
        if byte:
            data.append(int(byte[1], 16))
        elif _SPECIAL.fullmatch(token):
            data += b" "
        elif letters and all(letter in letters for letter in token):
            data += bytes(letters[letter] for letter in token)
        else:
            data += token.replace("▁", " ").encode("utf-8")
    return data.decode("utf-8", "replace")


def _letters_of_bytes() -> Dict[str, int]:
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = {chr(byte): byte for byte in printed}
    others = (byte for byte in range(256) if byte not in printed)
    letters.update({chr(0x100 + at): byte for at, byte in enumerate(others)})
    return letters
