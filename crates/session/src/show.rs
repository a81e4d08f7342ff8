//! An analysis or a comparison comes onto the page; what a link pins and selects is placed on it.

use std::sync::Arc;

use lens_analysis::Analysis;
use lens_analysis::comparison::Comparison;
use lens_analysis::document::DocumentError;
use lens_view::comparison;
use lens_view::focus::Focus;
use lens_view::selection::Selection;

use crate::model::{Model, Pending, Phase};
use crate::outside::{OutsideError, readable_json};
use crate::shown::{Origin, ShownAnalysis, ShownComparison};

/// Analyses, and comparisons, kept for Back.
const RECENT: usize = 8;

/// Why an analysis or a comparison is not shown, as a phrase that follows a colon.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShowError {
    /// Its text is not here.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// Its text is not a document that this page reads.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

impl Model {
    /// Puts an analysis on the page. Reads the document; the string is untrusted.
    ///
    /// # Errors
    /// What is wrong with the document.
    pub(crate) fn show(&mut self, json: &str, origin: Origin) -> Result<(), DocumentError> {
        let analysis = Analysis::from_json(&readable_json(json))?;
        self.show_analysis(analysis, origin);
        Ok(())
    }

    /// The same of a document that was fetched or opened.
    ///
    /// # Errors
    /// [`ShowError`].
    pub(crate) fn show_found(&mut self, found: Result<String, OutsideError>, origin: Origin) -> Result<(), ShowError> {
        self.show(&found?, origin)?;
        Ok(())
    }

    /// Puts an analysis on the page.
    pub(crate) fn show_analysis(&mut self, analysis: Analysis, origin: Origin) {
        let shown = Arc::new(ShownAnalysis { analysis, origin });
        let is_same =
            |it: &ShownAnalysis| (&it.analysis.text, it.analysis.inf_k) == (&shown.analysis.text, shown.analysis.inf_k);
        keep(&mut self.recent, &shown, is_same);
        self.put(shown);
        // Another text's part means nothing here; a link's own comes with its pins.
        self.view.zoom = None;
        self.place_pins();
    }

    /// Puts an analysis on the page that was there before.
    pub(crate) fn show_again(&mut self, shown: Arc<ShownAnalysis>) {
        self.problem = None;
        self.phase = if shown.origin == Origin::Precomputed { Phase::Idle } else { Phase::Done };
        self.put(shown);
        self.is_editing = false;
    }

    fn put(&mut self, shown: Arc<ShownAnalysis>) {
        // The same tokens, with words or another inf_k: the word that is looked at stays.
        if self.shown.as_ref().is_none_or(|before| before.analysis.tokens != shown.analysis.tokens) {
            self.set_focus(Focus::default());
            self.view.spans.clear();
        }
        self.rewind(shown.analysis.tokens.len());
        // Whoever types goes on typing, also past the text that Analyze was pressed for.
        self.is_editing &= self.is_quiet || self.text != shown.analysis.text;
        self.attention = shown.analysis.attention.clone().map(Arc::new);
        self.is_attention_asked = false;
        self.shuffled = shown.analysis.shuffled.clone().map(Arc::new);
        self.is_shown_quietly = self.is_quiet && matches!(shown.origin, Origin::Live(_));
        self.shown = Some(shown);
    }

    /// The box holds what is shown, which nothing under way replaces any more.
    pub(crate) fn opened(&mut self, phase: Phase) {
        self.abandon();
        if let Some(shown) = &self.shown {
            self.text = shown.analysis.text.clone();
            self.inf_k = inf_k_text(shown.analysis.inf_k);
        }
        self.is_editing = false;
        self.problem = None;
        self.phase = phase;
    }

    /// A file with a saved result, which needs no model.
    pub(crate) fn open_file(&mut self, name: String, read: Result<String, OutsideError>) {
        // What typing asked for gives way: its answer is not what the visitor wants now.
        if self.is_asked_for() {
            self.note = Some(format!("{name} was not opened: an analysis is under way."));
            return;
        }
        match self.show_found(read, Origin::File(name.clone())) {
            Ok(()) => {
                self.give_up_opening();
                self.view.feature = None;
                self.opened(Phase::Done);
            }
            Err(problem) => self.not_opened(format!("{name} was not opened: {problem}.")),
        }
    }

    /// Pin and spans of the link, where the shown text has them.
    pub(crate) fn place_pins(&mut self) {
        let (Some(tokens), Some(shown)) = (self.shown_tokens(), &self.shown) else { return };
        // Once: what is shown later has pins of its own.
        let Some(pending) = self.pending.take() else { return };
        if !pending.is_of(shown) {
            // What the link is about may still come, until it is open.
            self.pending = self.opening.is_some().then_some(pending);
            return;
        }
        let Pending { pin, spans, zoom, read_to, .. } = pending;
        self.view.zoom = zoom;
        let fits = pin.is_none_or(|pin| pin.row < tokens && pin.column < tokens);
        let all_fit = fits && spans.spans().iter().all(|span| span.end <= tokens);
        if !all_fit {
            self.dropped.push(format!("what it pins or selects lies past the text’s {tokens} tokens"));
        }
        let is_opening = self.opening.is_some();
        if fits && (pin.is_some() || is_opening) {
            self.set_focus(Focus { pinned: pin, ..self.focus });
        }
        let inside = Selection::of(spans.spans().iter().filter(|span| span.end <= tokens).cloned().collect());
        if is_opening || !inside.spans().is_empty() {
            self.view.spans = inside;
        }
        if is_opening || read_to.is_some() {
            self.read_as_linked(read_to, tokens);
        }
    }

    /// Closes the open card; without one, ends the film; without one, selects nothing; with nothing selected, unpins.
    pub(crate) fn step_back(&mut self) {
        if self.view.feature.take().is_some() {
            return;
        }
        if self.view.read_to.is_some() {
            self.close_film();
            return;
        }
        if self.view.spans.spans().is_empty() {
            self.set_focus(Focus::default());
        } else {
            self.view.spans.clear();
        }
    }

    /// Puts a comparison on the page.
    pub(crate) fn show_comparison(&mut self, comparison: Comparison, is_precomputed: bool) {
        // The second text is the one in the second box, wherever the comparison comes from.
        self.second_text = Some(comparison.second.text.clone());
        self.second_inf_k = inf_k_text(comparison.second.inf_k);
        let compared = Arc::new(ShownComparison { comparison, is_precomputed });
        keep(&mut self.recent_comparisons, &compared, |it| it.is_same_as(&compared));
        let second = &compared.comparison.second;
        let asked =
            self.view.second.as_ref().filter(|asked| (&asked.text, asked.inf_k) == (&second.text, second.inf_k));
        let asked = asked.and_then(|asked| asked.spans.clone());
        self.select_compared(&compared, asked);
        self.compared = Some(compared);
    }

    /// Selects in both texts, where they have what is asked for.
    pub(crate) fn select_compared(&mut self, compared: &ShownComparison, asked: Option<[Selection; 2]>) {
        let it = &compared.comparison;
        self.compared_spans = comparison::shared_ending(it);
        let Some(asked) = asked else { return };
        let sizes = [it.first.tokens.len(), it.second.tokens.len()];
        let fits = asked.iter().zip(sizes).all(|(spans, size)| spans.spans().iter().all(|span| span.end <= size));
        if fits {
            self.compared_spans = asked;
        } else {
            self.dropped.push("what it selects in the compared texts lies past their ends".to_owned());
        }
    }
}

/// The field's text for a number of codes.
pub(crate) fn inf_k_text(inf_k: Option<usize>) -> String {
    inf_k.map(|k| k.to_string()).unwrap_or_default()
}

/// The latest of `recent`, in place of what is the same.
fn keep<T>(recent: &mut Vec<Arc<T>>, latest: &Arc<T>, is_same: impl Fn(&T) -> bool) {
    recent.retain(|it| !is_same(it));
    recent.push(latest.clone());
    if recent.len() > RECENT {
        recent.remove(0);
    }
}
