//! Where the keyboard's focus goes when something opens over the page, and where it returns to.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, HtmlTextAreaElement};

use crate::environment::document;

/// Where the focus returns to when what it came from is gone.
const FALLBACK: &str = "[data-testid=\"token-strip\"], #text";

/// Gives the focus to the first element that the selector finds once the page has it; nothing happens where there is none.
pub fn focus_on(selector: &'static str) {
    // After what has opened is in the page.
    request_animation_frame(move || focus_now(selector));
}

/// The same of a text box, with all of its text selected and its beginning in sight.
pub fn select_text(selector: &'static str) {
    request_animation_frame(move || {
        focus_now(selector);
        if let Some(text) = find(selector).and_then(|it| it.dyn_into::<HtmlTextAreaElement>().ok()) {
            text.select();
            text.set_scroll_top(0);
        }
    });
}

/// [`focus_on`] of what the page has already.
pub fn focus_now(selector: &str) {
    if let Some(element) = find(selector) {
        let _ = element.focus();
    }
}

/// Moves the focus to what `selector` names while something is open, and back to where it was when nothing is. What takes
/// the place of what is open takes the focus, too.
pub fn lend_focus<T: PartialEq + 'static>(open: impl Fn() -> Option<T> + 'static, selector: &'static str) {
    let opener = StoredValue::new_local(None::<HtmlElement>);
    Effect::new(move |before: Option<Option<T>>| {
        let now = open();
        match (&before, &now) {
            // What a link opens with takes no focus: the reader has not pressed anything.
            (Some(None), Some(_)) => {
                opener.set_value(active());
                focus_on(selector);
            }
            (Some(Some(before)), Some(now)) if before != now => focus_on(selector),
            (Some(Some(_)), None) => {
                let opener = opener.try_update_value(Option::take).flatten();
                request_animation_frame(move || give_back(opener));
            }
            _ => {}
        }
        now
    });
}

/// Whoever went elsewhere meanwhile stays there.
fn give_back(opener: Option<HtmlElement>) {
    if active().is_some() {
        return;
    }
    let is_taken = |element: &HtmlElement| {
        let _ = element.focus();
        active().is_some()
    };
    // A button in a menu that has closed takes no focus: the menu's own does.
    let menu =
        || opener.as_ref()?.closest("details").ok()??.query_selector("summary").ok()??.dyn_into::<HtmlElement>().ok();
    if !opener.as_ref().is_some_and(is_taken) && !menu().as_ref().is_some_and(is_taken) {
        focus_now(FALLBACK);
    }
}

/// What has the focus; none while it is the page's body.
fn active() -> Option<HtmlElement> {
    let element = document()?.active_element()?;
    (element.tag_name() != "BODY").then_some(element)?.dyn_into().ok()
}

fn find(selector: &str) -> Option<HtmlElement> {
    document()?.query_selector(selector).ok()??.dyn_into().ok()
}
