//! Two texts side by side: matrices on one scale, spans of both, cosines between their mean codes.

use std::sync::Arc;

use lens_analysis::similarity::Source;
use lens_view::comparison;
use lens_view::focus::Focus;
use lens_view::heatmap::{Heatmap, Room, Viewport, layout};
use lens_view::selection::Selection;
use lens_view::settings::Choice;
use leptos::html::{Canvas, Div};
use leptos::prelude::*;
use web_sys::MouseEvent;

use super::picker::InfKField;
use super::token_text::TokenText;
use crate::canvas;
use crate::pointing;
use crate::state::{Compared, Phase, Shown, State};
use crate::surface::{observe_room, repaints, report, size_in_css};
use crate::{analyse, files};

/// The second text, and the comparison once there is one.
#[component]
pub fn ComparePanel(state: State, shown: Arc<Shown>) -> impl IntoView {
    let text = RwSignal::new(shown.analysis.text.clone());
    let inf_k = RwSignal::new(String::new());
    let first = Arc::new((shown.analysis.text.clone(), shown.analysis.inf_k));
    let is_loading = move || state.phase.get() == Phase::Loading;
    // A comparison is of what is shown, or it is not here.
    let belongs = first.clone();
    let compared = Memo::new(move |_| {
        state.compared.get().filter(|it| {
            let first = &it.comparison.first;
            (&first.text, first.inf_k) == (&belongs.0, belongs.1)
        })
    });
    let paired = first.clone();
    let pair = Memo::new(move |_| {
        state.gallery.with(|gallery| {
            let example = gallery.with_text(&paired.0).filter(|_| paired.1.is_none())?;
            Some((example.id.clone(), gallery.find(example.pair.as_deref()?)?.title.clone()))
        })
    });
    let on_submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        analyse::compare(state, (*first).clone(), text.get_untracked(), &inf_k.get_untracked());
    };
    view! {
        <section class="compare" aria-labelledby="compare-title">
            <h2 id="compare-title">"Compare with a second text"</h2>
            <form class="compare-form" on:submit=on_submit>
                <textarea
                    rows="2"
                    spellcheck="false"
                    aria-label="Second text"
                    data-testid="compare-text"
                    prop:value=move || text.get()
                    on:input:target=move |event| text.set(event.target().value())
                ></textarea>
                <div class="controls">
                    <button type="submit" data-testid="compare" disabled=is_loading>
                        "Compare"
                    </button>
                    <InfKField title="Novel codes kept at each token of the second text" testid="compare-inf-k" inf_k />
                    {move || {
                        pair.get()
                            .map(|(id, title)| {
                                view! {
                                    <button
                                        type="button"
                                        data-testid="compare-pair"
                                        disabled=is_loading
                                        on:click=move |_| files::show_pair(state, id.clone())
                                    >
                                        {format!("Compare with “{title}” (precomputed)")}
                                    </button>
                                }
                            })
                    }}
                </div>
            </form>
            {move || compared.get().map(|compared| view! { <Comparing state compared /> })}
        </section>
    }
}

/// A comparison.
#[component]
fn Comparing(state: State, compared: Arc<Compared>) -> impl IntoView {
    let selections = comparison::shared_ending(&compared.comparison).map(RwSignal::new);
    let views = state.views;
    let drawn = compared.clone();
    let heatmaps = Memo::new_with_compare(
        move |_| {
            comparison::heatmaps(&drawn.comparison, views.source.get(), views.mode.get(), views.scale.get())
                .map(|both| both.map(Arc::new))
        },
        |_, _| true,
    );
    let of = move |side: usize| Signal::derive(move || heatmaps.get().ok().map(|both| both[side].clone()));
    let missing = move || heatmaps.with(|it| it.as_ref().err().map(ToString::to_string));
    let shared = compared.clone();
    let title = move || {
        let scale = heatmaps.with(|it| it.as_ref().map(|[it, _]| (it.range.low, it.range.high)).unwrap_or_default());
        format!(
            "Similarity of {}, both from {:.2} to {:.2}",
            views.source.get().label().to_lowercase(),
            scale.0,
            scale.1
        )
    };
    let rows = move || {
        let [a, b] = selections.map(|it| it.get());
        comparison::cosines(&shared.comparison, [&a, &b])
            .into_iter()
            .map(|row| {
                view! {
                    <tr>
                        <th scope="row">{row.label}</th>
                        {row.values.into_iter().map(|it| view! { <td class="number">{it}</td> }).collect_view()}
                    </tr>
                }
            })
            .collect_view()
    };
    let saved = compared.clone();
    let save = move |_| {
        files::save_text(state, "temporal-lens-comparison.json", "application/json", &saved.json);
    };
    let [first, second] = [&compared.comparison.first, &compared.comparison.second].map(|it| it.tokens.clone());
    view! {
        <div class="panel-head">
            <p class="note" data-testid="compare-title">{title}</p>
            {compared.is_precomputed.then(|| view! { <span class="badge" data-testid="compare-mark">"precomputed"</span> })}
            <button type="button" class="quiet small" data-testid="compare-json" on:click=save>
                "Download JSON"
            </button>
        </div>
        {move || missing().map(|why| view! { <p class="empty">{why}</p> })}
        <div class="compare-sides">
            <Side state tokens=first heatmap=of(0) selection=selections[0] number="1" />
            <Side state tokens=second heatmap=of(1) selection=selections[1] number="2" />
        </div>
        <div class="scroll" tabindex="0" role="region" aria-label="Cosines of the selected spans">
            <table data-testid="compare-cosines">
                <caption>
                    "Cosine between the mean codes of the selected spans, centred over both texts. Click a token, then shift-click another, to select spans A and B of a text."
                </caption>
                <thead>
                    <tr>
                        <th scope="col">"Spans"</th>
                        {Source::ALL.map(|source| view! { <th scope="col">{source.label()}</th> }).collect_view()}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

/// One of the texts: its tokens and its matrix.
#[component]
fn Side(
    state: State,
    tokens: Vec<String>,
    heatmap: Signal<Option<Arc<Heatmap>>>,
    selection: RwSignal<Selection>,
    number: &'static str,
) -> impl IntoView {
    let anchor = RwSignal::new(None::<usize>);
    let focus = RwSignal::new(Focus::default());
    let title = format!("Text {number}: {} tokens", tokens.len());
    let tokens = tokens
        .into_iter()
        .enumerate()
        .map(|(position, token)| {
            let is_of = move |name| selection.with(|it| it.name_at(position) == Some(name));
            let on_click = move |event: MouseEvent| match anchor.get_untracked() {
                Some(from) if event.shift_key() => selection.update(|it| it.stretch(from, position)),
                _ => anchor.set(Some(position)),
            };
            view! {
                <button
                    type="button"
                    class="compare-token"
                    class:is-span-a=move || is_of("A")
                    class:is-span-b=move || is_of("B")
                    class:is-pinned=move || anchor.get() == Some(position)
                    data-testid=format!("compare-{number}-{position}")
                    on:click=on_click
                >
                    <TokenText token />
                </button>
            }
        })
        .collect_view();
    let (frame, base, overlay) = (NodeRef::<Div>::new(), NodeRef::<Canvas>::new(), NodeRef::<Canvas>::new());
    let room = RwSignal::new(None::<Room>);
    observe_room(frame, room);
    let place = Memo::new(move |_| {
        let (room, heatmap) = (room.get()?, heatmap.get()?);
        let columns = heatmap.label_columns(room.label_columns());
        Some(layout(heatmap.size(), columns, room, Viewport::whole(heatmap.size()), false))
    });
    let ground = repaints(state);
    Effect::new(move |_| {
        ground.track();
        let (Some(canvas), Some(place), Some(room)) = (base.get(), place.get(), room.get()) else { return };
        let Some(heatmap) = heatmap.get() else { return };
        size_in_css(&canvas, place.width, place.height);
        report(canvas::raster(&heatmap).and_then(|raster| {
            let figure = canvas::Figure {
                heatmap: &heatmap,
                raster: &raster,
                layout: &place,
                label_room: room.label_columns(),
                boundaries: &[],
                tree: None,
            };
            canvas::draw_figure(&canvas, &figure, room.pixel_ratio)
        }));
    });
    Effect::new(move |_| {
        ground.track();
        let (Some(canvas), Some(place), Some(room)) = (overlay.get(), place.get(), room.get()) else { return };
        let Some(heatmap) = heatmap.get() else { return };
        size_in_css(&canvas, place.width, place.height);
        let focus = focus.get();
        selection.with(|it| {
            let columns = room.label_columns();
            report(canvas::draw_crosshair(&canvas, &heatmap, &place, focus, it.spans(), columns, room.pixel_ratio));
        });
    });
    let on_move = move |event: web_sys::PointerEvent| {
        let (x, y) = pointing::place(&event);
        let slots = place.with_untracked(|place| place.as_ref()?.cell_at(x, y));
        pointing::hover(focus, slots.and_then(|slots| heatmap.get_untracked()?.positions(slots)));
    };
    let readout = move || {
        let found = focus.get().focused().and_then(|spot| heatmap.get()?.readout(spot));
        found.map_or_else(
            || "Hover for the value of two tokens".to_owned(),
            |it| format!("{} × {}   {}", it.row, it.column, it.value),
        )
    };
    let summary = move || heatmap.get().map(|it| it.summary()).unwrap_or_default();
    view! {
        <figure aria-label=format!("Text {number}")>
            <figcaption>{title}</figcaption>
            <div class="compare-tokens">{tokens}</div>
            <div class="heatmap-frame" node_ref=frame>
                <canvas
                    node_ref=base
                    role="img"
                    aria-label=summary
                    data-testid=format!("compare-heatmap-{number}")
                    on:pointermove=on_move
                    on:pointerleave=move |_| pointing::hover(focus, None)
                ></canvas>
                <canvas class="overlay" node_ref=overlay aria-hidden="true"></canvas>
            </div>
            <p class="readout" data-testid=format!("compare-readout-{number}")>
                {readout}
            </p>
        </figure>
    }
}
