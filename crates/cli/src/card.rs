//! `card`: the figures of a model card, as tables in Markdown.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use burn::tensor::Device;
use lens_analysis::spans::WithinAcross;
use lens_files::write_whole;
use lens_import::claims::check_sae;
use lens_model::TemporalSae;
use lens_pack::text::{from_json, read_data};
use lens_train::cache::{GROUP, Streams};
use lens_train::checkpoint::parameters_of;
use lens_train::corpus::CONTEXT_LEAST;
use lens_train::figures::{Figures, Meter, TwoEvents, Units, contrast};
use lens_train::run::evenly;
use serde::Deserialize;

use crate::print::print;
use crate::progress::Progress;
use crate::results;
use crate::sentence::name as short;
use crate::train::{Opened, Reader, open, read_corpus};
use crate::train_args::CardArgs;

/// A text of two events.
#[derive(Deserialize)]
struct Story {
    name: String,
    first: String,
    second: String,
}

/// A kind's name, and its figures where there were texts of it.
type OfKind = (String, Option<Figures>);

/// What was measured of one SAE.
struct Column {
    name: String,
    all: Figures,
    kinds: Vec<OfKind>,
    stories: Vec<(String, TwoEvents)>,
}

/// Runs the command.
pub fn run(args: &CardArgs) -> Result<()> {
    let stories = args.stories.as_deref().map(read_stories).transpose()?.unwrap_or_default();
    let folders = args.sae.iter().map(|sae| named(sae)).collect::<Result<Vec<(String, PathBuf)>>>()?;
    check_names(&folders)?;
    let model = args.language_model.inputs();
    let inputs = args.heldout.iter().chain(&args.stories).chain(&model).chain(folders.iter().map(|(_, folder)| folder));
    let inputs: Vec<&Path> = inputs.map(PathBuf::as_path).collect();
    results::check(&args.out.as_deref().into_iter().collect::<Vec<_>>(), &inputs)?;
    let mut saes = Vec::with_capacity(folders.len());
    for (name, folder) in &folders {
        saes.push((name.clone(), parameters_of(folder)?));
    }
    let opened = open(&args.language_model)?;
    let Opened { reader, device } = &opened;
    for ((_, folder), (_, parameters)) in folders.iter().zip(&saes) {
        let origin = folder.display().to_string();
        check_sae(&parameters.config, &origin, &reader.model_name, reader.layer, reader.d_model)?;
    }
    let mut modules = Vec::with_capacity(saes.len());
    for (name, parameters) in saes {
        modules.push((name, parameters.sae(device)?));
    }
    let corpus = read_corpus(reader, &args.heldout)?;
    let contexts = evenly(corpus.contexts(args.context, None), args.tokens);
    if contexts.is_empty() {
        let least = CONTEXT_LEAST.min(args.context);
        bail!("the held-out texts hold none of {least} tokens or more, the fewest that are measured on");
    }
    let mut streams = Reader(&opened);
    let mut event_ids = Vec::with_capacity(stories.len());
    let mut boundaries = Vec::with_capacity(stories.len());
    for story in &stories {
        let file = args.stories.as_deref().unwrap_or(Path::new("--stories")).display();
        let ids = |text: &str| reader.tokenize(text).map_err(|e| anyhow!("{file}: story {:?}: {e}", story.name));
        boundaries.push(ids(&story.first)?.len());
        event_ids.push(ids(&format!("{} {}", story.first, story.second))?);
    }
    let event_streams = streams.read(&event_ids.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
    let mut meters: Vec<Meter<'_>> =
        modules.iter().map(|(_, sae)| meter(sae, corpus.kinds.len(), &device.burn)).collect();
    let mut progress = Progress::start(format!("{} contexts of held-out text", contexts.len()));
    for (done, group) in contexts.chunks(GROUP).enumerate() {
        let read = streams.read(&group.iter().map(|context| context.ids.as_slice()).collect::<Vec<_>>())?;
        for (context, stream) in group.iter().zip(read) {
            for (meter, (name, _)) in meters.iter_mut().zip(&modules) {
                meter.add(context.kind, &stream).map_err(|e| anyhow!("{name}: {e}"))?;
            }
        }
        progress.update((done * GROUP + group.len()) as u64, contexts.len() as u64);
    }
    let mut columns = Vec::with_capacity(meters.len());
    for ((name, _), meter) in modules.iter().zip(&meters) {
        let (all, kinds) = meter.figures();
        let mut events = Vec::with_capacity(stories.len());
        for ((story, stream), boundary) in stories.iter().zip(&event_streams).zip(&boundaries) {
            events.push((story.name.clone(), meter.two_events(stream, *boundary)?));
        }
        let kinds = corpus.kinds.iter().cloned().zip(kinds).collect();
        columns.push(Column { name: name.clone(), all, kinds, stories: events });
    }
    let text = tables(&columns);
    if let Some(out) = &args.out {
        write_whole(out, text.as_bytes())?;
    }
    print(&text)
}

fn meter<'a>(sae: &'a TemporalSae, kinds: usize, device: &Device) -> Meter<'a> {
    Meter::new(sae, kinds, usize::MAX, device)
}

/// NAME=DIR, or DIR under its own name.
fn named(argument: &str) -> Result<(String, PathBuf)> {
    Ok(match argument.split_once('=') {
        Some((_, "")) if !Path::new(argument).exists() => {
            bail!("--sae {argument}: no folder stands after the =; write NAME=DIR, or DIR alone")
        }
        Some((name, folder)) if !Path::new(argument).exists() => (name.to_owned(), PathBuf::from(folder)),
        _ => {
            let folder = PathBuf::from(argument);
            let name = folder.file_name().map_or_else(|| argument.to_owned(), |n| n.to_string_lossy().into_owned());
            (name, folder)
        }
    })
}

/// Names head the columns of tables: one each, and nothing that a table or a terminal acts on.
fn check_names(folders: &[(String, PathBuf)]) -> Result<()> {
    for (i, (name, folder)) in folders.iter().enumerate() {
        if name.trim().is_empty() || name.chars().any(|c| c == '|' || c.is_control()) {
            bail!("--sae: {:?} is not a name for a column of {}; use letters and digits", name, folder.display());
        }
        if folders[..i].iter().any(|(other, _)| other == name) {
            bail!("--sae: two are called {name}; give each a name: NAME=DIR");
        }
    }
    Ok(())
}

fn read_stories(path: &Path) -> Result<Vec<Story>> {
    let text = read_data(path)?;
    let file = path.display();
    let stories: Vec<Story> =
        from_json(&text).map_err(|e| anyhow!("{file}: not a list of objects with name, first and second: {e}"))?;
    match stories.iter().find(|story| story.first.trim().is_empty() || story.second.trim().is_empty()) {
        Some(story) => bail!("{file}: story {:?}: one of its two texts is empty", story.name),
        None => Ok(stories),
    }
}

/// What a row of the first table shows of an SAE.
type Cell = Box<dyn Fn(&Figures) -> String>;

fn tables(columns: &[Column]) -> String {
    let mut text = String::new();
    let Some(first) = columns.first() else { return text };
    let line = |cells: &mut dyn Iterator<Item = String>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
    let head = |what: &str, names: &mut dyn Iterator<Item = String>| {
        let names: Vec<String> = std::iter::once(what.to_owned()).chain(names).collect();
        let rule = "|---".repeat(names.len());
        format!("{}{rule}|\n", line(&mut names.into_iter()))
    };
    let names = || columns.iter().map(|c| c.name.clone());
    let what = format!(
        "held out, {} tokens; FVE in plain units / without dimension {} / scaled",
        first.all.tokens, first.all.massive
    );
    text += &head(&what, &mut names());
    for (label, cell) in rows() {
        text += &line(&mut std::iter::once(label.to_owned()).chain(columns.iter().map(|c| cell(&c.all))));
    }
    text += "\n";
    text += &head("FVE, by kind of text", &mut names());
    for (i, (kind, of_first)) in first.kinds.iter().enumerate() {
        let Some(of_first) = of_first else { continue };
        let label = format!("{}, {} tokens", short(kind), of_first.tokens);
        let cells = columns.iter().map(|c| {
            let figures = c.kinds.get(i).and_then(|(_, figures)| figures.as_ref());
            figures.map_or_else(String::new, |f| format!("{}; share {}", units(f.fve), option(f.share, 3)))
        });
        text += &line(&mut std::iter::once(label).chain(cells));
    }
    for column in columns.iter().filter(|c| !c.stories.is_empty()) {
        text += "\n";
        let sources = ["predictable codes", "novel codes", "residual stream", "residual stream, scaled"];
        text += &head(
            &format!("{}: cosine within / across two events", column.name),
            &mut sources.iter().map(|s| (*s).to_owned()),
        );
        for (name, events) in &column.stories {
            let of = [events.predictable, events.novel, events.residual, events.residual_scaled];
            text += &line(&mut std::iter::once(short(name)).chain(of.into_iter().map(within_and_across)));
        }
        let apart = column.stories.iter().filter(|(_, e)| contrast(e.predictable) >= 0.4).count();
        let twice = |of: &TwoEvents| {
            let others = contrast(of.novel).max(contrast(of.residual)).max(contrast(of.residual_scaled));
            contrast(of.predictable) >= 2.0 * others
        };
        let twice = column.stories.iter().filter(|(_, e)| twice(e)).count();
        text += &format!(
            "\nWithin minus across of predictable codes is 0.4 or more in {apart} of {} texts, and twice that of everything \
             else or more in {twice}.\n",
            column.stories.len()
        );
    }
    text
}

fn rows() -> Vec<(&'static str, Cell)> {
    vec![
        ("FVE", Box::new(|f| units(f.fve))),
        ("variance explained by the authors' formula", Box::new(|f| option(defined(f.variance_explained), 3))),
        ("predictable part alone: FVE", Box::new(|f| units(f.predicted))),
        ("predictable share of energy, scaled", Box::new(|f| option(f.share, 3))),
        ("L0 novel / predictable", Box::new(|f| format!("{:.0} / {:.0}", f.l0_novel, f.l0_pred))),
        (
            "effective rank of predictable / novel codes",
            Box::new(|f| format!("{} / {}", option(f.rank_pred, 1), option(f.rank_novel, 0))),
        ),
        ("cosine of the two reconstructions, scaled", Box::new(|f| option(f.cosine, 3))),
        ("dead features", Box::new(|f| format!("{:.1} %", 100.0 * f.dead))),
    ]
}

fn units(of: Units) -> String {
    // Of texts that are all alike there is nothing to explain.
    [of.plain, of.without, of.scaled].map(|value| option(defined(value), 3)).join(" / ")
}

fn defined(value: f64) -> Option<f64> {
    Some(value).filter(|value| value.is_finite())
}

fn option(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "none".to_owned(), |v| format!("{v:.digits$}"))
}

fn within_and_across(of: WithinAcross) -> String {
    let number = |v: Option<f32>| option(v.map(f64::from), 2);
    format!("{} / {}", number(of.within), number(of.across))
}
