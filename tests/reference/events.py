"""Runs the stories and texts of the event tests through the default model and keeps what the tests need.

    python tests/reference/events.py --program target/release/temporal-lens --pack DIR

Writes tests/fixtures/events/grams.json: for each text but those of the development half its tokens, the positions
of the first tokens of all its events but the first, and of the predictable codes, the novel codes and the residual stream (BOS left out,
centered again) the squared norms as base64 f32 and the cosines above the diagonal as base64 i8 (127 is 1).
"""

import argparse
import base64
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "events"


def analyze(program: Path, pack: Path, text: str) -> dict:
    """The analysis document of a text."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "analysis.json"
        command = [program, "analyze", "--device", "cpu", "--model", pack, "--text", text, "--json", out]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return json.loads(out.read_text())


def boundaries(tokens: list[str], events: list[str], between: str) -> list[int]:
    """For every event but the first, the position of the token with its first character."""
    begins, places, length = [], [], 0
    for event in events[:-1]:
        length += len(event) + len(between)
        begins.append(length)
    covered = 0
    for position, token in enumerate(tokens[1:], start=1):
        covered += len(token)
        while len(places) < len(begins) and covered > begins[len(places)]:
            places.append(position)
    if len(places) < len(begins):
        raise SystemExit("an event has no token")
    return places


def compact(gram: str, size: int) -> dict:
    """Norms and cosines of a document's Gram matrix."""
    matrix = np.zeros((size, size))
    matrix[np.triu_indices(size)] = np.frombuffer(base64.b64decode(gram), "<f4")
    matrix = (matrix + np.triu(matrix, 1).T)[1:, 1:]
    matrix -= matrix.mean(0)[None] + matrix.mean(0)[:, None] - matrix.mean()
    squares = np.maximum(np.diag(matrix), 1e-20)
    cosines = (matrix / np.sqrt(np.outer(squares, squares)))[np.triu_indices(size - 1, 1)]
    encode = lambda values: base64.b64encode(values.tobytes()).decode()
    return {
        "squares": encode(squares.astype("<f4")),
        "cosines": encode(np.clip(np.round(cosines * 127), -127, 127).astype("i1")),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True, help="the command line program")
    parser.add_argument("--pack", type=Path, required=True, help="folder of the default pack")
    args = parser.parse_args()
    texts = [
        {"name": story["name"], "half": "story", "between": " ", "events": [story["first"], story["second"]]}
        for story in json.loads((FOLDER / "stories.json").read_text())
    ] + [text for text in json.loads((FOLDER / "texts.json").read_text()) if text["half"] != "development"]
    lines = []
    for text in texts:
        document = analyze(args.program, args.pack, text["between"].join(text["events"]))
        tokens = document["tokens"]
        kept = {
            "name": text["name"],
            "half": text["half"],
            "boundaries": boundaries(tokens, text["events"], text["between"]),
            "tokens": tokens,
        }
        for source in ("predictable", "novel", "residual"):
            kept[source] = compact(document["grams"][source], len(tokens))
        lines.append(json.dumps(kept, ensure_ascii=False))
    (FOLDER / "grams.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
