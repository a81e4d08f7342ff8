//! `html`: a saved analysis as one file that shows it.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use lens_analysis::Analysis;
use lens_analysis::comparison::Comparison;
use lens_analysis::dashboard::Index;
use lens_files::write_whole;
use lens_pack::instead::is_missing;
use lens_pack::text::{of_bytes, read_data};
use lens_session::keys::is_key;
use lens_session::view_state::ViewState;
use lens_view::one_file::{Contents, TEMPLATE, one_file};

use crate::args::HtmlArgs;
use crate::print::print;
use crate::results::{self, ANALYSIS_FORMAT, DASHBOARDS_FORMAT};

/// Runs the command.
pub fn run(args: &HtmlArgs) -> Result<()> {
    let query = args.view.as_deref().unwrap_or_default();
    check_view(query)?;
    let template = match &args.template {
        Some(file) => file.clone(),
        None => beside_program()?,
    };
    if is_missing(&template) {
        let where_to = if args.template.is_some() { "name that" } else { "put it there, or name one" };
        bail!(
            "there is no {}: every site of Temporal Lens has a {TEMPLATE} (`cargo xtask dist` builds one in dist/, and a release has \
             it beside the program); {where_to} with --template",
            template.display()
        );
    }
    let given = [Some(&args.result), args.comparison.as_ref(), args.features.as_ref(), Some(&template)];
    results::check(&[&args.out], &given.into_iter().flatten().map(PathBuf::as_path).collect::<Vec<_>>())?;
    let result = read_data(&args.result)?;
    let analysis = Analysis::from_json(&result).map_err(|e| anyhow!("{}: {e}", args.result.display()))?;
    let comparison = args.comparison.as_deref().map(read_data).transpose()?;
    if let (Some(json), Some(file)) = (&comparison, &args.comparison) {
        check_kind(json, file, COMPARISON)?;
        let found = Comparison::from_json(json).map_err(|e| anyhow!("{}: {e}", file.display()))?;
        if found.first.text != analysis.text {
            bail!("{} compares another text than {} is of", file.display(), args.result.display());
        }
        if found.first.inf_k != analysis.inf_k {
            bail!(
                "{} compares the text at another inf_k than that of {}; make both with the same",
                file.display(),
                args.result.display()
            );
        }
    }
    let features = args.features.as_deref().map(read_data).transpose()?;
    if let (Some(json), Some(file)) = (&features, &args.features) {
        check_kind(json, file, DASHBOARDS)?;
        let index = Index::from_json(json).map_err(|e| anyhow!("{}: {e}", file.display()))?;
        if index.pack_hash != analysis.model.pack_hash {
            bail!("{} is of the features of another pack than {} was made with", file.display(), args.result.display());
        }
    }
    let contents =
        Contents { result: &result, comparison: comparison.as_deref(), features: features.as_deref(), query };
    let html =
        one_file(&read_page(&template)?, &analysis, contents).map_err(|e| anyhow!("{}: {e}", template.display()))?;
    write_whole(&args.out, html.as_bytes())?;
    print(&format!("{}: {} bytes, {} tokens\n", args.out.display(), html.len(), analysis.tokens.len()))
}

/// The page passes over what it does not know, since links pass through many programs; here it was typed for this file.
fn check_view(query: &str) -> Result<()> {
    let query = query.trim_start_matches('?');
    let name = |part: &str| part.split_once('=').map_or(part.to_owned(), |(name, _)| name.to_owned());
    if let Some(why) = ViewState::read(query).dropped.first() {
        bail!("--view: {why}");
    }
    match query.split('&').filter(|part| !part.is_empty()).map(name).find(|name| !is_key(name)) {
        Some(name) => {
            bail!("--view: {name:?} is not a parameter of a link; docs/embed.md lists them, such as view=path")
        }
        None => Ok(()),
    }
}

/// How the format of a kind of file begins, what such a file is, and what makes one.
type Kind = (&'static str, &'static str, &'static str);
const ANALYSIS: Kind = (ANALYSIS_FORMAT, "a saved analysis", "`analyze --json` makes one");
const COMPARISON: Kind = ("temporal-lens-comparison/", "a comparison", "`compare` makes one");
const DASHBOARDS: Kind = (DASHBOARDS_FORMAT, "an index of dashboards", "`dashboards` makes one");
const RESULTS: Kind = ("temporal-lens-index/", "the index of a folder of results", "`analyze --text-list` makes one");

/// Refuses a file of ours that is of another kind than `wanted`.
fn check_kind(json: &str, file: &Path, wanted: Kind) -> Result<()> {
    let start: String = json.chars().take(500).collect();
    // A comparison has two analyses in it: the first format is the file's.
    let place = |(format, ..): &Kind| start.find(&format!("\"{format}"));
    let first =
        [ANALYSIS, COMPARISON, DASHBOARDS, RESULTS].into_iter().filter(|kind| place(kind).is_some()).min_by_key(place);
    match first.filter(|found| found.0 != wanted.0) {
        Some((_, found, _)) => bail!("{}: it is {found}, and {} is needed: {}", file.display(), wanted.1, wanted.2),
        None => Ok(()),
    }
}

/// Larger than any template.
const TEMPLATE_BYTES_MAX: u64 = 256 << 20;

/// Not [`read_data`], which takes a page for what a host answers in a file's place.
fn read_page(file: &Path) -> Result<String> {
    if file.is_dir() {
        bail!("{} is a folder; --template names the {TEMPLATE} in it", file.display());
    }
    let mut bytes = Vec::new();
    std::fs::File::open(file)
        .and_then(|opened| opened.take(TEMPLATE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|e| anyhow!("cannot read {}: {e}", file.display()))?;
    if bytes.len() as u64 > TEMPLATE_BYTES_MAX {
        bail!("{}: has more than {TEMPLATE_BYTES_MAX} bytes: it is not a {TEMPLATE}", file.display());
    }
    of_bytes(&bytes).map_err(|e| anyhow!("{}: {e}", file.display()))
}

/// The template that a release has beside the program.
fn beside_program() -> Result<PathBuf> {
    let program =
        std::env::current_exe().and_then(|program| program.canonicalize()).context("cannot find this program")?;
    Ok(program.with_file_name(TEMPLATE))
}
