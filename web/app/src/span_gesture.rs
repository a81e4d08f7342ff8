//! How a span of the text is selected without a keyboard: by dragging a mouse from its first word to its last, or on a touch
//! screen by a long press on its first word and a tap on its last.

use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use web_sys::PointerEvent;

/// A finger that rests so long means a span.
const LONG_PRESS: Duration = Duration::from_millis(450);
/// A finger that moves further scrolls, CSS pixels.
const STILL: f64 = 10.0;

/// Where a pointer went down.
#[derive(Clone, Copy)]
struct Pressed {
    position: usize,
    at: (f64, f64),
    timer: Option<TimeoutHandle>,
}

/// What the pointer is about.
#[derive(Clone, Copy)]
pub struct SpanGesture {
    /// The span's first word, while its last one is waited for.
    pub begun: RwSignal<Option<usize>>,
    pressed: StoredValue<Option<Pressed>>,
    /// The click that ends this gesture is no press on a word.
    is_done: StoredValue<bool>,
    /// The word that was dragged to last.
    last: StoredValue<Option<usize>>,
    /// Selects from one word to another.
    select: Callback<(usize, usize)>,
}

impl SpanGesture {
    /// `select` selects from one word to another.
    pub fn new(select: Callback<(usize, usize)>) -> Self {
        let it = Self {
            begun: RwSignal::new(None),
            pressed: StoredValue::new(None),
            is_done: StoredValue::new(false),
            last: StoredValue::new(None),
            select,
        };
        // A text may go while a finger rests on it.
        on_cleanup(move || it.ended());
        it
    }

    /// A pointer goes down on a word.
    pub fn down(self, event: &PointerEvent, position: usize) {
        self.is_done.set_value(false);
        self.last.set_value(None);
        let is_mouse = event.pointer_type() == "mouse";
        if event.shift_key() || (is_mouse && event.button() != 0) {
            return;
        }
        let rest = move || {
            self.is_done.set_value(true);
            self.begun.set(Some(position));
            self.select.run((position, position));
        };
        let timer = if is_mouse { None } else { set_timeout_with_handle(rest, LONG_PRESS).ok() };
        self.pressed.set_value(Some(Pressed { position, at: place(event), timer }));
    }

    /// The pointer moves, over a word or between words.
    pub fn moved(self, event: &PointerEvent, over: Option<usize>) {
        let Some(pressed) = self.pressed.get_value() else { return };
        if event.pointer_type() != "mouse" {
            let (x, y) = place(event);
            if (x - pressed.at.0).hypot(y - pressed.at.1) > STILL {
                self.ended();
            }
        } else if event.buttons() & 1 == 0 {
            // It went up somewhere else.
            self.ended();
        } else if let Some(position) = over.filter(|over| *over != pressed.position || self.is_done.get_value())
            && self.last.get_value() != Some(position)
        {
            self.is_done.set_value(true);
            self.last.set_value(Some(position));
            self.select.run((pressed.position, position));
        }
    }

    /// The pointer goes up, or the browser takes it for scrolling.
    pub fn ended(self) {
        if let Some(Pressed { timer: Some(timer), .. }) = self.pressed.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    }

    /// A word is pressed: whether that was part of a gesture.
    pub fn takes_click(self, position: usize) -> bool {
        if self.is_done.try_update_value(std::mem::take).unwrap_or_default() {
            return true;
        }
        let Some(first) = self.begun.get_untracked() else { return false };
        self.begun.set(None);
        self.select.run((first, position));
        true
    }

    /// Whether a finger rests: the browser's own menu stays away.
    pub fn is_resting(self) -> bool {
        self.is_done.get_value() || self.pressed.with_value(|it| it.is_some_and(|it| it.timer.is_some()))
    }
}

fn place(event: &PointerEvent) -> (f64, f64) {
    (f64::from(event.client_x()), f64::from(event.client_y()))
}
