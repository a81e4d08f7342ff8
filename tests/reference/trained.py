"""Trains two tiny SAEs with the command line program and runs them in the authors' own module.

    python tests/reference/trained.py --program target/release/temporal-lens --seed NOTEBOOK.txt

Writes tests/fixtures/train/{short,authors}: conf.yaml and latest_ckpt.safetensors as the program
writes them, and expected.safetensors: a residual stream x and what the module of the notebook gives
for it. A checkpoint with `scaling` is loaded without that tensor and fed x * scaling; what it
reconstructs is divided by scaling again.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import torch
import yaml
from safetensors.torch import load_file, save_file

from temporal_sae import seed_module

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
OUT = FIXTURES / "train"
# Also in crates/cli/tests/train.rs, which trains the same again.
FLAGS = "--device cpu --tokens 600 --batch-tokens 50 --context 24 --k 4 --width-factor 1 --heads 2 --bottleneck 2 --warmup-steps 3"
TOKENS = 11


def train(program: Path, pack: Path, recipe: str, folder: Path) -> None:
    # The command replaces no SAE.
    (folder / "latest_ckpt.safetensors").unlink(missing_ok=True)
    command = [program, "train", "--model", pack, "--recipe", recipe, "--out", folder, *FLAGS.split()]
    texts = OUT / "texts.jsonl"
    subprocess.run([*command, "--corpus", texts, "--heldout", texts], check=True)
    (folder / "training.safetensors").unlink()


def expected(seed: Path, folder: Path) -> dict[str, torch.Tensor]:
    conf = yaml.safe_load((folder / "conf.yaml").read_text())
    sae, dimin = conf["sae"], conf["llm"]["dimin"]
    module = seed_module(seed)(
        dimin=dimin,
        width=dimin * sae["exp_factor"],
        n_heads=sae["n_heads"],
        sae_diff_type=sae["sae_diff_type"],
        kval_topk=sae["kval_topk"],
        tied_weights=sae["tied_weights"],
        n_attn_layers=sae["n_attn_layers"],
        bottleneck_factor=sae["bottleneck_factor"],
        activation_scaling_factor=sae["scaling_factor"],
    )
    state = {name: tensor.float() for name, tensor in load_file(folder / "latest_ckpt.safetensors").items()}
    scaling = state.pop("scaling", torch.ones(dimin))
    module.load_state_dict(state)
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(TOKENS, dimin, generator=generator) / scaling / sae["scaling_factor"] / dimin**0.5
    with torch.no_grad():
        recons, results = module((x * scaling)[None])
    unscaled = {"recons": recons[0] / scaling}
    for name in ("novel_recons", "pred_recons"):
        unscaled[name] = results[name][0] / scaling
    codes = {name: results[name][0] for name in ("novel_codes", "pred_codes")}
    return {"x": x} | unscaled | codes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True, help="the command line program")
    parser.add_argument("--seed", type=Path, required=True, help="text of the authors' notebook")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        pack = Path(scratch) / "pack"
        tokenizer = FIXTURES / "tokenizer" / "tiny.json"
        command = [args.program, "pack", "--synthetic", "tiny", "--tokenizer", tokenizer, "--precision", "f32"]
        subprocess.run([*command, "--out", pack], check=True)
        for recipe in ("short", "authors"):
            train(args.program, pack, recipe, OUT / recipe)
            tensors = {name: tensor.contiguous() for name, tensor in expected(args.seed, OUT / recipe).items()}
            save_file(tensors, OUT / recipe / "expected.safetensors")


if __name__ == "__main__":
    main()
