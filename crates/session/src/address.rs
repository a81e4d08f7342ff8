//! The page's address follows what it shows.
//!
//! What is dragged or typed replaces the entry of the history that its first step made; a pin, and the reading as a film,
//! replace the current one, so that Back does not go through all that was pointed at or read; everything else makes an
//! entry of its own, so that Back undoes it. An embedded page leaves its frame's history alone.

use crate::embed::Embed;
use crate::message::{Effect, Timer};
use crate::model::Model;
use crate::shown::{Origin, ShownAnalysis};
use crate::theme::Theme;
use crate::view_state::{Second, Subject, ViewState};

/// Camera changes that follow each other faster belong to one drag.
const DRAG_PAUSE_MS: f64 = 700.0;
/// Browsers refuse more than some hundred changes of the address in half a minute.
const REPLACE_EVERY_MS: u32 = 250;
/// A film that runs changes the address for longer than a drag.
const REPLACE_FILM_EVERY_MS: u32 = 1000;

impl Model {
    /// What the page shows, as a link to the whole page.
    pub fn current_address(&self) -> ViewState {
        let subject = self.subject();
        let is_made_here = matches!(&subject, Some(Subject::Text(_)));
        let own_pack = self.start.pack.as_ref().map(|pack| &pack.url);
        let model = self.pack.as_ref().map(|pack| &pack.url).filter(|url| Some(*url) != own_pack);
        ViewState {
            model: model.cloned(),
            inf_k: self.shown.as_ref().and_then(|shown| shown.analysis.inf_k).filter(|_| is_made_here),
            second: self.second(subject.as_ref()),
            neuronpedia_demo: None,
            words: is_made_here && self.words,
            theme: if self.theme == self.start.theme { Theme::System } else { self.theme },
            embed: Embed::default(),
            subject,
            ..self.view.clone()
        }
    }

    /// What is shown, or was asked for and is not shown yet.
    pub(crate) fn subject(&self) -> Option<Subject> {
        let asked = || self.view.subject.clone();
        match self.shown.as_deref() {
            None => asked(),
            Some(ShownAnalysis { origin: Origin::Link(url), .. }) => Some(Subject::Result(url.clone())),
            Some(ShownAnalysis { origin: Origin::Precomputed, analysis }) => {
                match self.gallery.with_text(&analysis.text) {
                    Some(example) => Some(Subject::Example(example.id.clone())),
                    None => asked(),
                }
            }
            Some(shown) => Some(Subject::Text(shown.analysis.text.clone())),
        }
    }

    /// What the subject is compared with, or was asked to be.
    fn second(&self, subject: Option<&Subject>) -> Option<Second> {
        let shown = self.shown.as_ref();
        let compared = self.compared.as_ref().filter(|it| shown.is_some_and(|shown| it.is_of(&shown.analysis)));
        let Some(compared) = compared else {
            return self.view.second.clone().filter(|_| self.second_of.as_ref() == subject);
        };
        let is_usual = self.compared_spans == lens_view::comparison::shared_ending(&compared.comparison);
        let second = &compared.comparison.second;
        let spans = (!is_usual).then(|| self.compared_spans.clone());
        Some(Second { text: second.text.clone(), inf_k: second.inf_k, spans })
    }

    /// Writes the address where it is another one by now.
    pub(crate) fn write_address(&mut self) {
        // After a composition it is written with what the composition made.
        if self.opening.is_some() || self.is_composing {
            return;
        }
        let address = self.current_address();
        if address == self.address {
            return;
        }
        let before = std::mem::replace(&mut self.address, address);
        if self.start.is_embedded {
            return;
        }
        let is_drag = ViewState { camera: before.camera, zoom: before.zoom, ..self.address.clone() } == before;
        let goes_on = is_drag && self.now_ms - self.last_drag_ms < DRAG_PAUSE_MS;
        if is_drag {
            self.last_drag_ms = self.now_ms;
        }
        let is_pin = ViewState { pin: before.pin, ..self.address.clone() } == before;
        let is_film = ViewState { read_to: before.read_to, ..self.address.clone() } == before;
        if !goes_on && !is_pin && !is_film {
            let is_typed = self.is_shown_quietly && self.address.subject != before.subject;
            // Typing makes no entry at every pause; the one before the first pause stays.
            let is_entry = !(is_typed && self.is_entry_typed);
            self.is_entry_typed = is_typed;
            self.ask(Effect::WriteUrl { link: self.address.link(), is_entry });
        } else if !self.is_replacing {
            self.is_replacing = true;
            if is_pin {
                self.ask(Effect::WriteUrl { link: self.address.link(), is_entry: false });
            }
            let every_ms = if self.film.is_playing() { REPLACE_FILM_EVERY_MS } else { REPLACE_EVERY_MS };
            self.ask(Effect::SetTimer(Timer::Replace(self.turn), every_ms));
        }
    }

    /// The entry of a drag may be replaced again.
    pub(crate) fn replace_entry(&mut self, turn: u32) {
        self.is_replacing = false;
        // Another entry may be open by now: it is not this drag's to change.
        if self.turn == turn && self.opening.is_none() && !self.is_composing {
            self.ask(Effect::WriteUrl { link: self.address.link(), is_entry: false });
        }
    }
}
