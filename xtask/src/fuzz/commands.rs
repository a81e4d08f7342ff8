//! The program itself over altered files: every command, each with the files that it reads. It is to end by itself with
//! exit status 0, 1 or 2, in time and within its memory, and what it says and writes is to be usable.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use lens_analysis::Analysis;
use lens_analysis::comparison::Comparison;
use lens_pack::manifest::seal;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::random::Random;
use crate::hash;

/// Longest that a reader or a command may take for an input of a few hundred kB.
pub const SLOW: Duration = Duration::from_secs(20);
/// No command needs more for inputs of this size.
const MEMORY_KB_MAX: u64 = 1 << 20;
/// The most that the system gives it: an input that asks for more ends the program and not the machine.
const ADDRESSES_KB_MAX: u64 = 4 << 20;
/// An error is a sentence: see `crates/cli/src/sentence.rs`.
const SENTENCE_MAX: usize = 2_100;

/// A command with one of the files that it reads. `@` begins the name of a file in the folder; `@work` is a fresh copy of
/// the pack that the command changes.
struct Case {
    command: &'static str,
    file: &'static str,
}

const PACK: &str =
    "pack --gemma @gemma --tokenizer @tokenizer.json --sae @sae --layer 2 --precision q8 --out @out/pack";
const PACK_GGUF: &str =
    "pack --gemma @model.gguf --tokenizer @tokenizer.json --sae @sae --layer 1 --precision f32 --out @out/pack";
const PACK_LENS: &str =
    "pack --gemma @gemma --tokenizer @tokenizer.json --sae @lens --layer 3 --precision f16 --out @out/pack";
const PACK_SHARDED: &str =
    "pack --gemma @sharded --tokenizer @tokenizer.json --sae @sae2 --layer 6 --precision q4 --out @out/pack";
const ANALYZE: &str =
    "analyze --model @pack --text the-tide-is-in --attention --json @out/a.json --dump @out/a.safetensors";
const ANALYZE_FILE: &str = "analyze --model @pack --text-file @text.txt --shuffled 1 --json @out/a.json";
const ANALYZE_LIST: &str = "analyze --model @pack --text-list @list.jsonl --out @out/list";
const ANALYZE_WORDS: &str = "analyze --model @words --text the-tide-is-in --words --events --json @out/a.json";
const COMPARE: &str = "compare --model @pack --first the-tide --second is-in --json @out/c.json";
const DASHBOARDS: &str =
    "dashboards --model @pack --corpus @corpus.jsonl --notice @notice --out @out/boards --tokens 200";
const WORDS: &str = "words --model @work --vocabulary @words.txt --corpus @corpus.jsonl";
const LENS: &str = "lens --model @work --gemma @gemma --corpus @corpus.jsonl --min-count 1";
const TOPICS: &str = "topics --model @words --texts @topics.json";
const FIDELITY: &str = "fidelity --reference @pack --mix q8 --texts @corpus.jsonl";
const VERIFY: &str = "verify --model @pack --golden @golden.json";
const TOKENIZE: &str = "tokenize --model @pack --corpus @corpus.jsonl --out @out/ids.safetensors";
const TRAIN: &str = "train --model @pack --corpus @corpus.jsonl --out @out/sae --tokens 60 --batch-tokens 20 --context 12 --k 4 \
                     --width-factor 1 --heads 2 --bottleneck 2";
const TRAIN_FROM: &str = "train --model @pack --corpus @ids.safetensors --init-from @sae --out @out/sae --tokens 60 \
                          --batch-tokens 20 --context 12";
const CARD: &str = "card --model @pack --sae @sae --heldout @corpus.jsonl --context 12 --out @out/card.md";
const HTML: &str = "html @result.json --comparison @compared.json --template @template.html --out @out/a.html";

const CASES: &[Case] = &[
    Case { command: PACK, file: "gemma/config.json" },
    Case { command: PACK, file: "gemma/model.safetensors" },
    Case { command: PACK, file: "tokenizer.json" },
    Case { command: PACK, file: "sae/conf.yaml" },
    Case { command: PACK, file: "sae/latest_ckpt.safetensors" },
    Case { command: PACK_GGUF, file: "model.gguf" },
    Case { command: PACK_LENS, file: "lens/cfg.json" },
    Case { command: PACK_LENS, file: "lens/sae_weights.safetensors" },
    Case { command: PACK_SHARDED, file: "sharded/model.safetensors.index.json" },
    Case { command: ANALYZE, file: "pack/manifest.json" },
    Case { command: ANALYZE, file: "pack/shard-0000.safetensors" },
    Case { command: ANALYZE, file: "pack/embedding-0000.safetensors" },
    Case { command: ANALYZE, file: "pack/row-checks.bin" },
    Case { command: ANALYZE, file: "pack/tokenizer.bin" },
    Case { command: ANALYZE_FILE, file: "text.txt" },
    Case { command: ANALYZE_LIST, file: "list.jsonl" },
    Case { command: ANALYZE_WORDS, file: "words/manifest.json" },
    Case { command: COMPARE, file: "pack/shard-0000.safetensors" },
    Case { command: DASHBOARDS, file: "corpus.jsonl" },
    Case { command: DASHBOARDS, file: "notice" },
    Case { command: WORDS, file: "words.txt" },
    Case { command: WORDS, file: "corpus.jsonl" },
    Case { command: LENS, file: "corpus.jsonl" },
    Case { command: LENS, file: "gemma/model.safetensors" },
    Case { command: TOPICS, file: "topics.json" },
    Case { command: FIDELITY, file: "corpus.jsonl" },
    Case { command: VERIFY, file: "golden.json" },
    Case { command: TOKENIZE, file: "corpus.jsonl" },
    Case { command: TRAIN, file: "corpus.jsonl" },
    Case { command: TRAIN_FROM, file: "ids.safetensors" },
    Case { command: TRAIN_FROM, file: "sae/conf.yaml" },
    Case { command: CARD, file: "sae/latest_ckpt.safetensors" },
    Case { command: CARD, file: "corpus.jsonl" },
    Case { command: HTML, file: "result.json" },
    Case { command: HTML, file: "compared.json" },
    Case { command: HTML, file: "template.html" },
];

/// What the site's build makes for one file, without the page.
const TEMPLATE: &str = "<meta name=\"temporal-lens-one-file/1\" content=\"temporal-lens-analysis/2 temporal-lens-comparison/1 temporal-lens-dashboards/1\" />\
                        <!--temporal-lens:head--><!--temporal-lens:data-->";

/// Passages long enough to train on and to fit a lens to.
const CORPUS: [&str; 3] = [
    "the tide is in and the boat is out, and in the lane an inn has its lamp lit before the rain comes down the hill",
    "a hen, a fox and a lane: the hen saw the fox, the fox saw the hen, and neither of the two ran away from the other",
    "the sea rose in the night and took the stair of the pier, and none of the men on it heard the timbers go",
];

impl Case {
    /// The command's own name.
    fn name(&self) -> &'static str {
        self.command.split(' ').next().unwrap_or_default()
    }
}

/// The program, with the files that its commands read.
pub struct Commands {
    program: PathBuf,
    folder: PathBuf,
}

/// What a run came to.
pub struct Ran {
    /// The command.
    pub name: &'static str,
    /// Whether it took the altered file.
    pub was_taken: bool,
    /// The rule that it broke.
    pub fault: Option<String>,
    /// How long it ran.
    pub took: Duration,
}

impl Commands {
    /// Puts the files into `folder`, from the fixtures of the tree at `root`.
    pub fn prepare(program: PathBuf, folder: PathBuf, root: &Path) -> Result<Self> {
        let fixtures = root.join("tests/fixtures");
        let it = Self { program, folder };
        for (name, fixture) in [
            ("gemma", "gemma/gemma2-softcap"),
            ("sharded", "gemma/gemma3-sharded"),
            ("sae", "sae/topk-tied"),
            ("sae2", "sae/relu-untied-2-layers"),
            ("lens", "sae/sae-lens-topk"),
        ] {
            copy(&fixtures.join(fixture), &it.folder.join(name))?;
        }
        for (name, fixture) in [("tokenizer.json", "tokenizer/tiny.json"), ("model.gguf", "gguf/gemma3-types.gguf")] {
            std::fs::copy(fixtures.join(fixture), it.folder.join(name)).context(name)?;
        }
        for (name, example) in [("result.json", "garden-path.json"), ("compared.json", "garden-path-compared.json")] {
            std::fs::copy(root.join("demo/examples").join(example), it.folder.join(name)).context(name)?;
        }
        let passage = |text: &str| format!("{{\"id\": \"{}\", \"text\": {text:?}, \"source\": \"s\"}}\n", text.len());
        let list: String = ["the tide is in", "in a lane, an inn"].map(passage).concat();
        let corpus: String = CORPUS.map(passage).concat();
        let topics = r#"[{"name": "one", "events": [{"text": "the tide is in", "topic": ["the", "sea"]}, {"text": "an inn", "topic": ["inn", "a"]}]}]"#;
        let golden = r#"{"format": "temporal-lens-figures/1", "source": "none", "of": {"model": "fixture", "num_hidden_layers": 4,
            "hidden_size": 48, "layer": 2, "width": 96, "kval_topk": 12}, "tolerances": {"f32": {"variance_explained": 1.0, "l0_pred": 1000.0, "similarity": 2.0}},
            "prompts": [{"text": "the tide is in", "tokens": 12, "variance_explained": 0.3, "l0_novel": 12}]}"#;
        for (name, content) in [
            ("corpus.jsonl", corpus.as_str()),
            ("list.jsonl", &list),
            ("text.txt", "the tide is in and the boat is out"),
            ("notice", "* s: somebody\n"),
            ("words.txt", "the\na\nin\nan\n"),
            ("topics.json", topics),
            ("golden.json", golden),
            ("template.html", TEMPLATE),
        ] {
            std::fs::write(it.folder.join(name), content).with_context(|| format!("cannot write {name}"))?;
        }
        it.must_work(
            "pack --gemma @gemma --tokenizer @tokenizer.json --sae @sae --layer 2 --precision f32 --out @pack",
        )?;
        copy(&it.folder.join("pack"), &it.folder.join("words"))?;
        it.must_work("words --device cpu --model @words --vocabulary @words.txt --corpus @corpus.jsonl")?;
        it.must_work("tokenize --model @pack --corpus @corpus.jsonl --out @ids.safetensors")?;
        // A command that fails on whole files would look as if it refused every altered one. (No SAE of the fixtures fits the
        // GGUF file: it is read up to that.)
        let mut failed = Vec::new();
        for case in CASES {
            let ran = it.ran(case)?;
            if ran.fault.is_some() || ran.was_taken == (case.command == PACK_GGUF) {
                let errors = std::fs::read_to_string(it.folder.join("stderr")).unwrap_or_default();
                failed.push(format!(
                    "{} fails on whole files: {} {errors}",
                    case.command,
                    ran.fault.unwrap_or_default()
                ));
            }
        }
        if !failed.is_empty() {
            bail!("{}", failed.join("\n"));
        }
        Ok(it)
    }

    fn must_work(&self, command: &str) -> Result<()> {
        let output = self.command(command).output().context("cannot run the program")?;
        if !output.status.success() {
            bail!("{command}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// Number of commands with a file each.
    pub fn count(&self) -> usize {
        CASES.len()
    }

    /// Runs one of the commands with its file altered; the file is as before afterwards. A run with a fault leaves its
    /// files in `kept`.
    pub fn run(&self, which: usize, random: &mut Random, kept: &Path) -> Result<Ran> {
        let case = &CASES[which % CASES.len()];
        let path = self.folder.join(case.file);
        let whole = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let altered = random.altered(std::slice::from_ref(&whole));
        let manifest = path.with_file_name("manifest.json");
        let altered = match String::from_utf8(altered) {
            Ok(text) if manifest == path && random.below(2) == 0 => seal(&text).into_bytes(),
            Ok(text) => text.into_bytes(),
            Err(other) => other.into_bytes(),
        };
        std::fs::write(&path, &altered)?;
        // Half of the parts of a pack have the checksum of what they are: a host may serve any pack.
        let listed = (case.file.starts_with("pack/") && manifest != path && random.below(2) == 0)
            .then(|| std::fs::read_to_string(&manifest))
            .transpose()?;
        if let Some(listed) = &listed {
            let sum = |bytes: &[u8]| hash::hex(&Sha256::digest(bytes));
            std::fs::write(&manifest, seal(&listed.replace(&sum(&whole), &sum(&altered))))?;
        }
        let ran = self.ran(case);
        if ran.as_ref().is_ok_and(|ran| ran.fault.is_some()) {
            copy(&self.folder, kept)?;
        }
        if let Some(listed) = listed {
            std::fs::write(&manifest, listed)?;
        }
        std::fs::write(&path, whole)?;
        ran
    }

    fn ran(&self, case: &Case) -> Result<Ran> {
        let out = self.folder.join("out");
        let work = self.folder.join("work");
        for folder in [&out, &work] {
            if folder.exists() {
                std::fs::remove_dir_all(folder)?;
            }
        }
        std::fs::create_dir(&out)?;
        match case.name() {
            "words" => copy(&self.folder.join("pack"), &work)?,
            "lens" => copy(&self.folder.join("words"), &work)?,
            _ => {}
        }
        let started = Instant::now();
        let (stdout, stderr) = (self.folder.join("stdout"), self.folder.join("stderr"));
        let mut command = self.command(case.command);
        if !matches!(case.name(), "pack" | "html") {
            command.args(["--device", "cpu"]);
        }
        command.stdin(Stdio::null()).stdout(std::fs::File::create(&stdout)?).stderr(std::fs::File::create(&stderr)?);
        let child = command.spawn().with_context(|| format!("cannot run {}", self.program.display()))?;
        let ended = watched(child)?;
        let took = started.elapsed();
        let errors = String::from_utf8_lossy(&std::fs::read(&stderr)?).into_owned();
        let printed = String::from_utf8_lossy(&std::fs::read(&stdout)?).into_owned();
        let fault = match ended {
            Ended::Slow => Some(format!("it ran for more than {} s", SLOW.as_secs())),
            Ended::Large(kb) => Some(format!("it took {} MB of memory", kb / 1024)),
            Ended::Code(Some(0)) => unusable(&out, &printed),
            Ended::Code(Some(1 | 2)) => unreadable(&errors),
            Ended::Code(code) => Some(format!("it ended with {code:?}: {}", errors.lines().last().unwrap_or_default())),
        };
        let was_taken = matches!(ended, Ended::Code(Some(0)));
        Ok(Ran {
            name: case.name(),
            was_taken,
            fault: fault.map(|fault| format!("{}, {} altered: {fault}", case.command, case.file)),
            took,
        })
    }

    /// The program with the arguments of a line, in bounds that its shell sets.
    fn command(&self, line: &str) -> Command {
        let mut command = if cfg!(unix) {
            let mut shell = Command::new("sh");
            shell
                .args(["-c", &format!("ulimit -v {ADDRESSES_KB_MAX} 2>/dev/null; exec \"$0\" \"$@\"")])
                .arg(&self.program);
            shell
        } else {
            Command::new(&self.program)
        };
        command.args(line.split_whitespace().map(|arg| match arg.strip_prefix('@') {
            Some(name) => self.folder.join(name).into_os_string(),
            None => arg.into(),
        }));
        // Threads reserve addresses that they never use.
        command.envs([("MALLOC_ARENA_MAX", "2"), ("RAYON_NUM_THREADS", "2"), ("HF_ENDPOINT", "http://127.0.0.1:9")]);
        command
    }
}

enum Ended {
    Code(Option<i32>),
    Slow,
    Large(u64),
}

/// Waits for the program, and ends it where it takes too long or too much.
fn watched(mut child: Child) -> Result<Ended> {
    let until = Instant::now() + SLOW;
    let status = format!("/proc/{}/status", child.id());
    let ended = loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ended::Code(status.code()));
        }
        // Where the system tells: the most that it ever held.
        let held_kb = std::fs::read_to_string(&status).ok().and_then(|status| {
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        });
        if let Some(kb) = held_kb.filter(|kb| *kb > MEMORY_KB_MAX) {
            break Ended::Large(kb);
        }
        if Instant::now() > until {
            break Ended::Slow;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    child.kill()?;
    child.wait()?;
    Ok(ended)
}

/// What is wrong with what a command printed and wrote that says it succeeded.
fn unusable(out: &Path, printed: &str) -> Option<String> {
    let is_none = |word: &str| matches!(word.trim_matches(|c: char| !c.is_alphanumeric()), "NaN" | "inf" | "null");
    if let Some(line) = printed.lines().find(|line| line.split_whitespace().any(is_none)) {
        return Some(format!("it succeeded and printed {line:?}"));
    }
    let read = |name: &str| std::fs::read_to_string(out.join(name)).ok();
    if let Some(json) = read("a.json") {
        if let Err(error) = Analysis::from_json(&json) {
            return Some(format!("it succeeded with a result that is refused: {error}"));
        }
        if has_null(&json) {
            return Some("it succeeded with a null in the result".to_owned());
        }
    }
    let comparison = read("c.json").map(|json| Comparison::from_json(&json).map(|_| ()));
    comparison
        .and_then(std::result::Result::err)
        .map(|error| format!("it succeeded with a comparison that is refused: {error}"))
}

/// Whether a result lacks a number that its text has: of shuffled orders, and of a single token, some are not defined.
fn has_null(json: &str) -> bool {
    fn found(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Array(list) => list.iter().any(found),
            Value::Object(fields) => fields.iter().any(|(name, value)| name != "shuffled" && found(value)),
            _ => false,
        }
    }
    let Ok(document) = serde_json::from_str::<Value>(json) else { return true };
    document["tokens"].as_array().is_none_or(|tokens| tokens.len() > 1) && found(&document)
}

/// What is wrong with how an error was said.
fn unreadable(errors: &str) -> Option<String> {
    let sentence = errors.lines().last().unwrap_or_default();
    if errors.contains("panicked at") {
        Some(format!("a panic: {sentence}"))
    } else if sentence.trim().is_empty() {
        Some("it failed without a message".to_owned())
    } else if sentence.chars().count() > SENTENCE_MAX || sentence.chars().any(char::is_control) {
        Some("its error is not a plain sentence".to_owned())
    } else {
        None
    }
}

/// Copies a folder.
fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            std::fs::copy(&source, &target).with_context(|| format!("cannot copy {}", source.display()))?;
        }
    }
    Ok(())
}
