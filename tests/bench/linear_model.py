"""Models of one linear layer for onnxruntime-web: MatMulNBits with q4 weights in blocks of 32.

    python tests/bench/linear_model.py --out FOLDER

For each shape in x out, `linear-INxOUT.data` holds random weights (a fixed seed), as MatMulNBits takes them:
nibbles [out, in / 32, 16] (the first of a pair in the low half, zero at 8), then f32 scales
[out, in / 32]. `linear-INxOUT-LEVEL.onnx` is the layer x [tokens, in] -> y [tokens, out] at an accuracy
level of the operator: 0 lets it choose, 4 allows it to multiply in int8.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

SHAPES = ((640, 2048), (2304, 9216))
ACCURACY_LEVELS = (0, 4)
BLOCK = 32


def external(name: str, data_type: int, dims: tuple[int, ...], file: str, offset: int, length: int) -> TensorProto:
    """An initializer whose bytes lie in `file`."""
    tensor = TensorProto(name=name, data_type=data_type, dims=dims, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", file), ("offset", offset), ("length", length)):
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def write(rows_in: int, rows_out: int, out: Path) -> None:
    rng = np.random.default_rng(0)
    blocks = rows_in // BLOCK
    nibbles = rng.integers(0, 256, (rows_out, blocks, BLOCK // 2), dtype=np.uint8)
    # Outputs of order one: nibbles have a standard deviation of 4.6.
    scales = (rng.uniform(0.5, 1.5, (rows_out, blocks)) / (4.6 * np.sqrt(rows_in))).astype(np.float32)
    name = f"linear-{rows_in}x{rows_out}"
    (out / f"{name}.data").write_bytes(nibbles.tobytes() + scales.tobytes())
    weights = [
        external("q", TensorProto.UINT8, nibbles.shape, f"{name}.data", 0, nibbles.nbytes),
        external("scales", TensorProto.FLOAT, scales.shape, f"{name}.data", nibbles.nbytes, scales.nbytes),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["tokens", rows_in])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["tokens", rows_out])
    for level in ACCURACY_LEVELS:
        node = helper.make_node(
            "MatMulNBits", ["x", "q", "scales"], ["y"], domain="com.microsoft",
            K=rows_in, N=rows_out, bits=4, block_size=BLOCK, accuracy_level=level,
        )
        graph = helper.make_graph([node], name, [x], [y], weights)
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), out / f"{name}-{level}.onnx")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for shape in SHAPES:
        write(*shape, out)


if __name__ == "__main__":
    main()
