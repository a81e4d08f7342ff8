//! What lies where something else was looked for is named, with what to do with it.
#![allow(missing_docs)]

use lens_pack::instead::{ExpectedInput, instead};

/// Files of a folder, which of them is given, what was wanted, and a part of the sentence.
type Case = (&'static [(&'static str, &'static [u8])], &'static str, ExpectedInput, &'static str);

fn sentence_of(files: &[(&str, &[u8])], of: &str, wanted: ExpectedInput) -> std::io::Result<String> {
    let folder = tempfile::tempdir()?;
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes)?;
    }
    Ok(instead(&folder.path().join(of), wanted))
}

#[test]
fn what_is_there_is_named_with_what_to_do() -> std::io::Result<()> {
    let none: &[(&str, &[u8])] = &[];
    assert_eq!(sentence_of(none, "", ExpectedInput::Model)?, "; the folder is empty");
    assert_eq!(sentence_of(none, "x", ExpectedInput::Pack)?, "; there is no such file or folder");
    let cases: [Case; 23] = [
        (&[("config.json", b"{}"), ("model.safetensors", b"x")], "", ExpectedInput::Pack, "temporal-lens pack --gemma"),
        (&[("manifest.json", b"{}")], "", ExpectedInput::Model, "cannot be packed again"),
        (&[("a.gguf", b"GGUF")], "", ExpectedInput::Model, "a.gguf; name the file itself"),
        (&[("a.gguf", b"GGUF")], "a.gguf", ExpectedInput::Pack, "GGUF file; make a pack"),
        (
            &[("config.json", b"{}"), ("model.safetensors.part", b"x")],
            "",
            ExpectedInput::Model,
            "did not end; download it again",
        ),
        (
            &[("Config.json", b"{}"), ("model.safetensors", b"x")],
            "",
            ExpectedInput::Model,
            "\"Config.json\"; call it config.json",
        ),
        (&[("config (1).json", b"{}"), ("b.safetensors", b"x")], "", ExpectedInput::Model, "call it config.json"),
        (
            &[("conf.yaml", b"a: 1"), ("latest_ckpt(2).safetensors", b"x")],
            "",
            ExpectedInput::Sae,
            "call it latest_ckpt.safetensors",
        ),
        (&[("manifest 2.json", b"{}")], "", ExpectedInput::Pack, "call it manifest.json"),
        (
            &[("adapter_config.json", b"{}"), ("adapter_model.safetensors", b"x")],
            "",
            ExpectedInput::Model,
            "merge it into",
        ),
        (&[("config.json", b"{}"), ("pytorch_model.bin", b"x")], "", ExpectedInput::Model, "(pytorch_model.bin)"),
        (&[("config.json", b"{}"), ("consolidated.safetensors", b"x")], "", ExpectedInput::Model, "holds consolidated"),
        (&[("conf.yaml", b"a: 1")], "", ExpectedInput::Model, "name it with --sae"),
        (&[("conf.yaml", b"a: 1")], "conf.yaml", ExpectedInput::Sae, "name the folder"),
        (&[("conf.yaml", b"a: 1"), ("latest_ckpt.pt", b"x")], "", ExpectedInput::Sae, "pickled (latest_ckpt.pt)"),
        (&[("manifest.json", b"{}")], "manifest.json", ExpectedInput::Pack, "name the folder that it lies in"),
        (&[("l.jsonl.gz", b"\x1f\x8b\x08")], "l.jsonl.gz", ExpectedInput::Lines, "compressed by gzip; unpack it first"),
        (
            &[("a.txt", b"a\0 \0t\0i\0")],
            "a.txt",
            ExpectedInput::Text,
            "UTF-16 without a byte order mark at its start; save it",
        ),
        (&[("params.npz", b"PK\x03\x04")], "", ExpectedInput::Sae, "no predictable codes"),
        (&[("r.json", b"{\"format\":\"temporal-lens-analysis/2\"")], "r.json", ExpectedInput::Pack, "saved analysis"),
        (&[("tokenizer.model", b"\n\x0e\n")], "tokenizer.model", ExpectedInput::Tokenizer, "get tokenizer.json"),
        (&[("a.docx", b"PK\x03\x04\x14\x00")], "a.docx", ExpectedInput::Text, "a ZIP archive"),
        (&[("a.txt", b"%PDF-1.7\n")], "a.txt", ExpectedInput::Text, "it is a PDF; save its text as UTF-8"),
    ];
    for (files, of, wanted, part) in cases {
        let sentence = sentence_of(files, of, wanted)?;
        assert!(sentence.contains(part), "{sentence}");
    }
    assert_eq!(sentence_of(&[("conf.yaml", b"a: 1")], "", ExpectedInput::Sae)?, "");
    // There is no sentence about what is not known, nor of texts that begin as a file may.
    for text in [&b"The tide turned."[..], b"PAR1 is a gene.", b"BZh is short for something.", b"PK won."] {
        assert_eq!(sentence_of(&[("a.txt", text)], "a.txt", ExpectedInput::Text)?, "");
    }
    Ok(())
}
