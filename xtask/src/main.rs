//! The project's chores, each one command that sets up what it needs: see [`HELP`].
//!
//! | file | what it does |
//! |---|---|
//! | [`setup`] | installs what is missing: the wasm target, trunk, wasm-bindgen, wasm-opt, the browser |
//! | [`model`] | fetches the default model's weights, tokenizer and terms |
//! | [`pack`] | packs them with the bundled SAE |
//! | [`site`] | builds the site and puts the pack beside it |
//! | [`shell`] | the built page's content security policy and service worker |
//! | [`server`] | serves it on localhost |
//! | [`test`] | runs every check, and counts |
//! | [`gallery`] | makes the precomputed examples again |
//! | [`bench`] | times our kernels and the whole path against others in the same browser |
//! | [`process`], [`console`], [`paths`] | running programs, telling how far they are, finding folders |

mod bench;
mod console;
mod gallery;
mod model;
mod pack;
mod paths;
mod process;
mod server;
mod setup;
mod shell;
mod site;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use paths::Paths;

const HELP: &str = "\
usage: cargo xtask COMMAND

  serve   install what the build needs, fetch and pack the default model, build the site, serve it
          on localhost   [--port N] [--prefix /sub/path/] [--no-ranges] [--dist FOLDER]
  dist    the same without serving: the site is then in dist/, plain static files for any host
          [--with-model] copies it with the model to one folder for a host or a stick, and zips that
          [--out FOLDER] where to, by default temporal-lens/
  test    every check: formatting, lints, tests, the site in a real browser, size budgets
          [--only STEP]... runs some of: fmt clippy cargo-test clippy-wasm site sizes e2e
          (LENS_SCREENSHOT=docs/screenshot.png and LENS_PICTURES=docs/pictures also keep the README's pictures,
          LENS_E2E=engine runs one file of tests/e2e)
  bench   time our kernels and the whole path against onnxruntime-web in the same browser, UMAP against
          umap-js and umap-learn, drawing, and the first picture; print tables, write them to
          target/bench/results.json; docs/performance.md says how
          [--only linear|path|profile|full-size|typing|umap|drawing|picture] [--tokens N] [--rounds N]
          [--gpu] [--dist FOLDER] [--json FILE]
  gallery make the precomputed examples again (demo/examples), after the model or the texts changed
  setup   only install what the build and the tests need
  fetch   only fetch the default model, check it, pack it, and print where the pack is
  help    this text

Downloads, tools and packs are kept in TEMPORAL_LENS_CACHE, by default ~/.cache/temporal-lens.
";

/// Where `serve` begins to look for a free port.
const PORT: u16 = 8080;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            console::line(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<ExitCode> {
    let (command, rest) = args.split_first().map_or(("help", args), |(first, rest)| (first.as_str(), rest));
    let started = Instant::now();
    match command {
        "serve" => serve(rest, started)?,
        "dist" => {
            let out = bundle_folder(rest)?;
            let dist = site::build(&Paths::find()?)?;
            match out {
                None => {
                    console::line(&format!("the site is in {} [{}]", dist.display(), console::spell(started.elapsed())))
                }
                Some(out) => {
                    let (zip, bytes) = site::bundle(&dist, &out)?;
                    let (place, zip, megabytes) = (out.display(), zip.display(), bytes / 1_000_000);
                    console::line(&format!(
                        "{megabytes} MB in {place}, zipped as {zip} [{}]",
                        console::spell(started.elapsed())
                    ));
                }
            }
        }
        "bench" => bench::run(&Paths::find()?, rest)?,
        "test" => return test::run(&Paths::find()?, rest),
        "gallery" => {
            no_more(rest)?;
            gallery::run(&Paths::find()?)?;
        }
        "setup" => {
            no_more(rest)?;
            let paths = Paths::find()?;
            setup::for_site(&paths)?;
            setup::for_test(&paths)?;
            console::line(&format!("all is installed [{}]", console::spell(started.elapsed())));
        }
        "fetch" => {
            no_more(rest)?;
            let paths = Paths::find()?;
            let folder = model::fetch(&paths)?;
            model::verify(&folder)?;
            let packed = pack::find_or_make(&paths, &folder)?;
            console::line(&format!("the model is in {} [{}]", folder.display(), console::spell(started.elapsed())));
            // On stdout, for scripts: temporal-lens analyze --model "$(cargo xtask fetch)"
            println!("{}", packed.display());
        }
        // Not for people: trunk's hook.
        "add-pack" => {
            let folder = rest.first().context("add-pack needs the folder of the built pages")?;
            site::add_pack(&Paths::find()?, Path::new(folder))?;
        }
        "help" | "--help" | "-h" => print!("{HELP}"),
        other => {
            eprint!("there is no command {other:?}\n\n{HELP}");
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn serve(args: &[String], started: Instant) -> Result<()> {
    let (mut port, mut prefix, mut ranges, mut dist) = (PORT, "/".to_owned(), true, None);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--port" => port = value()?.parse().context("--port needs a number")?,
            "--prefix" => prefix = format!("/{}/", value()?.trim_matches('/')).replace("//", "/"),
            "--dist" => dist = Some(PathBuf::from(value()?)),
            "--no-ranges" => ranges = false,
            other => bail!("serve does not know {other:?}; see `cargo xtask help`"),
        }
    }
    let dist = match dist {
        Some(folder) => folder,
        None => site::build(&Paths::find()?)?,
    };
    let running = server::start(server::Options { port, prefix, ranges, folders: vec![(String::new(), dist)] })?;
    console::line(&format!("ready after {}; end with Ctrl-C", console::spell(started.elapsed())));
    println!("{}", running.url);
    running.wait();
    Ok(())
}

/// Where `dist --with-model` puts its folder; none without that flag.
fn bundle_folder(args: &[String]) -> Result<Option<PathBuf>> {
    let (mut is_wanted, mut out) = (false, None);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--with-model" => is_wanted = true,
            "--out" => out = Some(PathBuf::from(args.next().context("--out needs a folder")?)),
            other => bail!("dist does not know {other:?}; see `cargo xtask help`"),
        }
    }
    if out.is_some() && !is_wanted {
        bail!("--out goes with --with-model; without it the site is in dist/");
    }
    Ok(is_wanted.then(|| out.unwrap_or_else(|| PathBuf::from("temporal-lens"))))
}

fn no_more(args: &[String]) -> Result<()> {
    match args.first() {
        None => Ok(()),
        Some(other) => bail!("unexpected {other:?}; see `cargo xtask help`"),
    }
}
