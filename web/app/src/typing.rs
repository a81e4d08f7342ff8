//! The page follows while one types: what the text has in common with the one before is not computed
//! again, so an answer costs little more than the tokens that changed.
//!
//! A pause in typing asks; what is under way and no longer wanted is cancelled; the newest text wins.

use std::time::Duration;

use lens_protocol::{Request, RowSource};
use leptos::prelude::*;

use crate::requests;
use crate::state::{Next, Phase, State};

/// Typing pauses for so long before the text is analyzed.
const PAUSE: Duration = Duration::from_millis(250);

/// The text in the box has changed.
pub fn changed(state: State) {
    // Nothing is fetched, and no engine started, before Analyze was pressed once.
    if !state.live.get_untracked() || !state.loaded.get_untracked() {
        return;
    }
    let turn = state.typed.get_value().wrapping_add(1);
    state.typed.set_value(turn);
    set_timeout(
        move || {
            if state.typed.get_value() == turn {
                follow(state);
            }
        },
        PAUSE,
    );
}

/// Analyses the text as it is now, after what is under way.
fn follow(state: State) {
    if is_answered(state) {
        return;
    }
    if state.phase.get_untracked() == Phase::Loading {
        state.next.set_value(Next::Typed);
        if state.quiet.get_untracked() {
            requests::cancel(state);
        }
        return;
    }
    let text = state.text.get_untracked();
    let Some(pack) = state.pack.get_untracked() else { return };
    let Ok(inf_k) = requests::parse_inf_k(&state.inf_k.get_untracked()) else { return };
    if text.is_empty() {
        return;
    }
    // The requests for rows tell a host which tokens were typed: a foreign one only hears of them
    // where the visitor agreed.
    let may_ask = pack.foreign_host().is_none() || state.rows_while_typing.get_untracked();
    let rows = if may_ask { RowSource::Host } else { RowSource::StoredOnly };
    let pack_url = pack.url;
    let words = state.words.get_untracked();
    requests::begin_quietly(
        state,
        Request::Analyze { id: 0, pack_url, text, inf_k, rows, words, sync_between_stages: false },
    );
}

/// Whether the text in the box, as it is now, is the one that is under way, has failed or is shown.
fn is_answered(state: State) -> bool {
    let text = state.text.get_untracked();
    let inf_k = requests::parse_inf_k(&state.inf_k.get_untracked());
    let is_this = |other: &str, other_k: Option<usize>| other == text && inf_k == Ok(other_k);
    match state.phase.get_untracked() {
        Phase::Loading | Phase::Error => state
            .job
            .with_value(|job| matches!(job, Some(Request::Analyze { text, inf_k, .. }) if is_this(text, *inf_k))),
        // Not the last one that was asked for: Back may show an earlier one.
        Phase::Done => state.shown.with_untracked(|shown| {
            shown.as_ref().is_some_and(|shown| is_this(&shown.analysis.text, shown.analysis.inf_k))
        }),
        Phase::Idle => false,
    }
}

/// A request has ended: goes on with what came up meanwhile.
pub fn ended(state: State) {
    match state.next.try_update_value(std::mem::take).unwrap_or_default() {
        Next::Rest => {}
        Next::Typed => follow(state),
        Next::Pressed => requests::start(state),
    }
}
