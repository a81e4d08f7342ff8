//! What the page shows, as a link.

use lens_session::embed::Embed;
use lens_session::{Second, Subject, Theme, ViewState};
use lens_view::comparison;
use leptos::prelude::*;

use crate::environment;
use crate::files::FIRST_EXAMPLE;
use crate::state::{Origin, ShownAnalysis, State};

/// What the page shows, as a link.
pub fn current(state: State) -> ViewState {
    let subject = state.shown.with(|shown| match shown.as_deref() {
        None => state.address.asked.get(),
        Some(ShownAnalysis { origin: Origin::Link(url), .. }) => Some(Subject::Result(url.clone())),
        Some(ShownAnalysis { origin: Origin::Precomputed, analysis, .. }) => {
            state.gallery.with(|gallery| match gallery.with_text(&analysis.text) {
                Some(example) if example.id == FIRST_EXAMPLE => None,
                Some(example) => Some(Subject::Example(example.id.clone())),
                None => state.address.asked.get_untracked(),
            })
        }
        Some(shown) => Some(Subject::Text(shown.analysis.text.clone())),
    });
    let second = second(state, &subject);
    let is_made_here = matches!(&subject, Some(Subject::Text(_)));
    let theme = state.theme.get();
    let own_pack = state.address.own_pack.with_value(|pack| pack.as_ref().map(|pack| pack.url.clone()));
    ViewState {
        model: state
            .pack
            .with(|pack| pack.as_ref().map(|pack| pack.url.clone()))
            .filter(|url| Some(url) != own_pack.as_ref()),
        subject,
        inf_k: state.shown.with(|shown| shown.as_ref().and_then(|shown| shown.analysis.inf_k)).filter(|_| is_made_here),
        second,
        neuronpedia_demo: None,
        pin: state.focus.with(|focus| focus.pinned),
        feature: state.dashboards.open.get(),
        words: is_made_here && state.words.get(),
        theme: if theme == state.address.own_theme.get_value() { Theme::System } else { theme },
        embed: Embed::default(),
        ..state.view.get()
    }
}

/// What the subject is compared with, or was asked to be.
fn second(state: State, subject: &Option<Subject>) -> Option<Second> {
    let shown = state.shown.get();
    let compared = state.compared.get().filter(|it| shown.as_ref().is_some_and(|shown| it.is_of(&shown.analysis)));
    let Some(compared) = compared else {
        return state.address.second.get().filter(|(of, _)| of == subject).map(|(_, second)| second);
    };
    let selected = state.views.compared_selections.map(|it| it.get());
    let is_usual = selected == comparison::shared_ending(&compared.comparison);
    let second = &compared.comparison.second;
    let spans = (!is_usual).then_some(selected);
    Some(Second { text: second.text.clone(), inf_k: second.inf_k, spans })
}

/// The whole page's address with a state.
pub fn url_of(link: &ViewState) -> String {
    let page = environment::address("").unwrap_or_default();
    let query = link.query();
    if query.is_empty() { page } else { format!("{page}?{query}") }
}
