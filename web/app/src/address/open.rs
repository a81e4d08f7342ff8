//! Links are opened: what they are about is shown, and what they say of it waits until it is.

use std::time::Duration;

use lens_analysis::Analysis;
use lens_session::{Opened, Second, Subject, Theme, ViewState};
use lens_view::gallery::Gallery;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::current::current;
use super::record::Pending;
use crate::environment::{self, Pack};
use crate::files::{self, FIRST_EXAMPLE};
use crate::requests;
use crate::show::{place_pins, select};
use crate::state::{Origin, Phase, ShownComparison, State};

/// Makes the page what a query string says.
pub fn open(state: State, query: &str) {
    let Opened { view: link, dropped } = ViewState::read(query);
    let address = state.address;
    address.is_opening.set_value(true);
    address.dropped.set(dropped);
    address.demo.set(link.neuronpedia_demo.clone());
    // Nothing is fetched for it before the visitor asks for an analysis; it is not remembered, either.
    state.words.set(link.words || environment::wants_words());
    match link.feature {
        Some(feature) => state.dashboards.show(feature),
        None => state.dashboards.open.set(None),
    }
    state.theme.set(if link.theme == Theme::System { address.own_theme.get_value() } else { link.theme });
    let named = link.model.as_ref().and_then(|model| Pack::at(model));
    state.pack.set(named.or_else(|| address.own_pack.get_value()));
    address.pending.set_value(Some(Pending { pin: link.pin, selection: link.spans.clone(), zoom: link.zoom }));
    // All but what belongs to the link's text, which is not shown yet.
    state.choose(|view| {
        let (spans, zoom) = (std::mem::take(&mut view.spans), view.zoom);
        *view = ViewState { spans, zoom, ..link.clone() };
    });
    address.second.set(link.second.clone().map(|second| (link.subject.clone(), second)));
    let turn = address.next_turn();
    spawn_local(async move {
        show(state, &link, turn).await;
        if address.turn() != turn {
            return;
        }
        place_pins(state);
        compare(state, link.second);
        // After the effects that this set off.
        set_timeout(
            move || {
                // A later link may have come meanwhile; it ends for both.
                if address.turn() == turn {
                    address.written.set_value(untrack(|| current(state)));
                    address.is_opening.set_value(false);
                }
            },
            Duration::ZERO,
        );
    });
}

/// Shows what a link is about.
async fn show(state: State, link: &ViewState, turn: u32) {
    let is_late = || state.address.turn() != turn;
    match &link.subject {
        None if link.neuronpedia_demo.is_some() => {
            files::list_examples(state).await;
            if is_late() {
                return;
            }
            let demo = link.neuronpedia_demo.as_deref().unwrap_or_default();
            let nearest = state.gallery.with_untracked(|gallery| gallery.nearest(demo).map(|it| it.id.clone()));
            example(state, nearest.as_deref().unwrap_or(FIRST_EXAMPLE)).await;
        }
        None => {
            example(state, FIRST_EXAMPLE).await;
            files::list_examples(state).await;
        }
        Some(Subject::Example(id)) => {
            example(state, id).await;
            files::list_examples(state).await;
        }
        Some(Subject::Text(text)) => {
            files::list_examples(state).await;
            if is_late() {
                return;
            }
            self::text(state, text, link.inf_k).await;
        }
        Some(Subject::Result(url)) => {
            let is_shown = state
                .shown
                .with_untracked(|shown| shown.as_ref().is_some_and(|shown| shown.origin == Origin::Link(url.clone())));
            if !is_shown {
                begin(state, link.subject.clone());
                files::open_link(state, url.clone()).await;
            }
            files::list_examples(state).await;
        }
    }
    state.example_pending.set(false);
}

fn begin(state: State, asked: Option<Subject>) {
    state.address.asked.set(asked);
    if state.phase.get_untracked() != Phase::Loading {
        state.shown.set(None);
        state.phase.set(Phase::Idle);
        state.problem.set(None);
    }
}

async fn example(state: State, id: &str) {
    state.address.asked.set((id != FIRST_EXAMPLE).then(|| Subject::Example(id.to_owned())));
    if let Err(problem) = files::example(state, id).await {
        // The page is whole without its first example.
        if id == FIRST_EXAMPLE {
            leptos::logging::warn!("{problem}");
        } else {
            state.fail(problem);
        }
    }
}

/// A text: shown where its analysis is at hand, else put into the box.
async fn text(state: State, text: &str, inf_k: Option<usize>) {
    let fits = |analysis: &Analysis| analysis.text == text && analysis.inf_k == inf_k;
    if state.shown.with_untracked(|shown| shown.as_ref().is_some_and(|shown| fits(&shown.analysis))) {
        return;
    }
    let known = state.address.recent.with_value(|recent| recent.iter().rfind(|it| fits(&it.analysis)).cloned());
    let with_text = |gallery: &Gallery| gallery.with_text(text).map(|example| example.id.clone());
    if let Some(known) = known {
        requests::abandon(state);
        state.show_again(known);
        state.text.set(text.to_owned());
    } else if let Some(id) = state.gallery.with_untracked(with_text).filter(|_| inf_k.is_none()) {
        example(state, &id).await;
    } else {
        begin(state, Some(Subject::Text(text.to_owned())));
        state.text.set(text.to_owned());
    }
    state.inf_k.set(inf_k.map(|k| k.to_string()).unwrap_or_default());
}

/// A text that a message brings.
pub async fn show_text(state: State, text: &str) {
    files::list_examples(state).await;
    self::text(state, text, None).await;
}

/// Compares what is shown with the link's second text where that comparison is at hand; else the text
/// stands in its box.
fn compare(state: State, second: Option<Second>) {
    let Some(second) = second else { return state.compared.set(None) };
    state.views.second_text.set(Some(second.text.clone()));
    state.views.second_inf_k.set(second.inf_k.map(|k| k.to_string()).unwrap_or_default());
    let Some(shown) = state.shown.get_untracked() else { return };
    let is_asked = |it: &ShownComparison| {
        let found = &it.comparison.second;
        it.is_of(&shown.analysis) && (&found.text, found.inf_k) == (&second.text, second.inf_k)
    };
    let recent = state.address.recent_comparisons;
    if let Some(known) = recent.with_value(|recent| recent.iter().rfind(|it| is_asked(it)).cloned()) {
        select(state, &known, second.spans);
        return state.compared.set(Some(known));
    }
    let pair = state.gallery.with_untracked(|gallery| {
        let example = gallery.with_text(&shown.analysis.text)?;
        let is_second = gallery.find(example.pair.as_deref()?)?.text == second.text;
        is_second.then(|| example.id.clone())
    });
    if let Some(id) = pair.filter(|_| shown.analysis.inf_k.is_none() && second.inf_k.is_none()) {
        files::show_pair(state, id);
    }
}
