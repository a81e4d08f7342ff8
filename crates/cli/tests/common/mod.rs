//! Running the built program on fixtures.
#![allow(dead_code, missing_docs, clippy::expect_used, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(path)
}

/// The folder of the default pack.
pub fn default_pack() -> PathBuf {
    let found = std::env::var_os("TEMPORAL_LENS_PACK_DIR");
    PathBuf::from(found.expect("TEMPORAL_LENS_PACK_DIR is not set: run `cargo xtask test`"))
}

pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// The error's sentence: the last line of stderr.
    pub fn sentence(&self) -> &str {
        self.stderr.lines().last().unwrap_or_default()
    }
}

/// `temporal-lens` with these arguments; the hub is out of reach unless a test says otherwise.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_temporal-lens"));
    command.env("HF_ENDPOINT", "http://127.0.0.1:9").env_remove("HF_TOKEN");
    command.env("HF_HOME", std::env::temp_dir().join("temporal-lens-no-hub-cache"));
    command
}

pub fn outcome(command: &mut Command) -> Outcome {
    let output = command.output().unwrap();
    Outcome {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub fn run<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Outcome {
    outcome(command().args(args))
}

/// As [`run`], and it must succeed.
pub fn succeed<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Outcome {
    let outcome = run(args);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    outcome
}

pub fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Arguments of `pack` for two fixtures.
pub fn pack_args(gemma: &str, sae: &str, tokenizer: &str, layer: usize, precision: &str, out: &Path) -> Vec<String> {
    let flag = |name: &str, value: String| [format!("--{name}"), value];
    let mut args = vec!["pack".to_owned()];
    args.extend(flag("gemma", text(&fixture(gemma))));
    args.extend(flag("tokenizer", text(&fixture(tokenizer))));
    args.extend(flag("sae", text(&fixture(sae))));
    args.extend(flag("layer", layer.to_string()));
    args.extend(flag("precision", precision.to_owned()));
    args.extend(flag("out", text(out)));
    args
}

/// A pack of the pair that most tests use: 48 dimensions, 96 features, layer 2.
pub fn small_pack(scratch: &Path) -> PathBuf {
    let out = scratch.join("pack");
    succeed(&pack_args("gemma/gemma2-softcap", "sae/topk-tied", "tokenizer/tiny.json", 2, "f32", &out));
    out
}

pub const ALICE: &str = "Once upon a time, a little girl named Alice loved looking at the night sky.";

/// Replaces values of a tensor of an f32 pack, `model.embed_tokens.weight` included, from its first value on, and puts
/// lengths and checksums right: a pack that was made so.
pub fn replace_values(pack: &Path, tensor: &str, values: &[f32]) {
    let path = pack.join("manifest.json");
    let mut manifest: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let (list, start) = if tensor == "model.embed_tokens.weight" {
        let shards =
            (0..manifest["embedding"]["shards"].as_array().unwrap().len()).map(|i| format!("/embedding/shards/{i}"));
        (shards.collect::<Vec<_>>(), manifest["embedding"]["data_start"].as_u64().unwrap())
    } else {
        let part = &manifest["tensors"][tensor]["parts"][0];
        (vec![format!("/shards/{}", part["shard"])], part["data"][0].as_u64().unwrap())
    };
    for pointer in list {
        let entry = manifest.pointer_mut(&pointer).unwrap();
        let file = pack.join(entry["file"].as_str().unwrap());
        let mut bytes = std::fs::read(&file).unwrap();
        for (place, value) in bytes[start as usize..].chunks_exact_mut(4).zip(values) {
            place.copy_from_slice(&value.to_le_bytes());
        }
        std::fs::write(&file, &bytes).unwrap();
        entry["sha256"] = lens_pack::unpack::sha256_hex(&bytes).into();
    }
    replace_row_checks(pack, &mut manifest);
    manifest.as_object_mut().unwrap().remove("checksum");
    std::fs::write(&path, lens_pack::manifest::seal(&manifest.to_string())).unwrap();
}

/// Writes the checksums of the embedding's rows as they are now.
fn replace_row_checks(pack: &Path, manifest: &mut serde_json::Value) {
    let number = |value: &serde_json::Value| value.as_u64().unwrap() as usize;
    let (embedding, checks) = (&manifest["embedding"], &manifest["row_checks"]);
    let (start, block) = (number(&embedding["data_start"]), number(&checks["rows"]) * number(&embedding["row_bytes"]));
    let mut list = Vec::new();
    let mut count = 0;
    for shard in embedding["shards"].as_array().unwrap() {
        let bytes = std::fs::read(pack.join(shard["file"].as_str().unwrap())).unwrap();
        for rows in bytes[start..].chunks(block) {
            list.extend(lens_pack::row_checks::checksum(count, rows));
            count += 1;
        }
    }
    std::fs::write(pack.join(checks["list"]["file"].as_str().unwrap()), &list).unwrap();
    manifest["row_checks"]["list"]["sha256"] = lens_pack::unpack::sha256_hex(&list).into();
}
