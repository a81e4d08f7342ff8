"""What the `tokenizers` library makes of many strings with Gemma's tokenizer.json.

    python tests/reference/tokenizer_ids.py --tokenizer tokenizer.json [--gemma2-tokenizer tokenizer.json]

Writes tests/fixtures/tokenizer/gemma3-ids.json and gemma2-ids.json. The tokenizers themselves are not
committed. Texts are those below, cuts of the project's own text and of the passages of heldout.jsonl,
and mixtures and letters at random, always the same.
"""

import argparse
import hashlib
import json
import random
import unicodedata
from pathlib import Path

import tokenizers

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"

PLAIN = [
    "Once upon a time, a little girl named Alice loved looking at the night sky.",
    "The quick brown fox jumps over the lazy dog. This sentence contains every letter of the alphabet.",
    "Hello",
    " Hello",
    "hello world",
    "HELLO WORLD",
    "don't won't I'd we've it's y'all's",
    "“Curly quotes” and ‘single ones’ — an em dash… an ellipsis",
    "e.g. i.e. Dr. Smith's U.S.A. Ph.D.",
    "a",
    ".",
    "?!?!...,,,;;;",
    "(nested [brackets {of <every> kind}])",
    "https://example.com/a/b?c=d&e=f#g",
    "someone@example.com",
    "#hashtag @mention $100 50% a&b a/b a\\b",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
    "ThisIsCamelCase this_is_snake_case this-is-kebab-case",
]
NUMBERS = [
    "0",
    "1234567890",
    "3.14159 -2.5e-10 1,000,000 0x1F 0b1010",
    "12:34:56 2024-02-29 +1 (555) 010-0100",
    "١٢٣٤٥ ०१२३ ๑๒๓ １２３ Ⅷ ½ ²³",
    "1 2 3  4   5",
]
WHITESPACE = [
    "",
    " ",
    "  ",
    "   ",
    " " * 16,
    " " * 31,
    " " * 32,
    " " * 63,
    " " * 200,
    "\t",
    "\t\t",
    "\t" * 31,
    "\t" * 40,
    "\n",
    "\n\n",
    "\n\n\n",
    "\n" * 31,
    "\n" * 50,
    "\r",
    "\r\n",
    "\r\n\r\n",
    "\n\r",
    " \n",
    "\n ",
    " \t \n \r\n ",
    "a b",
    "a  b",
    "a   b",
    "a b ",
    " a b",
    "  a  b  ",
    "trailing space ",
    "trailing newline\n",
    "line one\nline two\n\nline four",
    "line one\r\nline two\r\n\r\nline four",
    "old Mac\rline ends\r",
    "tab\tseparated\tvalues",
    "\tindented\n\t\ttwice\n    four spaces",
    "no\u00a0break\u202fnarrow\u2003em\u3000ideographic",
    "zero\u200bwidth\u200cjoin\u200ders\u2060word\ufeffjoiner",
    "\u2028line\u2029paragraph\u0085next",
    "\u000bvertical\u000cfeed",
    "▁",
    "▁▁",
    "a▁b",
    " ▁ a",
]
CONTROL = [
    "\u0000",
    "a\u0000b",
    "\u0000\u0000\u0000",
    "\u0001\u0002\u0003\u0007\u0008\u001b[31mred\u001b[0m\u007f",
    "\u0080\u0090\u009f",
    "\ufeffwith a byte order mark",
    "\ufffd",
    "\uffff\ufffe",
    "\ue000 private use \U000f0000",
    "\u202eright to left override\u202c",
    "\u00adsoft\u00adhyphen",
]
SCRIPTS = [
    "Привет, мир! Как дела?",
    "Γειά σου Κόσμε",
    "שלום עולם, מה שלומך?",
    "مرحبا بالعالم، كيف حالك؟",
    "नमस्ते दुनिया, आप कैसे हैं?",
    "হ্যালো বিশ্ব",
    "வணக்கம் உலகம்",
    "สวัสดีชาวโลก คุณสบายดีไหม",
    "你好,世界!今天天气怎么样?",
    "繁體中文與简体中文",
    "こんにちは世界。カタカナとひらがなと漢字",
    "안녕하세요 세계, 잘 지내세요?",
    "Xin chào thế giới",
    "Merhaba dünya, İstanbul ıssız",
    "Größe, Straße, Ärger, ẞ",
    "Ça va? Où est l'œuvre naïve de Noël?",
    "¿Dónde está el niño? ¡Aquí!",
    "Zażółć gęślą jaźń",
    "Příliš žluťoučký kůň úpěl ďábelské ódy",
    "გამარჯობა მსოფლიო",
    "Բարեւ աշխարհ",
    "ሰላም ልዑል",
    "ᓄᓇᕗᑦ ᐃᓄᒃᑎᑐᑦ",
    "ᚠᚢᚦᚨᚱᚲ runes 𐍈𐌰 gothic 𒀀𒁀 cuneiform 𓀀𓁐",
    "mixed日本語andEnglishと русский",
    "𠮷野家 𪚥 rare ideographs",
    "ꦲꦏ꧀ꦱꦫ ᬅᬓ᭄ᬱᬭ ꓡꓲꓢꓴ",
]
COMBINING = [
    "é e\u0301 \u00e9",
    "a\u0300\u0301\u0302\u0303\u0304",
    "Z\u0351\u036b\u0343a\u0363l\u034fg\u0348o\u0321",
    "ﬁ ﬂ ﬀ ligatures, ｆｕｌｌｗｉｄｔｈ, ℌ𝔢𝔩𝔩𝔬 𝓌ℴ𝓇𝓁𝒹",
    "क्षि त्र ज्ञ",
    "각 \u1100\u1161\u11a8",
    "İ i\u0307 ı",
    "Å \u212b A\u030a",
    "\u0301 alone",
]
EMOJI = [
    "😀",
    "🙂🙃🙂",
    "I ❤️ you ❤",
    "👩‍🚀",
    "👨‍👩‍👧‍👦",
    "👍🏽 👋🏿",
    "🏳️‍🌈 🏴‍☠️",
    "🇩🇪🇯🇵🇧🇷",
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "1️⃣ #️⃣ *️⃣",
    "🌙✨ the night sky 🌌",
    "🫠🪿🫨",
    "☕︎ ☕️ text and emoji style",
    "→ ⇒ ∀x∈ℝ: √x² ≥ 0 ∧ ∞ ≠ π",
    "♔♕♖ ♠♥ ①② ░▒▓█ ┌─┐",
]
SPECIAL = [
    "<bos>",
    "<eos>",
    "<pad>",
    "<unk>",
    "<mask>",
    "<bos><bos>",
    "a<bos>b",
    "a <bos> b",
    "<start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n",
    "<unused3>",
    "text <unused3> text<unused99>",
    "<start_of_image><end_of_image>",
    "[multimodal]",
    "[@BOS@]",
    "<BOS>",
    "< bos >",
    "<bos",
    "bos>",
    "<|endoftext|> <s> </s> [CLS] [SEP]",
    "<0x41>",
    "<0x00><0xFF>",
    "<table><tr><td>cell</td></tr></table>",
    "<h1>Title</h1><p>a<br>b</p>",
    "<strong>bold</strong> <em>em</em> <code>x</code> <blockquote>",
    "\n\n<bos>\n\n",
    "   <eos>   ",
    "\u200b<unk>\u200b",
]
CODE = [
    "def f(x):\n\treturn x * x  # squared\n",
    "fn main() {\n    println!(\"{}\", 1 + 2);\n}\n",
    "for (int i = 0; i < n; ++i) { a[i] += b[i] << 2; }",
    "SELECT * FROM t WHERE a <> 'b' AND c IS NOT NULL; -- comment",
    "{\"key\": [1, 2.5, null, true], \"nested\": {\"a\": \"b\\n\"}}",
    "<div class=\"a b\">&nbsp;&lt;text&gt;</div>",
    "x => x?.y ?? `${z}`",
    "#!/bin/sh\nset -e\ngrep -rn 'a\\|b' . | awk '{print $1}'\n",
    "        if a:\n                    b()\n",
    "\\frac{a}{b} \\sum_{i=0}^{\\infty} x_i",
    "=====\n-----\n*****\n#####",
    "0" * 60,
]
LONG = [
    "a" * 300,
    "ab" * 100,
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch",
    "ha" * 50 + "!" * 50,
    "é" * 100,
    "\U0001f600" * 40,
    "ATGC" * 60,
    "The harbour was grey that morning.  Two boats came in with the tide.\n\n" * 6,
]


# Blocks of Unicode of which letters, marks, digits and signs are drawn.
BLOCKS = [
    (0x0020, 0x007E), (0x00A0, 0x00FF), (0x0100, 0x024F), (0x0250, 0x02AF), (0x0300, 0x036F), (0x0370, 0x03FF),
    (0x0400, 0x052F), (0x0530, 0x058F), (0x0590, 0x05FF), (0x0600, 0x06FF), (0x0700, 0x074F), (0x0780, 0x07BF),
    (0x0900, 0x097F), (0x0980, 0x09FF), (0x0A00, 0x0A7F), (0x0A80, 0x0AFF), (0x0B00, 0x0B7F), (0x0B80, 0x0BFF),
    (0x0C00, 0x0C7F), (0x0C80, 0x0CFF), (0x0D00, 0x0D7F), (0x0D80, 0x0DFF), (0x0E00, 0x0E7F), (0x0E80, 0x0EFF),
    (0x0F00, 0x0FFF), (0x1000, 0x109F), (0x10A0, 0x10FF), (0x1100, 0x11FF), (0x1200, 0x137F), (0x13A0, 0x13FF),
    (0x1400, 0x167F), (0x1780, 0x17FF), (0x1800, 0x18AF), (0x1E00, 0x1EFF), (0x1F00, 0x1FFF), (0x2000, 0x206F),
    (0x2070, 0x209F), (0x20A0, 0x20CF), (0x2100, 0x214F), (0x2150, 0x218F), (0x2190, 0x21FF), (0x2200, 0x22FF),
    (0x2300, 0x23FF), (0x2500, 0x25FF), (0x2600, 0x27BF), (0x2800, 0x28FF), (0x2E80, 0x2FDF), (0x3000, 0x303F),
    (0x3040, 0x30FF), (0x3100, 0x318F), (0x4E00, 0x9FFF), (0xA000, 0xA48F), (0xAC00, 0xD7A3), (0xE000, 0xF8FF),
    (0xF900, 0xFAFF), (0xFB00, 0xFDFF), (0xFE00, 0xFE2F), (0xFF00, 0xFFEF), (0x10000, 0x100FF), (0x12000, 0x123FF),
    (0x13000, 0x1342F), (0x1D400, 0x1D7FF), (0x1F300, 0x1F64F), (0x1F680, 0x1F6FF), (0x1F900, 0x1FAFF),
    (0x20000, 0x2A6DF), (0xE0100, 0xE01EF),
]  # fmt: skip
# The project's own text, of which pieces are cut; these files seldom change, and need not stay as they are.
OWN = ["README.md", "docs/pack-format.md", "crates/pack/src/block.rs", "web/start.js", "tests/reference/temporal_sae.py"]


def letters(chance: random.Random) -> list[str]:
    """Words of one block each, single characters of all, and marks that belong to nothing."""
    texts = []
    for first, last in BLOCKS:
        assigned = [chr(c) for c in range(first, last + 1) if unicodedata.category(chr(c)) not in ("Cn", "Cs")]
        words = ("".join(chance.choices(assigned, k=chance.randint(1, 9))) for _ in range(chance.randint(4, 9)))
        texts += [" ".join(words), "".join(chance.choices(assigned, k=25))]
    everything = [chr(c) for first, last in BLOCKS for c in range(first, last + 1)]
    texts += ["".join(chance.choices(everything, k=30)) for _ in range(40)]
    marks = [chr(c) for c in range(0x300, 0x370)] + ["\u093e", "\u0e31", "\u064b", "\u20dd", "\ufe0f", "\u200d"]
    texts += ["".join(chance.choices(marks, k=4)) + chance.choice(["", "a", " ", "\n", "1"]) for _ in range(30)]
    return texts


def mixtures(chance: random.Random) -> list[str]:
    """Parts of the lists above one after the other: white space, special tokens and bytes meet words."""
    parts = [*WHITESPACE, *SPECIAL, *EMOJI, *COMBINING, *CONTROL, *NUMBERS, *SCRIPTS, *CODE, *PLAIN, "a", "the", " "]
    short = [part[:24] for part in parts if part]
    texts = ["".join(chance.choices(short, k=chance.randint(2, 8))) for _ in range(220)]
    blanks = [" ", "\t", "\n", "\r", "\r\n", "\u00a0", "\u3000", "▁", "x"]
    texts += ["".join(chance.choice(blanks) * chance.randint(1, 40) for _ in range(4)) for _ in range(60)]
    digits = ["0123456789", "٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "０１２３４５６７８９", "0123456789abcdef", "0123456789.,-+eE "]
    texts += ["".join(chance.choices(chance.choice(digits), k=chance.randint(1, 60))) for _ in range(60)]
    texts += [f"<unused{n}> <0x{n:02X}><0x{255 - n:02x}>" for n in range(0, 99, 9)]
    # Words far longer than any piece.
    syllables = ["ko", "ni", "tra", "sche", "le", "ung", "ção", "ство", "ing", "ation", "ß", "'", "-", "ラ"]
    texts += ["".join(chance.choices(syllables, k=chance.randint(40, 160))) for _ in range(30)]
    return texts


def cuts(chance: random.Random, source: str, number: int, longest: int) -> list[str]:
    """Cuts of a text at any place, the middle of a word included."""
    starts = [chance.randrange(max(1, len(source) - longest)) for _ in range(number)]
    return [source[start : start + chance.randint(longest // 8, longest)] for start in starts]


def all_texts() -> list[str]:
    """The same in every run, none of them twice."""
    chance = random.Random(2511)
    texts = [*PLAIN, *NUMBERS, *WHITESPACE, *CONTROL, *SCRIPTS, *COMBINING, *EMOJI, *SPECIAL, *CODE, *LONG]
    assert len(texts) == len(set(texts))
    texts += letters(chance) + mixtures(chance)
    for name in OWN:
        texts += cuts(chance, (FIXTURES.parent.parent / name).read_text(encoding="utf-8"), 40, 240)
    for line in (FIXTURES / "heldout.jsonl").read_text(encoding="utf-8").splitlines():
        texts += [json.loads(line)["text"], *cuts(chance, json.loads(line)["text"], 12, 160)]
    return list(dict.fromkeys(texts))


def generate(tokenizer_file: Path, model: str, out: Path) -> None:
    """Writes the ids into the file `out`."""
    tokenizer = tokenizers.Tokenizer.from_file(str(tokenizer_file))
    cases = [{"text": text, "ids": tokenizer.encode(text, add_special_tokens=True).ids} for text in all_texts()]
    assert all(case["ids"][0] == 2 for case in cases)
    sha256 = hashlib.sha256(tokenizer_file.read_bytes()).hexdigest()
    # One case a line; everything but ASCII escaped, so that no editor or checkout changes a byte.
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(
        "{\n"
        '"note": "Made by tests/reference/tokenizer_ids.py: the `tokenizers` library '
        f'{tokenizers.__version__} with the tokenizer.json of {model}, add_special_tokens=True.",\n'
        f'"tokenizer_sha256": "{sha256}",\n"cases": [\n{lines}\n]\n}}\n'
    )
    json.loads(out.read_text())
    print(f"{out.name}: {len(cases)} strings, {sum(len(c['ids']) for c in cases)} ids, {out.stat().st_size} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", type=Path, required=True, help="Gemma 3's tokenizer.json")
    parser.add_argument("--gemma2-tokenizer", type=Path, help="Gemma 2's tokenizer.json")
    args = parser.parse_args()
    generate(args.tokenizer, "Gemma 3", FIXTURES / "tokenizer" / "gemma3-ids.json")
    if args.gemma2_tokenizer:
        generate(args.gemma2_tokenizer, "Gemma 2", FIXTURES / "tokenizer" / "gemma2-ids.json")


if __name__ == "__main__":
    main()
