//! What commands share: opening a pack, running tokens through it.

use std::ops::ControlFlow;
use std::path::Path;

use anyhow::Result;
use lens_analysis::Analysis;
use lens_engine::{
    InferenceSession, InferenceStage, OpenedDevice, PackFolder, PrecisionPlan, RunOptions, Tokens, open_device,
};

use crate::args::DeviceArg;
use crate::print::status;
use crate::progress::Progress;

/// Opens the device, prints its name, and loads the pack onto it.
pub fn open_pack(folder: &Path, device: Option<DeviceArg>) -> Result<PackFolder> {
    open_mixed(folder, device, None)
}

/// As [`open_pack`], with the matrices of an f32 pack stored as `mix` says.
pub fn open_mixed(folder: &Path, device: Option<DeviceArg>, mix: Option<PrecisionPlan>) -> Result<PackFolder> {
    let OpenedDevice { device, name, note, .. } = pollster::block_on(open_device(device.map(Into::into)))?;
    match note {
        Some(note) => status!("device: {name} ({note})"),
        None => status!("device: {name}"),
    }
    let mut progress = Progress::start(format!("loading {}", folder.display()));
    let pack = PackFolder::open_mixed(folder, device, mix, |done, total| progress.update(done, total))?;
    drop(progress);
    report_unchecked(folder, &pack);
    Ok(pack)
}

/// Says of a pack of an earlier version what could not be compared.
pub fn report_unchecked(folder: &Path, pack: &PackFolder) {
    if pack.loaded.manifest().checksum.is_none() {
        status!(
            "note: the manifest of {} has no checksum of its own, as packs of earlier versions: its numbers are taken as they \
             are; a pack that is made again has one",
            folder.display()
        );
    }
}

/// Takes given tokens through the networks.
pub fn read_tokens(pack: &PackFolder, tokens: &Tokens, options: RunOptions) -> Result<InferenceSession> {
    let rows = pack.embedding(&tokens.ids)?;
    let mut progress = Progress::start(format!("analyzing {} tokens", tokens.ids.len()));
    let mut session = InferenceSession::new(pack.loaded.clone(), options)?;
    // The callback never breaks.
    let _ = pollster::block_on(session.extend(&rows, |stage| {
        if let InferenceStage::Layer(done, total) = stage {
            progress.update(done as u64, total as u64);
        }
        ControlFlow::Continue(())
    }))?;
    Ok(session)
}

/// Loads the pack's words, where it has any. Damaged ones end the command where it is about them (`needed`), else it does
/// without, and says so.
///
/// # Errors
/// What is wrong with words that are needed.
pub fn load_words(pack: &PackFolder, needed: bool) -> Result<()> {
    if pack.loaded.manifest().words.is_none() {
        return Ok(());
    }
    match pack.load_words() {
        Err(error @ lens_engine::Error::Pack(_)) if !needed => {
            status!("note: without words, since those of the pack cannot be read: {error}; {ADDS_WORDS}");
            Ok(())
        }
        other => Ok(other?),
    }
}

/// What gives a pack words.
pub const ADDS_WORDS: &str = "`temporal-lens words --model PACK --corpus TEXTS` adds them, with no need to pack again";

/// The analysis of a text that went through, in words where the pack's are loaded.
pub fn analysis(pack: &PackFolder, text: &str, tokens: &Tokens, session: &mut InferenceSession) -> Result<Analysis> {
    let mut analysis = pack.loaded.analysis(text, tokens, session.summary(), session.options());
    if pack.loaded.has_words() {
        pollster::block_on(session.add_words(&mut analysis))?;
    }
    Ok(analysis)
}
