//! Parts of the view as signals. The view is one value; a component that draws a part of it wants to hear of that part
//! alone: it looks at it with a function, and is called again only when what the function gives has changed.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use lens_session::ViewState;
use leptos::prelude::*;

/// What a part may be.
pub trait Value: Clone + PartialEq + Send + Sync + 'static {}

impl<T: Clone + PartialEq + Send + Sync + 'static> Value for T {}

/// Someone who looks at a part.
struct Watcher {
    /// Whether the part has changed since this was asked last.
    has_changed: Box<dyn FnMut(&ViewState) -> bool + Send>,
    changed: Trigger,
}

/// The view, and who looks at it.
pub struct Store {
    view: RwLock<ViewState>,
    /// In the order in which they came.
    watchers: Mutex<BTreeMap<u32, Watcher>>,
}

impl Store {
    /// For the life of the page.
    pub fn new() -> &'static Self {
        Box::leak(Box::new(Self { view: RwLock::default(), watchers: Mutex::default() }))
    }

    /// The view as it is now. It is not to be changed while this is held.
    pub fn view(&self) -> RwLockReadGuard<'_, ViewState> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another view.
    pub fn put(&self, view: ViewState) {
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = view;
        let view = self.view();
        let changed: Vec<Trigger> = self
            .watchers()
            .values_mut()
            .filter_map(|watcher| (watcher.has_changed)(&view).then_some(watcher.changed))
            .collect();
        drop(view);
        // Whoever is called may look at other parts.
        changed.iter().for_each(|changed| changed.notify());
    }

    /// Changes the view.
    pub fn choose(&self, change: impl FnOnce(&mut ViewState)) {
        let mut view = self.view().clone();
        change(&mut view);
        self.put(view);
    }

    /// Looks at a part, as long as the owner lives.
    pub fn look<T: Value>(&'static self, get: fn(&ViewState) -> &T) -> Look<T> {
        let mut last = get(&self.view()).clone();
        let has_changed = Box::new(move |view: &ViewState| {
            let now = get(view);
            let has_changed = *now != last;
            if has_changed {
                last = now.clone();
            }
            has_changed
        });
        Look { store: self, get, changed: self.watch(has_changed) }
    }

    fn watch(&'static self, has_changed: Box<dyn FnMut(&ViewState) -> bool + Send>) -> Trigger {
        let changed = Trigger::new();
        let mut watchers = self.watchers();
        let id = watchers.last_key_value().map_or(0, |(last, _)| last + 1);
        watchers.insert(id, Watcher { has_changed, changed });
        on_cleanup(move || {
            self.watchers().remove(&id);
        });
        changed
    }

    fn watchers(&self) -> MutexGuard<'_, BTreeMap<u32, Watcher>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A part of the view, to be read.
pub struct Look<T: 'static> {
    store: &'static Store,
    get: fn(&ViewState) -> &T,
    changed: Trigger,
}

impl<T> Clone for Look<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Look<T> {}

impl<T: Value> Look<T> {
    /// As it is; whoever asks follows it.
    pub fn get(self) -> T {
        self.changed.track();
        self.get_untracked()
    }

    /// As it is now.
    pub fn get_untracked(self) -> T {
        (self.get)(&self.store.view()).clone()
    }

    /// What `read` makes of it; whoever asks follows it. The view is not to be changed in it.
    pub fn with<R>(self, read: impl FnOnce(&T) -> R) -> R {
        self.changed.track();
        self.with_untracked(read)
    }

    /// What `read` makes of it now. The view is not to be changed in it.
    pub fn with_untracked<R>(self, read: impl FnOnce(&T) -> R) -> R {
        read((self.get)(&self.store.view()))
    }

    /// As a component takes it that reads only.
    pub fn signal(self) -> Signal<T> {
        Signal::derive(move || self.get())
    }
}

/// A part of the view, to be read and chosen.
pub struct Part<T: 'static> {
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
    pub fn new(look: Look<T>, put: fn(&mut ViewState, T)) -> Self {
        Self { look, put }
    }

    /// Chooses another.
    pub fn set(self, value: T) {
        self.look.store.choose(|view| (self.put)(view, value));
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
