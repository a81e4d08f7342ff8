//! The page follows while one types: what the text has in common with the one before is not computed
//! again, so an answer costs little more than the tokens that changed.
//!
//! A pause in typing asks; what is under way and no longer wanted is canceled; the newest text wins.

use lens_protocol::{Request, RowSource};

use crate::message::{Effect, Timer};
use crate::model::{Model, Next, Phase};
use crate::requests::parse_inf_k;

/// Typing pauses for so long before the text is analyzed.
const PAUSE_MS: u32 = 250;

impl Model {
    /// The text in the box may have changed.
    pub(crate) fn text_changed(&mut self) {
        // Nothing is fetched, and no engine started, before Analyze was pressed once.
        if !self.is_live || !self.is_loaded || self.is_composing {
            return;
        }
        self.typed = self.typed.wrapping_add(1);
        self.ask(Effect::SetTimer(Timer::Typing(self.typed), PAUSE_MS));
    }

    /// Typing has paused since so many changes.
    pub(crate) fn typing_paused(&mut self, typed: u32) {
        if self.typed == typed {
            self.follow();
        }
    }

    /// Analyzes the text as it is now, after what is under way.
    pub(crate) fn follow(&mut self) {
        // The end of the composition asks.
        if self.is_composing || self.is_answered() {
            return;
        }
        if self.is_loading() {
            self.next = Next::Typed;
            if self.is_quiet {
                self.cancel();
            }
            return;
        }
        let (Some(pack), Ok(inf_k)) = (&self.pack, parse_inf_k(&self.inf_k)) else { return };
        if self.text.trim().is_empty() || self.too_long().is_some() {
            return;
        }
        // The requests for rows show a host which tokens were typed: they go to a foreign host only where the visitor
        // agreed.
        let may_ask = pack.foreign_host.is_none() || self.has_agreed;
        let rows = if may_ask { RowSource::Host } else { RowSource::StoredOnly };
        if let Some(job) = self.analyze(inf_k, rows) {
            self.begin_quietly(job);
        }
    }

    /// Whether the text in the box, as it is now, is the one that is under way, has failed or is shown.
    fn is_answered(&self) -> bool {
        let inf_k = parse_inf_k(&self.inf_k);
        let is_this = |other: &str, other_k: Option<usize>| other == self.text && inf_k == Ok(other_k);
        match self.phase {
            Phase::Loading | Phase::Error => {
                matches!(&self.job, Some(Request::Analyze { text, inf_k, .. }) if is_this(text, *inf_k))
            }
            // Not the last one that was asked for: Back may show an earlier one.
            Phase::Done => self.shown.as_ref().is_some_and(|shown| is_this(&shown.analysis.text, shown.analysis.inf_k)),
            Phase::Idle => false,
        }
    }
}
