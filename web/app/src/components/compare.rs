//! Two texts side by side: matrices on one scale, spans of both, cosines between their mean codes.

use std::sync::Arc;

use lens_analysis::similarity::{MissingError, Source};
use lens_session::Msg;
use lens_view::choice::{Choice, technical_name};
use lens_view::focus::{Focus, Step};
use lens_view::heatmap::{Heatmap, HeatmapLayout};
use lens_view::layout::AvailableSpace;
use lens_view::progress::with_download;
use lens_view::{comparison, export, neighbors, number, statistics};
use leptos::html::{Canvas, Div};
use leptos::prelude::*;
use web_sys::{KeyboardEvent, MouseEvent};

use super::composer::is_here;
use super::gear::Gear;
use super::picker::InfKField;
use super::save_figure::SaveFigure;
use super::similarity_table::SimilarityTable;
use super::token_text::TokenText;
use crate::pointing;
use crate::state::{Phase, ShownAnalysis, ShownComparison, State};
use crate::surface::{observe_space, repaints, report, size_in_css};
use crate::{files, heatmap_canvas, saved};

/// Columns of text that a label of a row may take.
const LABEL_ROOM: usize = 8;

/// The second text, and the comparison once there is one.
#[component]
pub fn ComparePanel(state: State, shown: Arc<ShownAnalysis>) -> impl IntoView {
    let (typed, inf_k) = (state.second_text, state.second_inf_k);
    let own = shown.analysis.text.clone();
    // Until a second text is typed it is the shown one, to be changed.
    let text = Memo::new(move |_| typed.get().unwrap_or_else(|| own.clone()));
    let first = Arc::new((shown.analysis.text.clone(), shown.analysis.inf_k));
    let awaited = state.look(|model| &model.awaited_pair);
    let is_loading = move || state.phase.get() == Phase::Loading;
    // A comparison is of what is shown, or it is not here.
    let belongs = shown.clone();
    let compared = Memo::new(move |_| state.compared.get().filter(|it| it.is_of(&belongs.analysis)));
    let paired = first.clone();
    let pair = Memo::new(move |_| {
        state.gallery.with(|gallery| {
            // Nothing is offered that is shown already.
            let is_shown = compared.with(|it| it.as_ref().is_some_and(|it| it.is_precomputed));
            let example = gallery.with_text(&paired.0).filter(|_| paired.1.is_none() && !is_shown)?;
            Some((example.id.clone(), gallery.find(example.pair.as_deref()?)?.title.clone()))
        })
    });
    let bytes = move || state.pack.with(|pack| pack.as_ref().map_or(0, |pack| pack.bytes));
    let on_submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        state.tell(Msg::Compare);
    };
    // Both matrices are computed once for all that shows them.
    let heatmaps = heatmaps(state, compared);
    let gear = move || compared.get().map(|compared| view! { <Everything state compared heatmaps /> });
    view! {
        <section class="compare" aria-labelledby="compare-title">
            <div class="figure-head">
                <h2 id="compare-title">"Compare with a second text"</h2>
                {move || compared.get().map(|compared| view! { <Legend state compared heatmaps /> })}
                <Gear label="All cosines, files and settings of the comparison" sign="⚙" testid="compare-settings">
                    {(!state.is_one_file).then(|| view! {
                        <InfKField title="Novel codes kept at each token of the second text" testid="compare-inf-k" inf_k typed=Msg::SecondInfKTyped state />
                    })}
                    {gear}
                </Gear>
            </div>
            <Show
                when=move || !state.is_one_file
                fallback=move || compared.with(Option::is_none).then(|| view! { <p class="empty">"This file carries no second text."</p> })
            >
                <form class="compare-form" on:submit=on_submit>
                    <textarea
                        rows="1"
                        dir="auto"
                        spellcheck="false"
                        aria-label="Second text"
                        data-testid="compare-text"
                        prop:value=move || text.get()
                        on:input:target=move |event| state.tell(Msg::SecondTyped(event.target().value()))
                    ></textarea>
                    <button type="submit" data-testid="compare" disabled=is_loading>
                        {move || with_download("Compare", is_here(state, bytes()), bytes())}
                    </button>
                    {move || {
                        pair.get()
                            .map(|(id, title)| {
                                let pressed = id.clone();
                                let is_awaited = Memo::new(move |_| awaited.with(|it| it.as_ref() == Some(&id)));
                                let says = move || {
                                    if is_awaited.get() {
                                        format!("Opening “{title}” …")
                                    } else {
                                        format!("Compare with “{title}” (precomputed)")
                                    }
                                };
                                view! {
                                    <button
                                        type="button"
                                        class="compare-pair"
                                        data-testid="compare-pair"
                                        disabled=move || is_loading() || is_awaited.get()
                                        on:click=move |_| state.tell(Msg::Pair(pressed.clone()))
                                    >
                                        {says}
                                    </button>
                                }
                            })
                    }}
                </form>
            </Show>
            {move || compared.get().map(|compared| view! { <Comparing state compared heatmaps /> })}
        </section>
    }
}

/// Both matrices, as the view has them.
type Heatmaps = Memo<Drawn>;
/// None while nothing is compared.
type Drawn = Option<Result<[Arc<Heatmap>; 2], MissingError>>;

fn found(drawn: &Drawn) -> Option<&[Arc<Heatmap>; 2]> {
    drawn.as_ref()?.as_ref().ok()
}

fn heatmaps(state: State, compared: Memo<Option<Arc<ShownComparison>>>) -> Heatmaps {
    let (source, mode, scale) = (
        state.look(|model| &model.view.source),
        state.look(|model| &model.view.mode),
        state.look(|model| &model.view.scale),
    );
    Memo::new_with_compare(
        move |_| {
            let both = comparison::heatmaps(&compared.get()?.comparison, source.get(), mode.get(), scale.get());
            Some(both.map(|both| both.map(Arc::new)))
        },
        |_, _| true,
    )
}

/// What both matrices are of, and on which scale.
fn title(state: State, heatmaps: Heatmaps) -> impl Fn() -> String + Copy + Send + Sync + 'static {
    let source = state.look(|model| &model.view.source);
    move || {
        let range = heatmaps.with(|it| found(it).map(|[it, _]| (it.range.low, it.range.high)).unwrap_or_default());
        let [low, high] = [range.0, range.1].map(|end| number::fixed(end, 2));
        format!("Similarity of {}, both from {low} to {high}", technical_name(source.get()))
    }
}

/// The colors of both matrices, which have no bars of their own.
#[component]
fn Legend(state: State, compared: Arc<ShownComparison>, heatmaps: Heatmaps) -> impl IntoView {
    let title = title(state, heatmaps);
    let ramp = move || {
        let table = heatmaps.with(|it| found(it).map(|[it, _]| it.scale.map().table()));
        let stops = table.iter().flat_map(|table| table.iter().step_by(51));
        let stops: Vec<String> = stops.map(|[r, g, b]| format!("rgb({r} {g} {b})")).collect();
        format!("linear-gradient(to right, {})", stops.join(", "))
    };
    view! {
        {compared.is_precomputed.then(|| view! { <span class="badge" data-testid="compare-mark">"precomputed"</span> })}
        <span class="compare-ramp" style:background-image=ramp aria-hidden="true"></span>
        <span class="legend compare-legend" data-testid="compare-title">{title}</span>
    }
}

/// All cosines of the selected spans, the comparison's files, and its matrices as tables.
#[component]
fn Everything(state: State, compared: Arc<ShownComparison>, heatmaps: Heatmaps) -> impl IntoView {
    let selections = state.compared_spans;
    let title = title(state, heatmaps);
    let shared = compared.clone();
    let rows = move || {
        let [a, b] = selections.get();
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
        files::download_comparison(state, &saved.comparison);
    };
    let tabled = compared.clone();
    let csv = move |()| {
        let [a, b] = selections.get_untracked();
        let csv = export::cosines_csv(&comparison::cosines(&tabled.comparison, [&a, &b]));
        Some((csv, "temporal-lens-cosines.csv".to_owned()))
    };
    let figure = saved::compared(
        state,
        Callback::new(move |()| untrack(title)),
        statistics::credit(&compared.comparison.first),
        Callback::new(move |()| heatmaps.with_untracked(|it| found(it).cloned())),
        Callback::new(csv),
    );
    let of_text = |second: bool| {
        let compared = compared.clone();
        move || {
            let it = &compared.comparison;
            neighbors::rows(if second { &it.second } else { &it.first })
        }
    };
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label="Cosines of the selected spans">
            <table data-testid="compare-cosines">
                <caption>"Cosine between the mean codes of the selected spans, centered over both texts."</caption>
                <thead>
                    <tr>
                        <th scope="col">"Spans"</th>
                        {Source::ALL.map(|source| view! { <th scope="col">{source.label()}</th> }).collect_view()}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        <div class="toolbar">
            <SaveFigure state testid="compare" saved=figure />
            <button type="button" class="quiet small" data-testid="compare-json" on:click=save>
                "Save comparison"
            </button>
        </div>
        <SimilarityTable label="The heatmap of text 1 as a table" testid="compare-table-1" rows=of_text(false) />
        <SimilarityTable label="The heatmap of text 2 as a table" testid="compare-table-2" rows=of_text(true) />
    }
}

/// Both texts with their matrices, and how alike their spans are.
#[component]
fn Comparing(state: State, compared: Arc<ShownComparison>, heatmaps: Heatmaps) -> impl IntoView {
    let selections = state.compared_spans;
    let of = move |side: usize| Signal::derive(move || heatmaps.with(|it| found(it).map(|both| both[side].clone())));
    // As much room for labels in both, so that equal tokens stand at equal heights.
    let label_columns = Signal::derive(move || {
        let longest = |both: &[Arc<Heatmap>; 2]| both.iter().map(|it| it.label_columns(LABEL_ROOM)).max();
        heatmaps.with(|it| found(it).and_then(longest).unwrap_or_default())
    });
    let missing = move || heatmaps.with(|it| it.as_ref().and_then(|it| it.as_ref().err().map(ToString::to_string)));
    let found = compared.clone();
    let findings = move || {
        let [a, b] = selections.get();
        comparison::findings(&found.comparison, [&a, &b])
            .into_iter()
            .map(|it| {
                view! {
                    <li>
                        <strong class=if it.name == "A" { "span-a" } else { "span-b" }>{it.name}</strong>
                        <span>{it.words}</span>
                        <span class="note">
                            "expected part " <b class="value">{it.expected}</b> ", new part " <b class="value">{it.new}</b>
                        </span>
                    </li>
                }
            })
            .collect_view()
    };
    let bases = [NodeRef::<Canvas>::new(), NodeRef::<Canvas>::new()];
    let [first, second] = [&compared.comparison.first, &compared.comparison.second].map(|it| it.tokens.clone());
    view! {
        {move || missing().map(|why| view! { <p class="empty">{why}</p> })}
        <div class="compare-sides">
            <Side state tokens=first heatmap=of(0) label_columns side=0 base=bases[0] number="1" />
            <Side state tokens=second heatmap=of(1) label_columns side=1 base=bases[1] number="2" />
        </div>
        <ul class="compare-found" aria-label="How alike the spans are: cosine of mean codes" data-testid="compare-found">{findings}</ul>
        <p class="hint">"Cosines, 1 for alike. Click a token, then shift-click another, to select spans A and B of a text."</p>
    }
}

/// One of the texts: its tokens and its matrix.
#[component]
fn Side(
    state: State,
    tokens: Vec<String>,
    heatmap: Signal<Option<Arc<Heatmap>>>,
    label_columns: Signal<usize>,
    side: usize,
    base: NodeRef<Canvas>,
    number: &'static str,
) -> impl IntoView {
    let spans = state.compared_spans;
    let anchor = RwSignal::new(None::<usize>);
    let focus = RwSignal::new(Focus::default());
    let title = format!("Text {number}: {} tokens", tokens.len());
    let tokens = tokens
        .into_iter()
        .enumerate()
        .map(|(position, token)| {
            let is_of = move |name| spans.with(|both| both[side].name_at(position) == Some(name));
            let on_click = move |event: MouseEvent| match anchor.get_untracked() {
                Some(from) if event.shift_key() => {
                    let mut stretched = spans.with_untracked(|both| both[side].clone());
                    stretched.stretch(from, position);
                    state.tell(Msg::ComparedSpans(side, stretched));
                }
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
    let (frame, overlay) = (NodeRef::<Div>::new(), NodeRef::<Canvas>::new());
    let space = RwSignal::new(None::<AvailableSpace>);
    observe_space(frame, space);
    let place = Memo::new(move |_| {
        let (space, heatmap) = (space.get()?, heatmap.get()?);
        Some(HeatmapLayout::compact(heatmap.size(), label_columns.get(), space))
    });
    let ground = repaints(state);
    Effect::new(move |_| {
        ground.track();
        let (Some(canvas), Some(place), Some(space)) = (base.get(), place.get(), space.get()) else { return };
        let Some(heatmap) = heatmap.get() else { return };
        size_in_css(&canvas, place.figure.width, place.figure.height);
        report(heatmap_canvas::raster(&heatmap).and_then(|raster| {
            let figure = heatmap_canvas::DrawnHeatmap {
                heatmap: &heatmap,
                raster: &raster,
                layout: &place,
                label_room: LABEL_ROOM,
                boundaries: &[],
                scenes: &[],
                tree: None,
            };
            heatmap_canvas::draw_figure(&canvas, &figure, space.pixel_ratio)
        }));
    });
    Effect::new(move |_| {
        ground.track();
        let (Some(canvas), Some(place), Some(space)) = (overlay.get(), place.get(), space.get()) else { return };
        let Some(heatmap) = heatmap.get() else { return };
        size_in_css(&canvas, place.figure.width, place.figure.height);
        let focus = focus.get();
        spans.with(|both| {
            let spans = both[side].spans();
            let overlay = heatmap_canvas::Overlay { focus, spans, read_to: None, label_room: LABEL_ROOM };
            report(heatmap_canvas::draw_crosshair(&canvas, &heatmap, &place, &overlay, space.pixel_ratio));
        });
    });
    let on_move = move |event: web_sys::PointerEvent| {
        let (x, y) = pointing::place(&event);
        let slots = place.with_untracked(|place| place.as_ref()?.cell_at(x, y));
        pointing::hover(focus, slots.and_then(|slots| heatmap.get_untracked()?.positions(slots)));
    };
    let on_key = move |event: KeyboardEvent| {
        let Some(heatmap) = heatmap.get_untracked() else { return };
        match Step::from_key(&event.key()) {
            Some(step) => focus.update(|focus| {
                heatmap.walk(focus, step);
            }),
            None if event.key() == "Escape" => focus.update(|focus| focus.clear()),
            None => return,
        }
        event.prevent_default();
    };
    let readout = move || {
        let found = focus.get().focused().and_then(|cell| heatmap.get()?.readout(cell));
        found.map_or_else(
            || "Hover or arrow keys for the value of two tokens".to_owned(),
            |it| format!("{} × {}   {}", it.row, it.column, it.value),
        )
    };
    let summary = move || heatmap.get().map(|it| it.summary()).unwrap_or_default();
    view! {
        <figure aria-label=format!("Text {number}")>
            <figcaption>{title}</figcaption>
            <div class="compare-tokens" dir="auto">{tokens}</div>
            <div class="heatmap-frame" node_ref=frame>
                <canvas
                    node_ref=base
                    tabindex="0"
                    role="application"
                    aria-roledescription="heatmap"
                    aria-label=summary
                    aria-describedby=format!("compare-readout-{number}")
                    data-testid=format!("compare-heatmap-{number}")
                    on:pointermove=on_move
                    on:pointerleave=move |_| pointing::hover(focus, None)
                    on:blur=move |_| pointing::hover(focus, None)
                    on:keydown=on_key
                ></canvas>
                <canvas class="overlay" node_ref=overlay aria-hidden="true"></canvas>
            </div>
            <p
                class="readout"
                id=format!("compare-readout-{number}")
                role="status"
                aria-live="polite"
                data-testid=format!("compare-readout-{number}")
            >
                {readout}
            </p>
        </figure>
    }
}
