//! Links are opened: what they are about is shown, and what they say of it waits until it is. So are examples, and texts
//! of the page around.

use lens_analysis::Analysis;
use lens_analysis::comparison::Comparison;
use lens_view::gallery::Gallery;

use crate::embed::Embed;
use crate::keys::FIRST_EXAMPLE;
use crate::message::{Effect, Fetch};
use crate::model::{Model, Opening, Pending, Phase, Wait};
use crate::outside::OutsideError;
use crate::pack::Pack;
use crate::show::{ShowError, inf_k_text};
use crate::shown::{Origin, ShownComparison};
use crate::theme::Theme;
use crate::values::shortened;
use crate::view_state::{Opened, Second, Subject, ViewState};

impl Model {
    /// Makes the page what a link says; `pack` is the one that it names.
    pub(crate) fn open(&mut self, opened: Opened, pack: Option<Pack>) {
        let Opened { view: link, dropped } = opened;
        self.dropped = dropped;
        // Nothing is fetched for them before the visitor asks for an analysis; nor is it remembered.
        self.words = link.words || self.wants_words;
        self.theme = if link.theme == Theme::System { self.start.theme } else { link.theme };
        let pack = pack.or_else(|| self.start.pack.clone());
        if pack.as_ref().map(|pack| &pack.url) != self.pack.as_ref().map(|pack| &pack.url) {
            // The worker may have it; only it knows. Typing asks for nothing until then.
            self.is_loaded = false;
        }
        self.pack = pack;
        let subject = link.subject.clone();
        self.pending =
            Some(Pending { subject, pin: link.pin, spans: link.spans.clone(), zoom: link.zoom, read_to: link.read_to });
        self.second_of = link.subject.clone();
        if link.feature.is_some() {
            self.want_index();
        }
        // All but what belongs to the link's text, which is not shown yet.
        let before = std::mem::take(&mut self.view);
        self.view = ViewState {
            pin: before.pin,
            spans: before.spans,
            zoom: before.zoom,
            read_to: before.read_to,
            // A link that names none is not about the device: the worker stays.
            device: link.device.or(before.device),
            ..link.clone()
        };
        self.film.pause();
        // The browser shows the link already; a frame leads there, too, while it is being opened.
        self.address = ViewState { embed: Embed::default(), device: self.view.device, ..link.clone() };
        self.begin_opening(link, false);
    }

    /// Shows a text that the page around sends.
    pub(crate) fn open_text(&mut self, text: String) {
        self.view.feature = None;
        let link = ViewState { subject: Some(Subject::Text(text)), ..ViewState::default() };
        self.begin_opening(link, true);
    }

    /// Shows a precomputed example. A link that was still being opened is over.
    pub(crate) fn open_example(&mut self, id: String) {
        self.give_up_opening();
        // A card is of the text that it was opened in.
        self.view.feature = None;
        self.fetch_example(id);
    }

    /// Something else is asked for than what is being opened, which is late from now on. What is shown already stays, with
    /// what its link says of it.
    pub(crate) fn give_up_opening(&mut self) {
        match self.opening.as_ref().map(|opening| opening.wait) {
            Some(Wait::GalleryLast) => self.finish_opening(),
            Some(wait) => {
                (self.opening, self.pending) = (None, None);
                self.is_example_pending = false;
                self.begin_turn();
                if wait == Wait::Subject && self.gallery.examples.is_empty() {
                    self.fetch(Fetch::Gallery);
                }
            }
            None => self.begin_turn(),
        }
    }

    /// Shows the precomputed comparison of an example with its pair.
    pub(crate) fn open_pair(&mut self, id: String) {
        self.awaited_pair = Some(id.clone());
        self.fetch(Fetch::Pair(id));
    }

    fn begin_opening(&mut self, link: ViewState, is_message: bool) {
        self.begin_turn();
        let needs_gallery = self.start.carried.is_none() && needs_gallery_first(&link);
        self.opening = Some(Opening { link, wait: Wait::Gallery, is_message });
        if needs_gallery && self.gallery.examples.is_empty() {
            self.fetch(Fetch::Gallery);
        } else {
            self.open_subject();
        }
    }

    /// Shows what the link is about, or fetches it.
    fn open_subject(&mut self) {
        let Some(opening) = &mut self.opening else { return };
        opening.wait = Wait::Subject;
        let link = opening.link.clone();
        let is_fetched = match link.subject {
            // Whatever its address says, such a page has nothing else to show.
            _ if self.start.carried.is_some() => {
                self.view.subject = None;
                if self.shown.is_none() {
                    self.fetch(Fetch::Carried);
                }
                self.shown.is_none()
            }
            None => {
                let nearest =
                    link.neuronpedia_demo.and_then(|demo| self.gallery.nearest(&demo).map(|it| it.id.clone()));
                self.open_example_of_link(nearest.unwrap_or_else(|| FIRST_EXAMPLE.to_owned()));
                true
            }
            Some(Subject::Example(id)) => {
                self.open_example_of_link(id);
                true
            }
            Some(Subject::Text(text)) => self.open_known_text(text, link.inf_k),
            Some(Subject::Result(url)) => {
                let origin = Origin::Link(url.clone());
                let is_shown = self.shown.as_ref().is_some_and(|shown| shown.origin == origin);
                if !is_shown {
                    self.ask_for(Subject::Result(url.clone()));
                    self.fetch(Fetch::Result(url));
                }
                !is_shown
            }
        };
        if !is_fetched {
            self.subject_opened();
        }
    }

    fn open_example_of_link(&mut self, id: String) {
        self.view.subject = Some(Subject::Example(id.clone()));
        self.second_stays_with(self.view.subject.clone());
        self.fetch_example(id);
    }

    /// A text: shown where its analysis is here, else put into the box. Whether something is fetched for it.
    fn open_known_text(&mut self, text: String, inf_k: Option<usize>) -> bool {
        let fits = |analysis: &Analysis| analysis.text == text && analysis.inf_k == inf_k;
        if self.shown.as_ref().is_some_and(|shown| fits(&shown.analysis)) {
            self.second_stays_with(self.subject());
            return false;
        }
        self.inf_k = inf_k_text(inf_k);
        if let Some(known) = self.recent.iter().rfind(|it| fits(&it.analysis)).cloned() {
            self.abandon();
            self.text = text;
            self.show_again(known);
            self.second_stays_with(self.subject());
            return false;
        }
        let example = self.gallery.with_text(&text).filter(|_| inf_k.is_none()).map(|example| example.id.clone());
        if let Some(id) = example {
            self.open_example_of_link(id);
            return true;
        }
        self.ask_for(Subject::Text(text.clone()));
        self.text = text;
        self.is_editing = true;
        false
    }

    /// The link's second text belongs to what its text turned out to be: an example has another name.
    fn second_stays_with(&mut self, subject: Option<Subject>) {
        if self.opening.as_ref().is_some_and(|opening| !opening.is_message) {
            self.second_of = subject;
        }
    }

    /// Nothing is shown until what is asked for comes.
    fn ask_for(&mut self, subject: Subject) {
        self.view.subject = Some(subject);
        if !self.is_loading() {
            self.shown = None;
            self.rewind(0);
            self.phase = Phase::Idle;
            self.problem = None;
        }
    }

    /// What the link is about is shown, or why it is not; the examples are listed beside it.
    fn subject_opened(&mut self) {
        let Some(opening) = &mut self.opening else { return };
        // Nothing lies beside a page that is a single file.
        let has_list = self.start.carried.is_none();
        if has_list && self.gallery.examples.is_empty() && !needs_gallery_first(&opening.link) {
            opening.wait = Wait::GalleryLast;
            self.fetch(Fetch::Gallery);
        } else {
            self.finish_opening();
        }
    }

    fn finish_opening(&mut self) {
        self.is_example_pending = false;
        let Some(Opening { link, is_message, .. }) = self.opening.clone() else { return };
        if is_message {
            self.opening = None;
            // Weights that are here may be used; others wait for the visitor.
            if self.shown.is_none() && self.is_loaded {
                self.submit();
            }
            return;
        }
        self.place_pins();
        // A text waits for Analyze; anything else that has not come by now will not.
        self.pending = self.pending.take().filter(|it| matches!(it.subject, Some(Subject::Text(_))));
        self.compare_as_linked(link.second);
        self.opening = None;
        self.is_entry_typed = false;
        // What the link made of the page is its address already.
        self.address = self.current_address();
    }

    /// Compares what is shown with the link's second text where that comparison is here; else the text
    /// stands in its box.
    fn compare_as_linked(&mut self, second: Option<Second>) {
        let Some(second) = second else {
            // A comparison that came in the page's own file stays.
            if self.start.carried.is_none() {
                self.compared = None;
            }
            return;
        };
        self.second_text = Some(second.text.clone());
        self.second_inf_k = inf_k_text(second.inf_k);
        let Some(shown) = self.shown.clone() else { return };
        let is_asked = |it: &ShownComparison| {
            let found = &it.comparison.second;
            it.is_of(&shown.analysis) && (&found.text, found.inf_k) == (&second.text, second.inf_k)
        };
        if let Some(known) = self.recent_comparisons.iter().rfind(|it| is_asked(it)).cloned() {
            self.select_compared(&known, second.spans);
            self.compared = Some(known);
            return;
        }
        let pair = self.gallery.with_text(&shown.analysis.text).filter(|example| {
            let pair = example.pair.as_deref().and_then(|id| self.gallery.find(id));
            pair.is_some_and(|pair| pair.text == second.text)
        });
        let pair = pair.filter(|_| shown.analysis.inf_k.is_none() && second.inf_k.is_none());
        if let Some(id) = pair.map(|example| example.id.clone()) {
            self.open_pair(id);
        }
    }

    /// What is fetched from now on; what was asked for before is late.
    fn begin_turn(&mut self) {
        self.turn = self.turn.wrapping_add(1);
        (self.awaited_example, self.awaited_pair) = (None, None);
    }

    fn fetch_example(&mut self, id: String) {
        self.text_before_example = self.text.clone();
        self.is_box_wanted = false;
        self.awaited_example = Some(id.clone());
        self.fetch(Fetch::Example(id));
    }

    fn fetch(&mut self, what: Fetch) {
        self.ask(Effect::Fetch(what, self.turn));
    }

    /// What was fetched in a turn came, or why it did not.
    pub(crate) fn fetched(&mut self, what: Fetch, turn: u32, found: Result<String, OutsideError>) {
        let is_late = turn != self.turn;
        match what {
            Fetch::Gallery => {
                self.list_examples(found);
                match self.opening.as_ref().filter(|_| !is_late).map(|opening| opening.wait) {
                    Some(Wait::Gallery) => self.open_subject(),
                    Some(Wait::GalleryLast) => self.finish_opening(),
                    Some(Wait::Subject) | None => {}
                }
            }
            Fetch::Example(id) => {
                if is_late {
                    self.is_example_pending = false;
                    return;
                }
                self.awaited_example = None;
                if found.is_err() && self.opens_first_instead(&id) {
                    return;
                }
                self.is_example_pending = false;
                self.example_came(&id, found.ok());
                self.subject_opened();
            }
            // Something else was asked for meanwhile.
            Fetch::Carried | Fetch::CarriedComparison | Fetch::Pair(_) if is_late => {}
            Fetch::Carried => {
                match self.show_found(found, Origin::Precomputed) {
                    Ok(()) => {
                        self.opened(Phase::Idle);
                        if self.start.carried.is_some_and(|carried| carried.has_comparison) {
                            self.fetch(Fetch::CarriedComparison);
                        }
                    }
                    Err(problem) => self.not_opened(format!("This file’s analysis cannot be shown: {problem}.")),
                }
                self.subject_opened();
            }
            Fetch::CarriedComparison => self.comparison_came(found, "This file’s comparison"),
            Fetch::Pair(id) => {
                self.awaited_pair = None;
                self.comparison_came(found, &format!("The comparison of “{id}”"));
            }
            Fetch::Models => self.models_came(found),
            Fetch::Manifest(url) => self.manifest_came(&url, found),
            Fetch::DashboardIndex => self.index_came(found),
            Fetch::Dashboard(file) => self.dashboard_came(file, found),
            Fetch::Result(_) if is_late => {}
            Fetch::Result(url) => {
                match self.show_found(found, Origin::Link(url.clone())) {
                    Ok(()) => self.opened(Phase::Done),
                    Err(problem) => self.not_opened(format!("The result at {url} was not opened: {problem}.")),
                }
                self.subject_opened();
            }
        }
    }

    /// A comparison was fetched, or not; `what` begins the sentence that says so.
    fn comparison_came(&mut self, found: Result<String, OutsideError>, what: &str) {
        let read = |json: String| Comparison::from_json(&json).map_err(ShowError::Document);
        match found.map_err(ShowError::Outside).and_then(read) {
            Ok(comparison) => self.show_comparison(comparison, true),
            Err(problem) => self.not_opened(format!("{what} cannot be shown: {problem}.")),
        }
    }

    /// A page without a list of examples is whole without it.
    fn list_examples(&mut self, found: Result<String, OutsideError>) {
        match found.ok().map(|json| Gallery::from_json(&json)) {
            Some(Ok(gallery)) => self.gallery = gallery,
            Some(Err(problem)) => self.ask(Effect::Warn(format!("examples/index.json: {problem}"))),
            None => {}
        }
    }

    /// An empty page says nothing of what it is for: where a link's example is not to be had, the first one is fetched, and
    /// the page says so. Whether it is.
    fn opens_first_instead(&mut self, id: &str) -> bool {
        let is_only_subject = self.opening.is_some() && self.shown.is_none() && !self.is_asked_for();
        if !is_only_subject || id == FIRST_EXAMPLE || self.text != self.text_before_example {
            return false;
        }
        self.dropped.push(format!("the example “{}” could not be opened, another one is shown", shortened(id)));
        self.pending = None;
        let is_box_wanted = self.is_box_wanted;
        self.open_example_of_link(FIRST_EXAMPLE.to_owned());
        self.is_box_wanted = is_box_wanted;
        true
    }

    /// An example is shown, unless something else was asked for while it came. Its text is put into the box, unless that was opened
    /// while it came.
    fn example_came(&mut self, id: &str, json: Option<String>) {
        let problem = match json {
            None => Some(format!("The example “{id}” could not be fetched; try again.")),
            // What typing or a figure asked for gives way to what was chosen.
            Some(_) if self.is_asked_for() || self.text != self.text_before_example => return,
            Some(json) => {
                let shown = self.show(&json, Origin::Precomputed);
                shown.err().map(|problem| format!("The example “{id}” cannot be read: {problem}."))
            }
        };
        match problem {
            // A visitor who opened the box meanwhile writes in it.
            None if self.is_box_wanted => (self.is_editing, self.phase) = (true, Phase::Idle),
            None => self.opened(Phase::Idle),
            // The page is whole without its first example.
            Some(problem) if id == FIRST_EXAMPLE && self.opening.is_some() => self.ask(Effect::Warn(problem)),
            Some(problem) => self.not_opened(problem),
        }
    }

    /// What was fetched cannot be shown. A request under way is not ended by that.
    pub(crate) fn not_opened(&mut self, problem: String) {
        if self.is_loading() {
            self.note = Some(problem);
        } else {
            self.fail(problem);
        }
    }
}

/// Whether the list of examples says what the link is about: a text may be an example's, of a demo the nearest one is
/// shown.
fn needs_gallery_first(link: &ViewState) -> bool {
    match &link.subject {
        None => link.neuronpedia_demo.is_some(),
        Some(Subject::Text(_)) => true,
        Some(Subject::Example(_) | Subject::Result(_)) => false,
    }
}
