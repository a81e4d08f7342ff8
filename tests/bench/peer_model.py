"""The peer's models of `cargo xtask bench`: the same weights as ours, as ONNX for onnxruntime-web.

    python tests/bench/peer_model.py --gguf MODEL.gguf --tokenizer tokenizer.json --out FOLDER

Writes into FOLDER:

- `peer-ACCURACY.onnx` and `peer-ACCURACY.onnx.data`: the layers up to the target layer, without
  embedding and head, by onnxruntime-genai's model builder for WebGPU (int4, blocks of 32, attention,
  rotary and norms as fused operators), once for each accuracy level of MatMulNBits;
- `peer.json`: the model's sizes, and texts of exactly 18, 141 and 500 tokens with their ids;
- `embedding-TOKENS.bin`: the rows of their tokens, already times sqrt(width), f32 [T, width];
- `hidden-TOKENS.bin`: what PyTorch makes of them in f32, after the final norm, [T, width];
- `hidden-int4-TOKENS.bin`: the same with the export's own int4 weights, which the peer has to reproduce;
- `final-norm.bin`: that norm's weights (the 1 added), f32 [width].
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from tokenizers import Tokenizer
from transformers import Gemma3ForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "reference"))
from gguf_model import load_gguf  # noqa: E402

ALICE = "Once upon a time, a little girl named Alice loved looking at the night sky."
TOKENS = (18, 141, 500)
ACCURACY_LEVELS = (0, 4)


def text_of(tokenizer: Tokenizer, text: str, tokens: int) -> str:
    """The longest beginning of `text` that has exactly `tokens` tokens, BOS included."""
    end = tokenizer.encode(text).offsets[tokens - 1][1]
    for cut in range(end, 0, -1):
        if len(tokenizer.encode(text[:cut]).ids) == tokens:
            return text[:cut]
    raise ValueError(f"no beginning of the text has {tokens} tokens")


def texts(tokenizer: Tokenizer) -> list[dict]:
    """The notebook's sentence, and beginnings of the committed held-out passages."""
    lines = (TESTS / "fixtures" / "heldout.jsonl").read_text().splitlines()
    passages = "\n\n".join(json.loads(line)["text"] for line in lines)
    sources = [ALICE, passages, passages]
    chosen = [text_of(tokenizer, source, tokens) for source, tokens in zip(sources, TOKENS, strict=True)]
    return [{"tokens": t, "text": s, "ids": tokenizer.encode(s).ids} for t, s in zip(TOKENS, chosen, strict=True)]


def truncated(model: Gemma3ForCausalLM, layers: int) -> Gemma3ForCausalLM:
    """The model with its first `layers` layers only."""
    model.model.layers = model.model.layers[:layers]
    model.config.num_hidden_layers = layers
    model.config.layer_types = model.config.layer_types[:layers]
    return model


def int4_weights(model_file: Path) -> dict[str, torch.Tensor]:
    """The matrices [out, in] of an export, dequantized, by the checkpoint's names."""
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(model_file).graph.initializer}
    found = {}
    for name, packed in tensors.items():
        if not name.endswith(".MatMul.weight_Q4"):
            continue
        # Two values a byte, the first in the low half, zero at 8: [out, blocks, 16] bytes.
        values = np.stack((packed & 15, packed >> 4), axis=-1).reshape(*packed.shape[:2], -1).astype(np.float32) - 8
        scales = tensors[name.replace("weight_Q4", "weight_scales")].reshape(*packed.shape[:2], 1)
        found[name.removesuffix(".MatMul.weight_Q4").replace(".attn.", ".self_attn.")] = torch.from_numpy(
            (values * scales).reshape(packed.shape[0], -1)
        )
    return found


@torch.no_grad()
def write_int4_references(model: PreTrainedModel, model_file: Path, chosen: list[dict], out: Path) -> None:
    """What PyTorch makes of the texts with the export's own weights."""
    parameters = dict(model.named_parameters())
    for name, weight in int4_weights(model_file).items():
        if name.endswith(".qkv_proj"):
            names = [name.replace("qkv_proj", f"{part}_proj") for part in "qkv"]
            parts = weight.split([len(parameters[f"{n}.weight"]) for n in names])
        else:
            names, parts = [name], [weight]
        for n, part in zip(names, parts, strict=True):
            parameters[f"{n}.weight"].copy_(part)
    for text in chosen:
        hidden = model.model(input_ids=torch.tensor([text["ids"]]), use_cache=False).last_hidden_state
        hidden[0].numpy().astype(np.float32).tofile(out / f"hidden-int4-{text['tokens']}.bin")


@torch.no_grad()
def write_references(model: PreTrainedModel, chosen: list[dict], out: Path) -> None:
    for text in chosen:
        ids = torch.tensor([text["ids"]])
        embedding = model.model.embed_tokens(ids)
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
        for name, tensor in (("embedding", embedding), ("hidden", hidden)):
            tensor[0].numpy().astype(np.float32).tofile(out / f"{name}-{text['tokens']}.bin")
    (1 + model.model.norm.weight).numpy().astype(np.float32).tofile(out / "final-norm.bin")
    config = model.config
    document = {
        "width": config.hidden_size,
        "layers": config.num_hidden_layers,
        "kv_heads": config.num_key_value_heads,
        "head_width": config.head_dim,
        "norm_epsilon": config.rms_norm_eps,
        "texts": chosen,
    }
    (out / "peer.json").write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n")


def write_hugging_face(model: PreTrainedModel, tokenizer_file: Path, out: Path) -> None:
    """The checkpoint as the model builder reads it."""
    model.config.architectures = [type(model).__name__]
    model.config.tie_word_embeddings = True
    model.save_pretrained(out)
    special = {f"{name}_token": f"<{name}>" for name in ("bos", "eos", "pad", "unk")}
    PreTrainedTokenizerFast(tokenizer_file=str(tokenizer_file), **special).save_pretrained(out)


def build(checkpoint: Path, layers: int, accuracy_level: int, out: Path, options: dict) -> None:
    """Runs the model builder. It is a script: its modules import each other by their bare names."""
    import onnxruntime_genai

    sys.path.insert(0, str(Path(onnxruntime_genai.__file__).parent / "models"))
    from builder import create_model, parse_extra_options

    source = ("", str(checkpoint), str(out), "int4", "webgpu", str(out / "cache"))
    choice = {
        "accuracy_level": accuracy_level,
        "block_size": 32,
        "num_hidden_layers": layers,
        "exclude_embeds": True,
        "exclude_lm_head": True,
        # SwiftShader has no shader-f16; our activations are f32 as well.
        "use_webgpu_fp32": True,
        **options,
    }
    prepared = parse_extra_options(*source, [f"{key}={value}" for key, value in choice.items()])
    # The builder knows the names from before transformers 5.
    config = prepared["hf_details"]["hf_config"]
    if "full_attention" in config.rope_parameters:
        full, local = (config.rope_parameters[kind] for kind in ("full_attention", "sliding_attention"))
        config.rope_parameters = full
        config.rope_local_base_freq = local["rope_theta"]
    create_model(*source, **prepared)


def export(model: PreTrainedModel, chosen: list[dict], tokenizer_file: Path, levels: tuple[int, ...], out: Path, options: dict) -> None:
    """Writes what the head of this file says of `model`, a transformers one, for the given accuracy levels."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as folder:
        checkpoint = Path(folder) / "checkpoint"
        write_references(model, chosen, out)
        write_hugging_face(model, tokenizer_file, checkpoint)
        for level in levels:
            built = Path(folder) / f"accuracy-{level}"
            build(checkpoint, model.config.num_hidden_layers, level, built, {"filename": f"peer-{level}.onnx"} | options)
            for file in built.glob("peer-*"):
                shutil.move(file, out / file.name)
        write_int4_references(model, out / f"peer-{levels[0]}.onnx", chosen, out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--layers", type=int, default=13, help="default: 13, layers 0 to 12")
    parser.add_argument("--option", action="append", default=[], help="KEY=VALUE for the model builder")
    args = parser.parse_args()
    options = dict(option.split("=", 1) for option in args.option)
    chosen = texts(Tokenizer.from_file(str(args.tokenizer)))
    export(truncated(load_gguf(args.gguf), args.layers), chosen, args.tokenizer, ACCURACY_LEVELS, args.out, options)


if __name__ == "__main__":
    main()
