"""Runs a notebook in a kernel of this Python and writes what it became as HTML: execute.py NOTEBOOK OUT.html. Prints its outputs as
JSON: for every cell of code, what it printed and the kinds of its results."""

import json
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter


def outputs(cell):
    printed = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    return {"printed": printed, "kinds": [sorted(output.data) for output in cell.outputs if "data" in output]}


def main():
    source, out = map(Path, sys.argv[1:])
    notebook = nbformat.read(source, as_version=4)
    nbformat.validate(notebook)
    committed = [cell for cell in notebook.cells if cell.cell_type == "code" and (cell.outputs or cell.execution_count)]
    if committed:
        sys.exit(f"{source} is committed with outputs")
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    page, _ = HTMLExporter(template_name="lab").from_notebook_node(notebook)
    out.write_text(page, encoding="utf-8")
    print(json.dumps([outputs(cell) for cell in notebook.cells if cell.cell_type == "code"]))


if __name__ == "__main__":
    main()
