//! The Share dialog: a link, code to embed, the result's file.

use lens_session::embed::{self, Purpose};
use lens_session::view_state::{self, ViewState};
use leptos::prelude::*;

use super::picker::Picker;
use super::sheet::Sheet;
use crate::state::{Origin, State};
use crate::{environment, files};

/// Button and dialog.
#[component]
pub fn Share(state: State) -> impl IntoView {
    let is_open = RwSignal::new(false);
    // What copying came to.
    let notice = RwSignal::new(None::<String>);
    let open = move |_| {
        notice.set(None);
        is_open.set(true);
    };
    view! {
        <button type="button" class="quiet" data-testid="share" on:click=open>
            "Share"
        </button>
        <Sheet is_open title="Share" testid="share-sheet" class="share">
            {move || is_open.get().then(|| view! { <Ways state notice /> })}
            <p class="note" role="status" data-testid="share-notice">{move || notice.get()}</p>
        </Sheet>
    }
}

/// The link, the code, the file.
#[component]
pub fn Ways(state: State, notice: RwSignal<Option<String>>) -> impl IntoView {
    let shared = Memo::new(move |_| {
        // Where a drag goes on, the address comes later than the view.
        state.address.track();
        state.store.model().current_address().to_share()
    });
    let url = Memo::new(move |_| environment::page_at(&shared.with(ViewState::link)));
    let purpose = RwSignal::new(Purpose::default());
    let code =
        Signal::derive(move || embed::code(&environment::page_at(""), &shared.with(ViewState::query), purpose.get()));
    let is_long = Memo::new(move |_| url.with(String::len) > view_state::LENGTH_SAFE);
    // A model of the recipient's has to see the text first: a file has everything.
    let needs_model = state
        .shown
        .with(|shown| shown.as_ref().is_some_and(|shown| matches!(shown.origin, Origin::Live(_) | Origin::File(_))));
    view! {
        <Way label="Link" testid="share-link" content=url.into() notice />
        {needs_model.then(|| view! { <p class="note">"Whoever opens it runs the model on this text."</p> })}
        <Show when=move || is_long.get()>
            <p class="note" data-testid="share-long">
                "This link is long: some hosts and programs cut it. The result’s file, below, is safer."
            </p>
        </Show>
        <Picker<Purpose>
            label="An embedded frame shows"
            testid="share-purpose"
            chosen=purpose.into()
            choose=Callback::new(move |it| purpose.set(it))
        />
        <Way label="Code to embed" testid="share-code" content=code notice />
        <h3>"The result itself, without a model"</h3>
        <FileSteps state notice />
    }
}

/// How a result becomes a link that opens without a model.
#[component]
fn FileSteps(state: State, notice: RwSignal<Option<String>>) -> impl IntoView {
    let address = RwSignal::new(String::new());
    let link = Memo::new(move |_| {
        state.address.track();
        let saved = state.store.model().current_address().to_share().of_saved(&address.read())?;
        Some(environment::page_at(&saved.link()))
    });
    let is_wrong = move || link.with(Option::is_none) && !address.with(|it| it.trim().is_empty());
    let url = Signal::derive(move || link.get().unwrap_or_default());
    view! {
        <ol class="share-steps">
            <li>
                <button type="button" data-testid="share-file" on:click=move |_| files::download(state)>
                    "Save the result’s file"
                </button>
            </li>
            <li>
                "Put it on a site that other pages may read from: a repository’s pages, a Hugging Face dataset, the folder of this page."
            </li>
            <li>
                <div class="share-way">
                    <label>
                        <span>"Paste the file’s address there to get a link"</span>
                        <input
                            type="text"
                            inputmode="url"
                            autocomplete="off"
                            placeholder="https://…/story.json"
                            data-testid="share-address"
                            prop:value=address
                            aria-invalid=move || is_wrong().then_some("true")
                            on:input=move |event| address.set(event_target_value(&event))
                        />
                    </label>
                </div>
                <Show when=is_wrong>
                    <p class="note" data-testid="share-address-wrong">
                        "A page can read from web addresses (https:), and from a path on its own site."
                    </p>
                </Show>
                <Show when=move || link.with(Option::is_some)>
                    <Way label="Link to the result" testid="share-result" content=url notice />
                </Show>
            </li>
        </ol>
    }
}

/// A text to copy; it stands there, so that it can be copied by hand where the browser refuses.
#[component]
fn Way(
    label: &'static str,
    testid: &'static str,
    content: Signal<String>,
    notice: RwSignal<Option<String>>,
) -> impl IntoView {
    let field = NodeRef::<leptos::html::Input>::new();
    let copy = move |_| {
        files::copy_then(content.get_untracked(), move |is_copied| {
            if !is_copied && let Some(field) = field.get_untracked() {
                field.select();
            }
            notice.set(Some(if is_copied {
                "Copied.".to_owned()
            } else {
                "This browser does not let the page copy: the text is selected, press Ctrl+C.".to_owned()
            }));
        });
    };
    view! {
        <div class="share-way">
            <label>
                <span>{label}</span>
                <input type="text" readonly node_ref=field data-testid=testid prop:value=content />
            </label>
            <button type="button" data-testid=format!("{testid}-copy") on:click=copy>
                "Copy"
            </button>
        </div>
    }
}
