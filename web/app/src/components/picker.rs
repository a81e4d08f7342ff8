//! A labeled menu over the choices of a view model.

use lens_session::Msg;
use lens_view::choice::Choice;
use leptos::prelude::*;

use crate::state::State;
use crate::store::Look;

/// A menu. `testid` names it for tests.
#[component]
pub fn Picker<C: Choice + Send + Sync>(
    label: &'static str,
    testid: &'static str,
    chosen: Signal<C>,
    choose: Callback<C>,
) -> impl IntoView {
    let options = C::CHOICES
        .iter()
        .map(|choice| {
            let choice = *choice;
            view! {
                <option value=choice.key() selected=move || chosen.get() == choice>
                    {choice.label()}
                </option>
            }
        })
        .collect_view();
    view! {
        <label class="field picker">
            <span>{label}</span>
            <select
                data-testid=testid
                prop:value=move || chosen.get().key()
                on:change=move |event| {
                    if let Some(choice) = C::from_key(&event_target_value(&event)) {
                        choose.run(choice);
                    }
                }
            >
                {options}
            </select>
        </label>
    }
}

/// A labeled box that turns something on and off.
#[component]
pub fn Toggle(
    label: &'static str,
    testid: &'static str,
    is_on: Signal<bool>,
    turn: Callback<bool>,
    #[prop(optional, into)] is_disabled: Signal<bool>,
) -> impl IntoView {
    view! {
        <label class="field toggle">
            <input
                type="checkbox"
                data-testid=testid
                prop:checked=move || is_on.get()
                disabled=move || is_disabled.get()
                on:change=move |event| turn.run(event_target_checked(&event))
            />
            <span>{label}</span>
        </label>
    }
}

/// The box for `inf_k`, novel codes kept at each token: empty means the SAE's own number.
#[component]
pub fn InfKField(
    state: State,
    title: &'static str,
    testid: &'static str,
    inf_k: Look<String>,
    typed: fn(String) -> Msg,
) -> impl IntoView {
    view! {
        <label class="field" title=title>
            <span>
                <code>"inf_k"</code>
            </span>
            <input
                type="number"
                min="1"
                step="1"
                inputmode="numeric"
                placeholder="as trained"
                data-testid=testid
                prop:value=move || inf_k.get()
                on:input:target=move |event| state.tell(typed(event.target().value()))
            />
        </label>
    }
}
