//! The library: every pack this page knows, with what can be done about it.

use lens_session::Msg;
use lens_session::library::{PackSummary, storage_line};
use lens_session::packs::{Manifest, PackEntry};
use leptos::prelude::*;

use crate::state::{Phase, State};

/// The list, and the browser's storage.
#[component]
pub fn Library(state: State) -> impl IntoView {
    let packs = move || state.packs.get().into_iter().map(|known| view! { <Entry state known /> }).collect_view();
    let stored = move || {
        let it = state.estimate.get()?;
        let line = storage_line(it.usage_bytes, it.quota_bytes, it.is_persisted);
        Some(view! { <p class="note" data-testid="storage">{line}</p> })
    };
    view! {
        <ul class="library" data-testid="library">{packs}</ul>
        <p class="note" role="status" data-testid="library-notice">{move || state.library_notice.get()}</p>
        {stored}
    }
}

#[component]
fn Entry(state: State, known: PackEntry) -> impl IntoView {
    let busy = move || state.phase.get() == Phase::Loading;
    let url = known.pack.url.clone();
    let own = url.clone();
    let is_used = Memo::new(move |_| state.pack.with(|pack| pack.as_ref().is_some_and(|pack| pack.url == own)));
    let title = match (&known.title, &known.manifest) {
        (title, _) if !title.is_empty() => title.clone(),
        (_, Manifest::Known(facts)) => facts.model.clone(),
        _ => url.clone(),
    };
    let chosen = known.clone();
    let used = move || {
        if is_used.get() {
            return view! { <span class="note" data-testid="pack-used">"in use"</span> }.into_any();
        }
        let chosen = chosen.clone();
        let choose = move |_| state.tell(Msg::PackChosen(chosen.sized()));
        view! { <button type="button" class="small" data-testid="pack-use" disabled=busy on:click=choose>"Use"</button> }
            .into_any()
    };
    let address = url.clone();
    let look = move |_| state.tell(Msg::LookAtPack(address.clone()));
    let body = match known.manifest {
        Manifest::Pending => view! { <p class="note">"Asking …"</p> }.into_any(),
        Manifest::Failed(problem) => view! {
            <p class="note" data-testid="pack-problem">{format!("{url} {problem}.")}</p>
            <button type="button" class="small" on:click=look>"Try again"</button>
        }
        .into_any(),
        Manifest::Unasked => {
            let host = known.pack.foreign_host.clone().unwrap_or_default();
            let label = format!("Ask {host} what it is");
            view! { <button type="button" class="small" data-testid="pack-look" on:click=look>{label}</button> }
                .into_any()
        }
        Manifest::Known(facts) => view! { <Details state url facts /> }.into_any(),
    };
    view! {
        <li data-testid="pack">
            <div class="library-head">
                <strong>{title}</strong>
                {used}
            </div>
            {body}
        </li>
    }
}

#[component]
fn Details(state: State, url: String, facts: PackSummary) -> impl IntoView {
    let busy = move || state.phase.get() == Phase::Loading;
    let license = |it: &lens_session::library::License| {
        let terms = format!("{}: {}", it.covers, it.name);
        match &it.file {
            Some(file) => {
                let address = format!("{url}{file}");
                view! { <li><a href=address target="_blank" rel="noreferrer">{terms}</a></li> }.into_any()
            }
            None => view! { <li>{terms}</li> }.into_any(),
        }
    };
    let licenses = facts.licenses.iter().map(license).collect_view();
    let line = facts.line();
    let facts = StoredValue::new(facts);
    let url = StoredValue::new(url);
    let stored = Memo::new(move |_| state.sizes.with(|sizes| facts.with_value(|facts| facts.stored(sizes))));
    let status = move || facts.with_value(|facts| facts.status(stored.get()));
    let is_here = Memo::new(move |_| facts.with_value(|facts| facts.is_here(stored.get())));
    let is_nothing = Memo::new(move |_| stored.get().files + stored.get().embedding == 0);
    let is_coming = Memo::new(move |_| state.downloading.with(|it| url.with_value(|url| it.as_ref() == Some(url))));
    let label = move || match (is_here.get(), is_nothing.get()) {
        (true, _) => "Downloaded",
        (false, true) => "Download",
        (false, false) => "Resume",
    };
    let is_whole = move || busy() || is_here.get();
    let is_idle = move || busy() || is_nothing.get();
    let act = move || {
        let (download, verify, delete) = (
            move |_| state.tell(Msg::DownloadPack(url.get_value())),
            move |_| state.tell(Msg::VerifyPack(url.get_value())),
            move |_| state.tell(Msg::DeletePack(url.get_value())),
        );
        if is_coming.get() {
            let (pause, cancel) = (move |_| state.tell(Msg::Cancel), move |_| state.tell(Msg::DiscardDownload));
            return view! {
                <button type="button" class="small" data-testid="pack-pause" on:click=pause>"Pause"</button>
                <button type="button" class="small" data-testid="pack-cancel" on:click=cancel>"Cancel"</button>
            }
            .into_any();
        }
        view! {
            <button type="button" class="small" data-testid="pack-download" disabled=is_whole on:click=download>{label}</button>
            <button type="button" class="small" data-testid="pack-verify" disabled=is_idle on:click=verify>"Verify"</button>
            <button type="button" class="small" data-testid="pack-delete" disabled=is_idle on:click=delete>"Delete"</button>
        }
        .into_any()
    };
    view! {
        <p>{line}</p>
        <p class="note" data-testid="pack-status">{status}</p>
        <div class="controls">{act}</div>
        <details>
            <summary>"Licenses"</summary>
            <ul class="licenses">{licenses}</ul>
        </details>
    }
}
