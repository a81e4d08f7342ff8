"""What the `tokenizers` library makes of many strings with Gemma 3's tokenizer.json.

    python tests/reference/tokenizer_ids.py --tokenizer tokenizer.json

Writes tests/fixtures/tokenizer/gemma3-ids.json. The tokenizer itself is not committed.
"""

import argparse
import hashlib
import json
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


def generate(tokenizer_file: Path, out: Path) -> None:
    """Writes the ids into the file `out`."""
    tokenizer = tokenizers.Tokenizer.from_file(str(tokenizer_file))
    texts = [*PLAIN, *NUMBERS, *WHITESPACE, *CONTROL, *SCRIPTS, *COMBINING, *EMOJI, *SPECIAL, *CODE, *LONG]
    assert len(texts) == len(set(texts))
    cases = [{"text": text, "ids": tokenizer.encode(text, add_special_tokens=True).ids} for text in texts]
    assert all(case["ids"][0] == 2 for case in cases)
    sha256 = hashlib.sha256(tokenizer_file.read_bytes()).hexdigest()
    # One case a line; everything but ASCII escaped, so that no editor or checkout changes a byte.
    lines = ",\n".join(json.dumps(case) for case in cases)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(
        "{\n"
        '"note": "Made by tests/reference/tokenizer_ids.py: the `tokenizers` library '
        f'{tokenizers.__version__} with the tokenizer.json of Gemma 3, add_special_tokens=True.",\n'
        f'"tokenizer_sha256": "{sha256}",\n"cases": [\n{lines}\n]\n}}\n'
    )
    json.loads(out.read_text())
    print(f"{len(cases)} strings, {sum(len(c['ids']) for c in cases)} ids")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=FIXTURES / "tokenizer" / "gemma3-ids.json")
    args = parser.parse_args()
    generate(args.tokenizer, args.out)


if __name__ == "__main__":
    main()
