//! The model and its parts as signals. The model is one value; a component that draws a part of it wants to hear of
//! that part alone: it looks at it with a function, and is called again only when what the function gives has changed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use lens_session::{Effect, Model, Msg};
use leptos::prelude::*;

/// What a part may be.
pub trait Value: Clone + Send + Sync + 'static {}

impl<T: Clone + Send + Sync + 'static> Value for T {}

/// Someone who looks at a part.
struct Watcher {
    /// Whether the part has changed since this was asked last.
    has_changed: Box<dyn FnMut(&Model) -> bool + Send>,
    changed: Trigger,
}

/// The model, and who looks at it.
pub struct Store {
    model: RwLock<Model>,
    /// In the order in which they came.
    watchers: Mutex<BTreeMap<u32, Watcher>>,
}

impl Store {
    /// For the life of the page.
    pub fn new(model: Model) -> &'static Self {
        Box::leak(Box::new(Self { model: RwLock::new(model), watchers: Mutex::default() }))
    }

    /// The model as it is now. It is not to be updated while this is held.
    pub fn model(&self) -> RwLockReadGuard<'_, Model> {
        self.model.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something happened, at `now_ms` milliseconds: what the browser is to do.
    pub fn update(&self, msg: Msg, now_ms: f64) -> Vec<Effect> {
        let effects = self.model.write().unwrap_or_else(PoisonError::into_inner).update(msg, now_ms);
        let model = self.model();
        let changed: Vec<Trigger> = self
            .watchers()
            .values_mut()
            .filter_map(|watcher| (watcher.has_changed)(&model).then_some(watcher.changed))
            .collect();
        drop(model);
        // Whoever is called may look at other parts.
        changed.iter().for_each(|changed| changed.notify());
        effects
    }

    /// Looks at a part, as long as the owner lives.
    pub fn look<T: Value + PartialEq>(&'static self, get: fn(&Model) -> &T) -> Look<T> {
        self.look_by(get, |a, b| a == b)
    }

    /// Looks at a part that is shared, as long as the owner lives: another one is one elsewhere in memory.
    pub fn look_at_shared<T: Send + Sync>(&'static self, get: fn(&Model) -> &Option<Arc<T>>) -> Look<Option<Arc<T>>> {
        self.look_by(get, |a, b| match (a, b) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        })
    }

    /// Looks at a part, as long as the owner lives. It has changed where it is not the same by `is_same`.
    pub fn look_by<T: Value>(&'static self, get: fn(&Model) -> &T, is_same: fn(&T, &T) -> bool) -> Look<T> {
        let mut last = get(&self.model()).clone();
        let has_changed = Box::new(move |model: &Model| {
            let now = get(model);
            let has_changed = !is_same(now, &last);
            if has_changed {
                last = now.clone();
            }
            has_changed
        });
        Look { store: self, get, changed: self.watch(has_changed) }
    }

    fn watch(&'static self, has_changed: Box<dyn FnMut(&Model) -> bool + Send>) -> Trigger {
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

/// A part of the model, to be read.
pub struct Look<T: 'static> {
    store: &'static Store,
    get: fn(&Model) -> &T,
    changed: Trigger,
}

impl<T> Clone for Look<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Look<T> {}

impl<T: Value> Look<T> {
    /// As it is; the caller follows its changes.
    pub fn get(self) -> T {
        self.changed.track();
        self.get_untracked()
    }

    /// The caller follows its changes.
    pub fn track(self) {
        self.changed.track();
    }

    /// As it is now.
    pub fn get_untracked(self) -> T {
        (self.get)(&self.store.model()).clone()
    }

    /// What `read` makes of it; the caller follows its changes. The model is not to be updated in it.
    pub fn with<R>(self, read: impl FnOnce(&T) -> R) -> R {
        self.changed.track();
        self.with_untracked(read)
    }

    /// What `read` makes of it now. The model is not to be updated in it.
    pub fn with_untracked<R>(self, read: impl FnOnce(&T) -> R) -> R {
        read((self.get)(&self.store.model()))
    }

    /// As a component takes it that reads only.
    pub fn signal(self) -> Signal<T> {
        Signal::derive(move || self.get())
    }
}
