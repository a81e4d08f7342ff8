//! What a feature's card needs is fetched when the feature is looked at.

use std::sync::Arc;

use lens_analysis::dashboard::{Chunk, Index};

use crate::dashboards::{ChunkError, Dashboards};
use crate::message::{Effect, Fetch};
use crate::model::Model;
use crate::outside::OutsideError;

impl Model {
    fn dashboards_mut(&mut self) -> &mut Dashboards {
        Arc::make_mut(&mut self.dashboards)
    }

    /// Fetches the index, once.
    pub(crate) fn want_index(&mut self) {
        if !self.dashboards.is_asked {
            self.dashboards_mut().is_asked = true;
            self.ask(Effect::Fetch(Fetch::DashboardIndex, self.turn));
        }
    }

    /// Fetches what the open card needs.
    pub(crate) fn fetch_card(&mut self) {
        // A single file carries the index at most.
        let may_fetch = self.start.carried.is_none();
        let (Some(feature), Some(shown), true) = (self.view.feature, &self.shown, may_fetch) else { return };
        let index = self.dashboards.index_of(&shown.analysis.model.pack_hash);
        let Some(file) = index.and_then(|index| index.file_of(feature)) else { return };
        if !self.dashboards.chunks.contains_key(&file) {
            self.dashboards_mut().chunks.insert(file.clone(), None);
            self.ask(Effect::Fetch(Fetch::Dashboard(file), self.turn));
        }
    }

    /// The index came, or not: a page without one is whole without it.
    pub(crate) fn index_came(&mut self, found: Result<String, OutsideError>) {
        self.dashboards_mut().is_answered = true;
        match found.ok().map(|json| Index::from_json(&json)) {
            Some(Ok(index)) => self.dashboards_mut().index = Some(Arc::new(index)),
            Some(Err(problem)) => self.ask(Effect::Warn(format!("the index of the dashboards: {problem}"))),
            None => {}
        }
    }

    /// A file came, or not.
    pub(crate) fn dashboard_came(&mut self, file: String, found: Result<String, OutsideError>) {
        let Some(index) = self.dashboards.index.clone() else { return };
        let chunk = match found {
            Ok(json) => Chunk::from_json(&json, &index)
                .map(Arc::new)
                .map_err(|problem| ChunkError::Unreadable(Arc::new(problem))),
            Err(_) => Err(ChunkError::FetchFailed),
        };
        self.dashboards_mut().chunks.insert(file, Some(chunk));
    }

    /// What could not be fetched may be asked for again.
    pub(crate) fn retry_dashboards(&mut self) {
        self.dashboards_mut().chunks.retain(|_, chunk| !matches!(chunk, Some(Err(_))));
    }
}
