"""Runs the two-event stories through the default model and keeps what the event tests need.

    python tests/reference/events.py --program target/release/temporal-lens --pack DIR

Writes tests/fixtures/events/grams.json: for each story its tokens, the position of the second
event's first token, and the Gram matrix of the residual stream as the analysis document has it.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "events"


def analyse(program: Path, pack: Path, text: str) -> dict:
    """The analysis document of a text."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "analysis.json"
        command = [program, "analyze", "--device", "cpu", "--model", pack, "--text", text, "--json", out]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return json.loads(out.read_text())


def second_event(tokens: list[str], first: str) -> int:
    """Position of the token that begins after the first event's text."""
    covered = 0
    for position, token in enumerate(tokens[1:], start=1):
        if covered >= len(first):
            return position
        covered += len(token)
    raise SystemExit("the second event has no token")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True, help="the command line program")
    parser.add_argument("--pack", type=Path, required=True, help="folder of the default pack")
    args = parser.parse_args()
    lines = []
    for story in json.loads((FOLDER / "stories.json").read_text()):
        document = analyse(args.program, args.pack, story["first"] + " " + story["second"])
        kept = {
            "name": story["name"],
            "boundary": second_event(document["tokens"], story["first"]),
            "tokens": document["tokens"],
            "residual": document["grams"]["residual"],
        }
        lines.append(json.dumps(kept, ensure_ascii=False))
    (FOLDER / "grams.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
