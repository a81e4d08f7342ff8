//! Several controls as one stop of the Tab key: arrows walk them.

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent};

/// The keys that walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Along {
    /// Left and right.
    Row,
    /// Up and down.
    Column,
}

/// Moves the focus from the control that a key was pressed on to the one before or after it, of those that `items` names
/// within `around`, in the order of the page.
pub fn walk(event: &KeyboardEvent, around: &str, items: &str, along: Along) {
    let step = match (along, event.key().as_str()) {
        (Along::Row, "ArrowRight") | (Along::Column, "ArrowDown") => 1,
        (Along::Row, "ArrowLeft") | (Along::Column, "ArrowUp") => -1,
        _ => return,
    };
    let Some(at) = event.target().and_then(|it| it.dyn_into::<HtmlElement>().ok()) else { return };
    let Some(around) = at.closest(around).ok().flatten() else { return };
    let items = usable(&around, items);
    let Some(index) = items.iter().position(|item| *item == at) else { return };
    if let Some(next) = index.checked_add_signed(step).and_then(|next| items.get(next)) {
        event.prevent_default();
        let _ = next.focus();
    }
}

/// Leaves one of the controls to the Tab key: the one with the focus, else the first.
pub fn keep_one_stop(around: &Element, items: &str) {
    let all = found(around, items);
    let usable = usable(around, items);
    let active = around.owner_document().and_then(|document| document.active_element());
    let has_focus = |item: &&HtmlElement| active.as_ref().is_some_and(|active| item.is_same_node(Some(active)));
    let stop = usable.iter().find(has_focus).or_else(|| usable.first());
    for item in &all {
        item.set_tab_index(if Some(item) == stop { 0 } else { -1 });
    }
}

/// What is folded or disabled takes no focus.
fn usable(around: &Element, items: &str) -> Vec<HtmlElement> {
    let takes_focus =
        |item: &HtmlElement| item.offset_parent().is_some() && !item.matches(":disabled").unwrap_or(false);
    found(around, items).into_iter().filter(takes_focus).collect()
}

fn found(around: &Element, items: &str) -> Vec<HtmlElement> {
    let Ok(items) = around.query_selector_all(items) else { return Vec::new() };
    (0..items.length()).filter_map(|index| items.item(index)?.dyn_into::<HtmlElement>().ok()).collect()
}
