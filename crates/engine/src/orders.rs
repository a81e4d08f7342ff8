//! A text's tokens in other orders, for the yardstick of [`lens_analysis::shuffled`].

use std::ops::ControlFlow;
use std::sync::Arc;

use lens_analysis::Analysis;
use lens_analysis::orders::Truth;
use lens_analysis::shuffled::{Scope, Shuffled, ShuffledStatistic, Spread, order};
use lens_tokenizer::Tokens;

use crate::{Error, InferenceSession, LoadedPack, RunOptions};

/// What is read in other orders.
#[derive(Clone, Copy)]
pub struct Orders<'a> {
    /// The text's tokens [T].
    pub tokens: &'a Tokens,
    /// Their embedding rows [T, d_model].
    pub rows: &'a [f32],
    /// Their analysis in the text's own order, with its events; orders are read in words where it is in words.
    pub own: &'a Analysis,
    /// Where the text was read.
    pub session: &'a InferenceSession,
    /// As the text was read.
    pub options: RunOptions,
    /// Orders of the whole text, and as many within each event.
    pub orders: usize,
}

impl Orders<'_> {
    /// The tokens in another order, and their rows.
    fn picked(&self, order: &[usize]) -> (Tokens, Vec<f32>) {
        let width = self.rows.len() / self.tokens.ids.len().max(1);
        let pick = |position: &usize| (self.tokens.ids[*position], self.tokens.tokens[*position].clone());
        let (ids, tokens) = order.iter().map(pick).unzip();
        let rows = order.iter().flat_map(|position| &self.rows[position * width..][..width]).copied().collect();
        (Tokens { ids, tokens }, rows)
    }
}

/// Every statistic of `names` next to what it is in other orders. `statistics` answers them in the order of `names`, from the analysis of an
/// order and the events that its tokens belong to. `progress` is called with the orders that were read and their number, and before
/// each layer; where it breaks, nothing is answered.
///
/// # Errors
/// Those of the device, and of `statistics`.
pub async fn shuffled<E: From<Error>>(
    pack: &Arc<LoadedPack>,
    asked: Orders<'_>,
    names: &[&str],
    mut statistics: impl FnMut(&Analysis, &[Option<usize>], &Truth, &InferenceSession) -> Result<Vec<f32>, E>,
    mut progress: impl FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<ControlFlow<(), Shuffled>, E> {
    let Orders { tokens, own, options, orders, .. } = asked;
    let truth = Truth::of(own);
    let events: Vec<_> = own.events.iter().flatten().map(|event| event.first..event.last + 1).collect();
    let count = tokens.ids.len();
    let scopes = [Scope::Text, Scope::Events];
    let others = scopes.iter().flat_map(|scope| (0..orders as u64).map(|seed| order(count, &events, *scope, seed)));
    let all: Vec<Vec<usize>> = others.collect();
    let in_place: Vec<usize> = (0..count).collect();
    let of_text = statistics(own, &truth.in_order(&in_place), &truth, asked.session)?;
    let mut session = InferenceSession::new(pack.clone(), options)?;
    let mut found: Vec<Vec<f32>> = Vec::with_capacity(all.len());
    for order in &all {
        let (tokens, rows) = asked.picked(order);
        session.reset(options)?;
        if session.extend(&rows, |_| progress(found.len(), all.len())).await?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let mut analysis = pack.analysis("", &tokens, session.summary(), options);
        if own.words.is_some() {
            session.add_words(&mut analysis).await?;
        }
        found.push(statistics(&analysis, &truth.in_order(order), &truth, &session)?);
    }
    let of = |values: &[Vec<f32>], i: usize| {
        values.iter().map(|all| all.get(i).copied().unwrap_or(f32::NAN)).collect::<Vec<_>>()
    };
    let (text, within) = found.split_at(orders);
    let statistics = names.iter().enumerate().map(|(i, name)| ShuffledStatistic {
        name: (*name).to_owned(),
        own: of_text.get(i).copied().unwrap_or(f32::NAN),
        text: Spread::of(&of(text, i)),
        events: Spread::of(&of(within, i)),
    });
    Ok(ControlFlow::Continue(Shuffled { orders, statistics: statistics.collect() }))
}
