//! Files as editors, downloads and clones leave them: every reader of the command line takes the same encodings, knows what
//! is no file of its kind, and reads names in either case.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};

use common::{Outcome, fixture, run, small_pack, text};
use serde_json::json;

const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n";

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn utf16(text: &[u8]) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(std::str::from_utf8(text).unwrap().encode_utf16());
    units.flat_map(u16::to_le_bytes).collect::<Vec<u8>>()
}

fn utf32(text: &[u8]) -> Vec<u8> {
    let chars = std::iter::once('\u{feff}').chain(std::str::from_utf8(text).unwrap().chars());
    chars.flat_map(|c| u32::from(c).to_le_bytes()).collect::<Vec<u8>>()
}

/// All that the commands below read, in one folder.
struct Files {
    scratch: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        small_pack(scratch.path());
        copy(&fixture("gemma/gemma2-softcap"), &at("gemma"));
        copy(&fixture("gemma/gemma3-sharded"), &at("sharded"));
        copy(&fixture("sae/topk-tied"), &at("sae"));
        copy(&fixture("sae/relu-untied-2-layers"), &at("sae2"));
        copy(&fixture("sae/sae-lens-topk"), &at("lens"));
        std::fs::copy(fixture("tokenizer/tiny.json"), at("tokenizer.json")).unwrap();
        std::fs::copy(fixture("gguf/gemma3-types.gguf"), at("model.gguf")).unwrap();
        let line = json!({"id": "a", "text": "the tide is in and the boat is out", "source": "s"}).to_string() + "\n";
        for name in ["list.jsonl", "corpus.jsonl", "TRAIN.JSONL", "texts.jsonl"] {
            std::fs::write(at(name), &line).unwrap();
        }
        let zipped = std::fs::File::create(at("TRAIN.JSONL.GZ")).unwrap();
        let mut zipped = flate2::write::GzEncoder::new(zipped, flate2::Compression::fast());
        zipped.write_all(line.as_bytes()).unwrap();
        zipped.finish().unwrap();
        std::fs::write(at("NOVEL.TXT"), "the tide is in and the boat is out").unwrap();
        std::fs::write(at("notice"), "* s: somebody\n").unwrap();
        std::fs::write(at("words.txt"), "the\na\n").unwrap();
        Self { scratch }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Runs a command whose arguments name files of the folder where they begin with `@`.
    fn run(&self, command: &str) -> Outcome {
        let args = command.split(' ').map(|arg| match arg.strip_prefix('@') {
            Some(name) => text(&self.at(name)),
            None => arg.to_owned(),
        });
        run(&args.collect::<Vec<_>>())
    }
}

const PACK: &str =
    "pack --gemma @gemma --tokenizer @tokenizer.json --sae @sae --layer 2 --precision f32 --out @out/pack";
const SHARDED: &str =
    "pack --gemma @sharded --tokenizer @tokenizer.json --sae @sae2 --layer 6 --precision f32 --out @out/pack";
const LENS: &str =
    "pack --gemma @gemma --tokenizer @tokenizer.json --sae @lens --layer 3 --precision f32 --out @out/pack";
const GGUF: &str =
    "pack --gemma @model.gguf --tokenizer @tokenizer.json --sae @sae --layer 1 --precision f32 --out @out/pack";
const LIST: &str = "analyze --device cpu --model @pack --text-list @list.jsonl --out @out/list";
const FILE: &str = "analyze --device cpu --model @pack --text-file @NOVEL.TXT";
const DASHBOARDS: &str =
    "dashboards --device cpu --model @pack --corpus @corpus.jsonl --notice @notice --out @out/boards";
const TOKENIZE: &str = "tokenize --device cpu --model @pack --out @out/ids.safetensors --corpus";
const WORDS: &str = "words --device cpu --model @pack --vocabulary @words.txt --corpus @corpus.jsonl";

const MEANS: &str = "words --device cpu --model @pack --vocabulary @words.txt --means @means.safetensors";

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/examples/poem.json")
}

/// What else people have where weights should be.
#[test]
fn what_is_in_the_place_of_weights_is_named() {
    let files = Files::new();
    std::fs::create_dir(files.at("out")).unwrap();
    let gguf = std::fs::read(files.at("model.gguf")).unwrap();
    for (file, command) in [
        ("gemma/model.safetensors", PACK.to_owned()),
        ("sharded/model-00001-of-00003.safetensors", SHARDED.to_owned()),
        ("sae/latest_ckpt.safetensors", PACK.to_owned()),
        ("means.safetensors", MEANS.to_owned()),
        ("ids.safetensors", format!("{TOKENIZE} @ids.safetensors")),
    ] {
        let whole = std::fs::read(files.at(file)).unwrap_or_default();
        for (content, says) in [
            (gguf.as_slice(), "a GGUF file"),
            (b"PK\x03\x04 and so on", "a ZIP archive, as .docx, .odt, .epub, .npz and PyTorch's files are"),
            (b"\x1f\x8b\x08\0\0\0\0\0", "compressed by gzip"),
            (b"{\"error\":\"Access to model google/gemma-2-2b is restricted.\"}", "Access to model google/gemma-2-2b"),
        ] {
            std::fs::write(files.at(file), content).unwrap();
            let outcome = files.run(&command);
            let (name, sentence) = (file.rsplit('/').next().unwrap(), outcome.sentence());
            assert_eq!(outcome.code, 1, "{file}: {}", outcome.stderr);
            assert!(sentence.contains(says) && sentence.contains(name), "{file} {says}: {sentence}");
        }
        std::fs::write(files.at(file), whole).unwrap();
    }
}

#[test]
fn a_byte_order_mark_and_utf_16_are_read_everywhere() {
    let files = Files::new();
    std::fs::create_dir(files.at("out")).unwrap();
    for (file, command) in [
        ("gemma/config.json", PACK.to_owned()),
        ("tokenizer.json", PACK.to_owned()),
        ("sae/conf.yaml", PACK.to_owned()),
        ("lens/cfg.json", LENS.to_owned()),
        ("sharded/model.safetensors.index.json", SHARDED.to_owned()),
        ("list.jsonl", LIST.to_owned()),
        ("NOVEL.TXT", FILE.to_owned()),
        ("pack/manifest.json", FILE.to_owned()),
        ("corpus.jsonl", DASHBOARDS.to_owned()),
        ("notice", DASHBOARDS.to_owned()),
        ("words.txt", WORDS.to_owned()),
        ("TRAIN.JSONL", format!("{TOKENIZE} @TRAIN.JSONL")),
        ("NOVEL.TXT", format!("{TOKENIZE} @NOVEL.TXT")),
    ] {
        let plain = std::fs::read(files.at(file)).unwrap();
        let expected = files.run(&command);
        assert_eq!(expected.code, 0, "{command}: {}", expected.stderr);
        for bytes in [[b"\xef\xbb\xbf", plain.as_slice()].concat(), utf16(&plain), utf32(&plain)] {
            std::fs::write(files.at(file), bytes).unwrap();
            let outcome = files.run(&command);
            assert_eq!((outcome.code, &outcome.stdout), (0, &expected.stdout), "{file}: {}", outcome.stderr);
        }
        std::fs::write(files.at(file), plain).unwrap();
    }
}

#[test]
fn what_a_download_or_a_clone_left_in_a_files_place_is_reported() {
    let files = Files::new();
    std::fs::create_dir(files.at("out")).unwrap();
    for (file, command) in [
        ("gemma/config.json", PACK.to_owned()),
        ("gemma/model.safetensors", PACK.to_owned()),
        ("tokenizer.json", PACK.to_owned()),
        ("sae/conf.yaml", PACK.to_owned()),
        ("sae/latest_ckpt.safetensors", PACK.to_owned()),
        ("lens/cfg.json", LENS.to_owned()),
        ("lens/sae_weights.safetensors", LENS.to_owned()),
        ("sharded/model.safetensors.index.json", SHARDED.to_owned()),
        ("sharded/model-00001-of-00003.safetensors", SHARDED.to_owned()),
        ("model.gguf", GGUF.to_owned()),
        ("list.jsonl", LIST.to_owned()),
        ("pack/manifest.json", FILE.to_owned()),
        ("pack/tokenizer.bin", FILE.to_owned()),
        ("pack/shard-0000.safetensors", FILE.to_owned()),
        ("corpus.jsonl", DASHBOARDS.to_owned()),
        ("notice", DASHBOARDS.to_owned()),
        ("words.txt", WORDS.to_owned()),
        ("TRAIN.JSONL.GZ", format!("{TOKENIZE} @TRAIN.JSONL.GZ")),
        ("ids.safetensors", format!("{TOKENIZE} @ids.safetensors")),
        ("means.safetensors", MEANS.to_owned()),
        ("words.txt", WORDS.to_owned()),
        ("texts.jsonl", "fidelity --device cpu --reference @pack --mix q8 --texts @texts.jsonl".to_owned()),
    ] {
        let whole = std::fs::read(files.at(file)).unwrap_or_default();
        for (content, says) in [(POINTER, "Git LFS pointer"), (PAGE, "page of the web")] {
            std::fs::write(files.at(file), content).unwrap();
            let outcome = files.run(&command);
            assert_eq!(outcome.code, 1, "{file}: {}", outcome.stderr);
            let name = Path::new(file).file_name().unwrap().to_str().unwrap();
            let sentence = outcome.sentence();
            assert!(sentence.contains(says) && sentence.contains(name), "{file}: {sentence}");
        }
        std::fs::write(files.at(file), whole).unwrap();
    }
    std::fs::write(files.at("template.html"), POINTER).unwrap();
    std::fs::write(files.at("a.json"), std::fs::read(example()).unwrap()).unwrap();
    let outcome = files.run("html @a.json --template @template.html --out @out/a.html");
    assert!(outcome.sentence().contains("template.html: a Git LFS pointer"), "{}", outcome.sentence());
    // A text may be a page; a pointer is none.
    std::fs::write(files.at("NOVEL.TXT"), "<html>the tide is in").unwrap();
    assert_eq!(files.run(FILE).code, 0);
    std::fs::write(files.at("NOVEL.TXT"), POINTER).unwrap();
    assert!(files.run(FILE).sentence().contains("Git LFS pointer"));
}

#[test]
fn what_is_in_no_encoding_that_is_read_is_refused_by_name() {
    let files = Files::new();
    std::fs::create_dir(files.at("out")).unwrap();
    let unmarked = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let russian = unmarked("Прилив наступил, и лодка ушла.");
    for (content, says) in [
        (russian.as_slice(), "UTF-16 without a byte order mark"),
        (b"the tide\0\0\0\0", "zero bytes"),
        (b"\0\0\0\0\0\0\0\0", "zero bytes"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "compressed by gzip"),
    ] {
        for (file, command) in [
            ("NOVEL.TXT", FILE.to_owned()),
            ("NOVEL.TXT", format!("{TOKENIZE} @NOVEL.TXT")),
            ("list.jsonl", LIST.to_owned()),
            ("words.txt", WORDS.to_owned()),
            ("notice", DASHBOARDS.to_owned()),
            ("sae/conf.yaml", PACK.to_owned()),
            ("pack/manifest.json", FILE.to_owned()),
        ] {
            let whole = std::fs::read(files.at(file)).unwrap();
            std::fs::write(files.at(file), content).unwrap();
            let outcome = files.run(&command);
            let (name, sentence) = (file.rsplit('/').next().unwrap(), outcome.sentence());
            assert_eq!(outcome.code, 1, "{file} {says}: {}", outcome.stderr);
            assert!(sentence.contains(says) && sentence.contains(name), "{file} {says}: {sentence}");
            std::fs::write(files.at(file), whole).unwrap();
        }
    }
}

#[test]
fn names_are_read_in_either_case_and_a_gguf_file_asks_for_its_tokenizer() {
    let files = Files::new();
    for name in ["NOVEL.TXT", "TRAIN.JSONL", "TRAIN.JSONL.GZ"] {
        std::fs::create_dir_all(files.at("out")).unwrap();
        let outcome = files.run(&format!("{TOKENIZE} @{name}"));
        assert_eq!(outcome.code, 0, "{name}: {}", outcome.stderr);
        assert!(outcome.stdout.contains("1 passages"), "{name}: {}", outcome.stdout);
    }
    std::fs::remove_file(files.at("tokenizer.json")).unwrap();
    let outcome = files.run("pack --gemma @model.gguf --sae @sae --layer 1 --precision f32 --out @out/pack");
    let sentence = outcome.sentence();
    assert!(sentence.contains("--tokenizer") && sentence.contains("GGUF file does not contain it"), "{sentence}");
}

#[test]
fn half_characters_in_json_are_read_as_where_people_type_them() {
    let files = Files::new();
    std::fs::create_dir(files.at("out")).unwrap();
    for (file, command, line) in [
        ("list.jsonl", LIST.to_owned(), r#"{"id": "a", "text": "the tide is in CHARACTER"}"#),
        (
            "corpus.jsonl",
            DASHBOARDS.to_owned(),
            r#"{"text": "the tide is in CHARACTER and the boat is out", "source": "s"}"#,
        ),
        ("TRAIN.JSONL", format!("{TOKENIZE} @TRAIN.JSONL"), r#"{"text": "the tide is in CHARACTER", "source": "s"}"#),
    ] {
        let mut results = Vec::new();
        for character in [r"\ufffd", r"\ud83d", r"\uDE00"] {
            let _ = std::fs::remove_dir_all(files.at("out"));
            std::fs::create_dir(files.at("out")).unwrap();
            std::fs::write(files.at(file), line.replace("CHARACTER", character)).unwrap();
            let outcome = files.run(&command);
            assert_eq!(outcome.code, 0, "{file} {character}: {}", outcome.stderr);
            let made = ["list/a.json", "boards/0000.json", "ids.safetensors"]
                .iter()
                .find_map(|it| std::fs::read(files.at("out").join(it)).ok());
            results.push(made.unwrap());
        }
        assert!(results.iter().all(|it| *it == results[0]), "{file}");
    }
}
