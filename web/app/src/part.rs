//! A part of the view that a component reads and chooses.

use lens_session::ViewState;
use leptos::prelude::*;

use crate::state::State;
use crate::store::{Look, Value};

/// A part of the view, to be read and chosen.
pub struct Part<T: 'static> {
    state: State,
    look: Look<T>,
    put: fn(&mut ViewState, T),
}

impl<T> Clone for Part<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Part<T> {}

impl<T> std::ops::Deref for Part<T> {
    type Target = Look<T>;

    fn deref(&self) -> &Look<T> {
        &self.look
    }
}

impl<T: Value> Part<T> {
    /// A part that is looked at, and how another one is put in its place.
    pub fn new(state: State, look: Look<T>, put: fn(&mut ViewState, T)) -> Self {
        Self { state, look, put }
    }

    /// Chooses another.
    pub fn set(self, value: T) {
        self.state.choose(|view| (self.put)(view, value));
    }

    /// Chooses what `change` makes of it.
    pub fn update(self, change: impl FnOnce(&mut T)) {
        let mut value = self.look.get_untracked();
        change(&mut value);
        self.set(value);
    }

    /// As a component takes it that chooses.
    pub fn chooser(self) -> Callback<T> {
        Callback::new(move |value| self.set(value))
    }
}
