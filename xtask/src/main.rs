//! The project's chores, each one command that sets up what it needs. `cargo xtask help` lists them.
//!
//! | file | what it does |
//! |---|---|
//! | [`setup`] | installs what is missing: the wasm target, trunk, wasm-bindgen, wasm-opt, the browser |
//! | [`model`] | fetches the default model's weights, tokenizer and terms |
//! | [`pack`] | packs them with the bundled SAE |
//! | [`site`] | builds the site and puts the pack next to it |
//! | [`shell`] | the built page's content security policy and service worker |
//! | [`one_file`] | the template of single files that show an analysis |
//! | [`server`] | serves it on localhost |
//! | [`dev`] | builds and serves again whenever a source file changes |
//! | [`structure`] | which file and which crate uses which: no import cycle, no upward dependency |
//! | [`test`] | runs the checks, and counts |
//! | [`landing`] | the static pages of the examples, and what a link shows where it is sent to |
//! | [`gallery`] | makes the precomputed examples again |
//! | [`fuzz`] | altered files for every reader and every command |
//! | [`gpu_kit`] | packs all that is measured on a machine with a GPU |
//! | [`bench`] | times our kernels and the whole path against others in the same browser |
//! | [`cpu_bench`] | times the CPU natively against PyTorch |
//! | [`wheel`] | the Python package as a wheel, with the template of single files in it |
//! | [`process`], [`console`], [`paths`], [`hash`] | running programs, showing progress, finding folders, hashing files |

mod bench;
mod console;
mod cpu_bench;
mod dev;
mod fuzz;
mod gallery;
mod gpu_kit;
mod hash;
mod landing;
mod model;
mod one_file;
mod pack;
mod paths;
mod process;
mod server;
mod setup;
mod shell;
mod site;
mod structure;
mod test;
mod wheel;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand};

use paths::Paths;

/// Where `serve` and `dev` begin to look for a free port.
const PORT: u16 = 8080;

/// The chores of Temporal Lens: each command installs what it needs and is missing.
#[derive(Debug, Parser)]
#[command(name = "xtask", bin_name = "cargo xtask")]
#[command(after_help = "Downloads, tools and packs lie in TEMPORAL_LENS_CACHE, by default ~/.cache/temporal-lens.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build the site with the default model and serve it on localhost.
    ///
    /// The build is a quick one: no link-time optimization, no wasm-opt. `cargo xtask dist` builds what is published.
    Serve(ServeArgs),
    /// Serve the page while you work on it: build again, and reload the page, whenever a source file changes.
    Dev(DevArgs),
    /// Build the site as it is published, into dist/: static files for any host.
    ///
    /// TEMPORAL_LENS_URL=https://lens.example/demo/ says where its folder will be: links to it then show a picture everywhere.
    Dist(DistArgs),
    /// Build the Python package (python/) as a wheel, with the page in it.
    Wheel(wheel::WheelArgs),
    /// Formatting, lints (native and wasm), import cycles between files, upward dependencies between crates, licenses
    /// and sources of dependencies, workflows.
    Check,
    /// Every check: what `check` does, all tests, the site in a real browser, size budgets.
    Test(test::TestArgs),
    /// Time our kernels, the whole path, UMAP and drawing next to other implementations, in the same browser.
    ///
    /// Prints tables and writes a JSON file; docs/performance.md has the method.
    Bench(bench::BenchArgs),
    /// Pack programs, browser, models and scripts for a machine with a GPU that has neither a network nor a compiler.
    ///
    /// docs/gpu-kit.md says what is measured there, and how.
    GpuKit(gpu_kit::GpuKitArgs),
    /// For the kit's scripts: the benches of an unpacked kit.
    #[command(hide = true)]
    KitBench(gpu_kit::KitBenchArgs),
    /// Alter the fixtures in seeded ways and give them to every reader and command: none may panic, take long or much memory,
    /// or succeed with what is no result.
    Fuzz(fuzz::FuzzArgs),
    /// Make the precomputed examples (demo/examples) again, after the model, its SAE or a text changed.
    Gallery,
    /// Only install what the build and the tests need.
    Setup,
    /// Only fetch and pack the default model; prints where the pack is.
    Fetch,
    /// For trunk's hook: put the pack next to the pages in a folder.
    #[command(hide = true)]
    AddPack {
        /// The folder of the built pages.
        folder: PathBuf,
    },
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// The first port to try; the next twenty follow.
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// Path under which the site is served.
    #[arg(long, value_name = "/SUB/PATH/", default_value = "/")]
    prefix: String,
    /// Answer no byte ranges, as some static hosts.
    #[arg(long)]
    no_ranges: bool,
    /// Serve this folder instead of building.
    #[arg(long, value_name = "FOLDER")]
    dist: Option<PathBuf>,
    /// Build as `dist` does: small modules, a long build.
    #[arg(long, conflicts_with = "dist")]
    release: bool,
}

#[derive(Debug, Args)]
struct DevArgs {
    /// The first port to try; the next twenty follow.
    #[arg(long, default_value_t = PORT)]
    port: u16,
}

#[derive(Debug, Args)]
struct DistArgs {
    /// Copy the site with the model to one folder for a host or a stick, and zip that.
    #[arg(long)]
    with_model: bool,
    /// The folder of `--with-model`.
    #[arg(long, value_name = "FOLDER", requires = "with_model", default_value = "temporal-lens")]
    out: PathBuf,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            console::line(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    let started = Instant::now();
    let elapsed = || console::spell(started.elapsed());
    if let Command::KitBench(args) = &command {
        // Where it runs, there is no tree.
        gpu_kit::measure(args)?;
        return Ok(ExitCode::SUCCESS);
    }
    let paths = Paths::find()?;
    match command {
        Command::Serve(args) => serve(&paths, args, started)?,
        Command::Dev(DevArgs { port }) => dev::run(&paths, port)?,
        Command::Dist(args) => dist(&paths, &args, started)?,
        Command::Wheel(args) => wheel::run(&paths, &args)?,
        Command::Check => return test::check(&paths),
        Command::Test(args) => return test::run(&paths, &args),
        Command::Bench(args) => bench::run(&paths, args)?,
        Command::GpuKit(args) => gpu_kit::run(&paths, &args)?,
        Command::KitBench(_) => {}
        Command::Fuzz(args) => fuzz::run(&paths, &args)?,
        Command::Gallery => gallery::run(&paths)?,
        Command::Setup => {
            setup::for_site(&paths)?;
            setup::for_test(&paths)?;
            console::line(&format!("everything is installed [{}]", elapsed()));
        }
        Command::Fetch => {
            let folder = model::fetch(&paths)?;
            model::verify(&folder)?;
            let packed = pack::find_or_make(&paths, &folder)?;
            console::line(&format!("the model is in {} [{}]", folder.display(), elapsed()));
            // On stdout, for scripts: temporal-lens analyze --model "$(cargo xtask fetch)"
            println!("{}", packed.display());
        }
        Command::AddPack { folder } => site::add_pack(&paths, &folder)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn serve(paths: &Paths, args: ServeArgs, started: Instant) -> Result<()> {
    let kind = if args.release { site::Kind::Published } else { site::Kind::Quick };
    let dist = match args.dist {
        Some(folder) if !folder.join("index.html").is_file() => {
            bail!("{} holds no index.html; `cargo xtask dist` builds a site", folder.display())
        }
        Some(folder) => folder,
        None => site::build(paths, kind)?,
    };
    let running = server::start(server::Options {
        port: args.port,
        prefix: normalized_prefix(&args.prefix),
        ranges: !args.no_ranges,
        folders: vec![(String::new(), dist)],
    })?;
    console::line(&format!("ready after {}; end with Ctrl-C", console::spell(started.elapsed())));
    println!("{}", running.url);
    running.wait();
    Ok(())
}

/// A path with a slash at both ends.
fn normalized_prefix(prefix: &str) -> String {
    format!("/{}/", prefix.trim_matches('/')).replace("//", "/")
}

fn dist(paths: &Paths, args: &DistArgs, started: Instant) -> Result<()> {
    let dist = site::build(paths, site::Kind::Published)?;
    let elapsed = || console::spell(started.elapsed());
    if args.with_model {
        let (zip, bytes) = site::bundle(&dist, &args.out)?;
        let (place, zip, megabytes) = (args.out.display(), zip.display(), bytes / 1_000_000);
        console::line(&format!("{megabytes} MB in {place}, zipped as {zip} [{}]", elapsed()));
    } else {
        console::line(&format!("the site is in {} [{}]", dist.display(), elapsed()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use clap::error::ErrorKind;

    use super::*;

    fn parse(args: &[&str]) -> std::result::Result<Cli, clap::Error> {
        Cli::try_parse_from(["xtask"].iter().chain(args))
    }

    #[test]
    fn every_command_answers_help() {
        Cli::command().debug_assert();
        for command in Cli::command().get_subcommands() {
            let error = parse(&[command.get_name(), "--help"]).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::DisplayHelp, "{}", command.get_name());
        }
    }

    #[test]
    fn options_are_understood_or_refused() {
        let Command::Serve(args) =
            parse(&["serve", "--port", "1", "--prefix", "sub/path", "--no-ranges"]).unwrap().command
        else {
            panic!("serve is a command of its own")
        };
        assert_eq!((args.port, normalized_prefix(&args.prefix).as_str(), args.no_ranges), (1, "/sub/path/", true));
        assert_eq!(normalized_prefix("/"), "/");
        assert!(parse(&["dist", "--out", "x"]).is_err(), "--out goes with --with-model");
        assert!(parse(&["serve", "--speed"]).is_err());
        assert!(parse(&["serve", "--dist", "x", "--release"]).is_err());
        assert!(parse(&["fly"]).is_err());
        for wrong in [&["bench", "--only", "nothing"][..], &["bench", "--rounds", "0"], &["bench", "--rounds"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(parse(&["bench", "--only", "path", "--only", "linear", "--rounds", "2", "--gpu"]).is_ok());
        assert!(parse(&["test", "--only", "nothing"]).is_err());
        assert!(parse(&["test", "--only", "fmt", "--only", "e2e"]).is_ok());
    }
}
