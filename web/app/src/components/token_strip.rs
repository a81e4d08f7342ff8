//! The text as tokens, shaded by a chosen quantity. Hovering one focuses it in all views, a click
//! pins it, shift and a click selects a span.

use std::sync::Arc;

use lens_analysis::per_token::Quantity;
use lens_view::choice::Choice;
use lens_view::focus::{Cell, Step};
use lens_view::strip::Shading;
use lens_view::token::{self, after_space, breaks_line};
use lens_view::{inspector, number, scene};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement, KeyboardEvent};

use super::gear::Gear;
use super::save_figure::SaveFigure;
use super::token_text::TokenText;
use crate::environment::document;
use crate::media;
use crate::part::Part;
use crate::saved;
use crate::span_gesture::SpanGesture;
use crate::state::{ShownAnalysis, State};
use crate::views::Derived;

/// The strip of a shown analysis.
#[component]
pub fn TokenStrip(
    state: State,
    shown: Arc<ShownAnalysis>,
    derived: Derived,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let count = shown.analysis.tokens.len();
    let quantity = state.look(|model| &model.view.quantity);
    let shaded = shown.clone();
    let shading = Memo::new(move |_| quantity.get().map(|quantity| Shading::or_usual(&shaded.analysis, quantity)));

    mark_focus(state);
    mark_sources(state, shown.clone());
    mark_selection(state, count);
    mark_unread(state, count);
    show_pin(state);
    // After the tokens are in the page.
    Effect::new(move |_| shading.with(|shading| shade(shading.as_ref().and_then(|it| it.as_ref().ok()), count)));
    Effect::new(move |_| {
        let has_events = derived.has_events.get();
        derived.boundaries.with_value(|found| {
            for position in found.iter().flatten() {
                set_class(*position, "is-boundary", has_events);
            }
        });
    });

    let on_over = move |event: web_sys::PointerEvent| {
        let cell = position_of(&event).map(Cell::token);
        if event.pointer_type() == "mouse" && state.focus.with_untracked(|focus| focus.hovered) != cell {
            state.point(|focus| focus.hovered = cell);
        }
    };
    let on_leave = move || {
        if state.focus.with_untracked(|focus| focus.hovered.is_some()) {
            state.point(|focus| focus.hovered = None);
        }
    };
    let pick = move |position: usize, stretches: bool| {
        if stretches {
            let anchor = state.focus.with_untracked(|focus| focus.pinned.map(|cell| cell.row)).unwrap_or(position);
            state.choose(|view| view.spans.stretch(anchor, position));
        } else {
            state.point(|focus| focus.click(Cell::token(position)));
            // On a narrow screen the word's sheet would cover it.
            scroll_to(position);
        }
    };
    let select = move |(first, last): (usize, usize)| {
        state.choose(|view| view.spans.stretch(first, last));
        // The spans are what is looked at now, and not the word under the pointer.
        state.hover(None);
    };
    let gesture = SpanGesture::new(Callback::new(select));
    let spans = state.look(|model| &model.view.spans);
    // Esc, or a press on Clear, ends a span whose last word is waited for.
    Effect::new(move |_| {
        if spans.with(|spans| spans.spans().is_empty()) && gesture.begun.get_untracked().is_some() {
            gesture.begun.set(None);
        }
    });
    let on_click = move |event: web_sys::MouseEvent| {
        if let Some(position) = position_of(&event).filter(|position| !gesture.takes_click(*position)) {
            pick(position, event.shift_key());
        }
    };
    let on_key = move |event: KeyboardEvent| {
        if let Some(step) = Step::from_key(&event.key()) {
            event.prevent_default();
            state.point(|focus| focus.walk_tokens(step, count));
            if let Some(cell) = state.focus.with_untracked(|focus| focus.focused()) {
                if event.shift_key() {
                    pick(cell.row, true);
                }
                scroll_to(cell.row);
            }
        } else if matches!(event.key().as_str(), "Enter" | " ") {
            event.prevent_default();
            if let Some(cell) = state.focus.with_untracked(|focus| focus.focused()) {
                pick(cell.row, event.shift_key());
            }
        }
    };
    let saved = shown.clone();
    let active = move || state.focus.get().focused().map(|cell| token_id(cell.row));
    let token = |position: usize| {
        let token = shown.analysis.tokens.get(position).cloned().unwrap_or_default();
        let breaks = breaks_line(&token);
        let (has_space, rest) = after_space(&token);
        let token = rest.to_owned();
        view! {
            {has_space.then_some(" ")}
            <span
                class="token"
                role="option"
                aria-selected="false"
                id=token_id(position)
                data-testid=token_id(position)
                data-position=position.to_string()
            >
                <TokenText token />
            </span>
            {breaks.then(|| view! { <br /> })}
        }
    };
    let of = |positions: std::ops::Range<usize>| positions.map(&token).collect_view();
    let scenes = scene::all(&shown.analysis);
    let begin = scenes.first().map_or(count, |scene| scene.first.min(count));
    let tokens = view! {
        {of(0..begin)}
        {scenes
            .into_iter()
            .map(|scene| {
                let follows = (scene.lag() > 0).then(|| scene.follows());
                let spoken = [Some(scene.title()), follows.clone()].into_iter().flatten().collect::<Vec<_>>().join(": ");
                view! {
                    // What the colors say is said in words, here and in the list of scenes.
                    <div class="scene" role="group" aria-label=spoken dir="auto" data-scene=scene.color().to_string()>
                        // A direction of its own: the tokens alone say which way the text runs.
                        <p class="scene-name" aria-hidden="true" dir="auto" data-testid=format!("scene-{}", scene.number)>
                            {scene.title()} {follows.map(|follows| view! { <span class="note">{format!(" · {follows}")}</span> })}
                        </p>
                        {of(scene.first.min(count)..(scene.last + 1).min(count))}
                    </div>
                }
            })
            .collect_view()}
    };

    view! {
        <section class="strip" aria-label="Tokens">
            <div
                class="token-strip"
                role="listbox"
                dir="auto"
                translate="no"
                tabindex="0"
                aria-label="Tokens of the text: arrow keys walk, Enter pins, Shift and arrows select a span from the pin"
                aria-activedescendant=active
                data-testid="token-strip"
                on:pointerover=on_over
                on:pointerleave=move |_| on_leave()
                on:blur=move |_| on_leave()
                on:pointerdown=move |event| {
                    if let Some(position) = position_of(&event) {
                        gesture.down(&event, position);
                    }
                }
                on:pointermove=move |event| gesture.moved(&event, position_of(&event))
                on:pointerup=move |_| gesture.ended()
                on:pointercancel=move |_| gesture.ended()
                on:contextmenu=move |event| {
                    if gesture.is_resting() {
                        event.prevent_default();
                    }
                }
                on:click=on_click
                on:keydown=on_key
            >
                {tokens}
            </div>
            // Before the text for the eye, after it for the Tab key.
            <div class="strip-head">
                <StripLegend shading />
                {children.map(|children| children())}
                <Gear label="Color words by, save the text" sign="⚙" testid="text-settings">
                    <StripBar state shown=saved derived />
                </Gear>
            </div>
            <StripReadout state shown shading begun=gesture.begun />
        </section>
    }
}

/// What the shade means.
#[component]
fn StripLegend(shading: Memo<Option<Result<Shading, lens_analysis::similarity::MissingError>>>) -> impl IntoView {
    move || {
        shading.with(|shading| match shading {
            None => ().into_any(),
            Some(Err(missing)) => {
                view! { <span class="note" data-testid="strip-missing">{missing.to_string()}</span> }.into_any()
            }
            Some(Ok(it)) => {
                let [low, high] = it.ends();
                view! {
                    <span class="legend" data-testid="strip-legend">
                        {format!("{}: {low}", it.quantity.label())}
                        <span class="legend-ramp" aria-hidden="true"></span>
                        {high}
                    </span>
                }
                .into_any()
            }
        })
    }
}

/// Choice of the shade, saving.
#[component]
fn StripBar(state: State, shown: Arc<ShownAnalysis>, derived: Derived) -> impl IntoView {
    let quantity =
        Part::new(state, state.look(|model| &model.view.quantity), |view, quantity| view.quantity = quantity);
    let figure = saved::text(state, &shown, derived);
    view! {
        <div class="toolbar">
            <label class="field picker">
                <span>"Color words by"</span>
                <select
                    data-testid="quantity"
                    prop:value=move || quantity.get().map_or("none", Choice::key)
                    on:change=move |event| quantity.set(Quantity::from_key(&event_target_value(&event)))
                >
                    {Quantity::CHOICES
                        .iter()
                        .map(|choice| {
                            let choice = *choice;
                            view! {
                                <option value=choice.key() selected=move || quantity.get() == Some(choice)>
                                    {choice.label()}
                                </option>
                            }
                        })
                        .collect_view()} <option value="none" selected=move || quantity.get().is_none()>
                        "Nothing"
                    </option>
                </select>
            </label>
            <span class="end">
                <SaveFigure state testid="strip" saved=figure />
            </span>
        </div>
    }
}

/// The focused token and its value: one line that is always there.
#[component]
fn StripReadout(
    state: State,
    shown: Arc<ShownAnalysis>,
    shading: Memo<Option<Result<Shading, lens_analysis::similarity::MissingError>>>,
    begun: RwSignal<Option<usize>>,
) -> impl IntoView {
    let text = move || {
        if let Some(first) = begun.get() {
            let name = token::name_in_text(&shown.analysis.tokens, first);
            return format!("A span from “{name}”: press its last word");
        }
        let Some(cell) = state.focus.get().focused() else {
            return "Point at a word; a click pins it, dragging selects a span".to_owned();
        };
        let name = shown.analysis.tokens.get(cell.row).map(|t| token::shortened(t, 24)).unwrap_or_default();
        let value = shading.with(|it| it.as_ref().and_then(|it| it.as_ref().ok().map(|it| it.sentence(cell.row))));
        format!("{} {name}   {}", cell.row, value.unwrap_or_default())
    };
    view! {
        <p class="readout" class:is-asking=move || begun.get().is_some() role="status" aria-live="polite" data-testid="strip-readout">
            {text}
        </p>
    }
}

/// A word that a link has pinned is in sight as the page opens: on a narrow screen above its sheet, elsewhere in the strip.
fn show_pin(state: State) {
    let is_narrow = state.embed.is_none() && media::is_narrow();
    let Some(cell) = state.focus.with_untracked(|focus| focus.pinned) else {
        if !is_narrow {
            show_suggestion(state);
        }
        return;
    };
    // After the tokens are in the page.
    request_animation_frame(move || if is_narrow { scroll_to(cell.row) } else { keep_in_sight(cell.row) });
}

/// The word whose story is shown first is in sight once it is chosen.
fn show_suggestion(state: State) {
    Effect::new(move |is_done: Option<bool>| {
        if is_done == Some(true) {
            return true;
        }
        let chosen = state.word.pinned.get();
        if let Some(position) = chosen {
            request_animation_frame(move || keep_in_sight(position));
        }
        chosen.is_some()
    });
}

/// Marks are set on the few tokens concerned: one reactive class a token would make hovering slow in
/// long texts.
fn mark_focus(state: State) {
    Effect::new(move |marked: Option<Vec<(usize, &'static str)>>| {
        for (position, class) in marked.unwrap_or_default() {
            set_class(position, class, false);
            if class == "is-pinned" {
                set_selected(position, false);
            }
        }
        let focus = state.focus.get();
        let mut marks = Vec::new();
        if let Some(cell) = focus.pinned {
            marks.extend([(cell.row, "is-pinned"), (cell.column, "is-pinned")]);
        }
        if let Some(cell) = focus.focused() {
            marks.extend([(cell.row, "is-focused"), (cell.column, "is-focused")]);
        }
        for (position, class) in &marks {
            set_class(*position, class, true);
            if *class == "is-pinned" {
                set_selected(*position, true);
            }
        }
        marks
    });
}

/// Underlines the tokens that the prediction of the word in focus was taken from, each with its share.
fn mark_sources(state: State, shown: Arc<ShownAnalysis>) {
    Effect::new(move |marked: Option<Vec<usize>>| {
        for position in marked.unwrap_or_default() {
            set_class(position, "is-source", false);
            set_class(position, "is-word", false);
        }
        let Some(position) = state.word.looked_at.get() else { return Vec::new() };
        set_class(position, "is-word", true);
        let mut marks = vec![position];
        let sources = inspector::sources(&shown.analysis, position);
        for source in &sources {
            if let Some(token) = token_element(source.position) {
                let percent = number::fixed(100.0 * source.share, 0);
                // What cannot be written stands in the list of the word in focus.
                let share = if inspector::has_room(&sources, source) { format!("{percent} %") } else { String::new() };
                let _ = token.set_attribute("data-share", &share);
                set_class(source.position, "is-source", true);
                marks.push(source.position);
            }
        }
        marks
    });
}

/// Fades what the film has not read yet, and keeps the word that it reads in sight. Only tokens on whose side the film's
/// position has changed are touched.
fn mark_unread(state: State, count: usize) {
    let read_to = state.look(|model| &model.view.read_to);
    Effect::new(move |read: Option<usize>| {
        let (read, position) = (read.unwrap_or(count), read_to.get());
        let now = position.map_or(count, |position| position + 1);
        for position in read.min(now)..read.max(now).min(count) {
            set_class(position, "is-unread", position >= now);
        }
        if let Some(position) = position {
            keep_in_sight(position);
        }
        now
    });
}

/// Scrolls the strip, and nothing around it, to a token that it hides.
fn keep_in_sight(position: usize) {
    let Some(token) = token_element(position) else { return };
    let Some(strip) = token.closest(".token-strip").ok().flatten() else { return };
    if strip.scroll_height() > strip.client_height() {
        let (token, around) = (token.get_bounding_client_rect(), strip.get_bounding_client_rect());
        if token.top() < around.top() || token.bottom() > around.bottom() {
            let middle = (token.top() - around.top()) - around.height() / 2.0;
            strip.set_scroll_top(strip.scroll_top() + middle as i32);
        }
    }
}

fn mark_selection(state: State, count: usize) {
    let spans = state.look(|model| &model.view.spans);
    Effect::new(move |marked: Option<Vec<(usize, &'static str)>>| {
        for (position, class) in marked.unwrap_or_default() {
            set_class(position, class, false);
        }
        let selection = spans.get();
        let marks: Vec<(usize, &'static str)> = selection
            .spans()
            .iter()
            .zip(["is-span-a", "is-span-b"])
            .flat_map(|(span, class)| span.clone().filter(|p| *p < count).map(move |p| (p, class)))
            .collect();
        for (position, class) in &marks {
            set_class(*position, class, true);
        }
        marks
    });
}

/// Sets each token's `--level`, 0..=1.
fn shade(shading: Option<&Shading>, count: usize) {
    for position in 0..count {
        let Some(token) = token_element(position).and_then(|it| it.dyn_into::<HtmlElement>().ok()) else { continue };
        let level = shading.map_or(0.0, |shading| shading.level(position));
        // A token that cannot be styled is still readable.
        let _ = HtmlElement::style(&token).set_property("--level", &format!("{level:.3}"));
    }
}

fn set_class(position: usize, class: &str, is_on: bool) {
    if let Some(token) = token_element(position) {
        let _ = token.class_list().toggle_with_force(class, is_on);
    }
}

fn set_selected(position: usize, is_selected: bool) {
    if let Some(token) = token_element(position) {
        let _ = token.set_attribute("aria-selected", if is_selected { "true" } else { "false" });
    }
}

/// Brings a token into sight.
pub fn scroll_to(position: usize) {
    if let Some(token) = token_element(position) {
        let options = web_sys::ScrollIntoViewOptions::new();
        options.set_block(web_sys::ScrollLogicalPosition::Nearest);
        token.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

fn token_id(position: usize) -> String {
    format!("token-{position}")
}

fn token_element(position: usize) -> Option<Element> {
    document()?.get_element_by_id(&token_id(position))
}

/// The position of the token an event is about.
fn position_of(event: &Event) -> Option<usize> {
    let element: Element = event.target()?.dyn_into().ok()?;
    element.closest("[data-position]").ok().flatten()?.get_attribute("data-position")?.parse().ok()
}
