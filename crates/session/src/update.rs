//! What every message does.

use lens_view::choice::Choice;
use lens_view::focus::Focus;

use crate::embed::EmbedCommand;
use crate::message::{Effect, Msg, Timer};
use crate::model::{Model, Phase};
use crate::shown::Origin;
use crate::theme::Theme;

impl Model {
    /// Something happened, at `now_ms` milliseconds of a clock that never goes back. What the browser is to do, in
    /// this order.
    pub fn update(&mut self, msg: Msg, now_ms: f64) -> Vec<Effect> {
        self.now_ms = now_ms;
        self.take(msg);
        self.fetch_card();
        self.write_address();
        std::mem::take(&mut self.effects)
    }

    fn take(&mut self, msg: Msg) {
        match msg {
            Msg::Typed(text) => {
                self.text = text;
                self.text_changed();
            }
            Msg::InfKTyped(text) => self.inf_k = text,
            Msg::Live(is_live) => {
                self.is_live = is_live;
                self.text_changed();
            }
            Msg::Agreed(agreed) => {
                self.has_agreed = agreed;
                self.ask(Effect::RememberAgreement(agreed));
            }
            Msg::Words(words) => self.set_words(words),
            Msg::Submit => self.submit(),
            Msg::SubmitText(text) => {
                self.text = text;
                self.submit();
            }
            Msg::Cancel => self.cancel(),
            Msg::SecondTyped(text) => self.second_text = Some(text),
            Msg::SecondInfKTyped(text) => self.second_inf_k = text,
            Msg::Compare => self.compare(),
            Msg::AskAttention => self.ask_attention(),
            Msg::StoreEmbedding => self.store_embedding(),
            Msg::Download(pack_url, bytes) => self.download(pack_url, bytes),
            Msg::Diagnose => self.diagnose(),
            Msg::Worker(response, buffers) => self.answered(response, buffers),
            Msg::Crashed(Some(reason)) => self.crashed(&format!("The worker stopped: {reason}")),
            Msg::Crashed(None) => self.crashed("The worker could not be started: its files could not be loaded."),
            Msg::NoWorker(problem) => self.has_no_worker(problem),
            Msg::NotSent(reason) => self.crashed(&format!("The request could not be sent: {reason}.")),
            Msg::Timer(Timer::Typing(typed)) => self.typing_paused(typed),
            Msg::Timer(Timer::Patience(request)) => self.lose_patience(request),
            Msg::Timer(Timer::Replace(turn)) => self.replace_entry(turn),
            Msg::UrlChanged(opened, pack) => self.open(*opened, pack),
            Msg::Fetched(what, turn, found) => self.fetched(what, turn, found),
            Msg::FileOpened(name, read) => self.open_file(name, read),
            Msg::Example(id) => self.open_example(id),
            Msg::Pair(id) => self.open_pair(id),
            Msg::Message(command) => {
                if let Err(problem) = self.obey(command) {
                    self.ask(Effect::Refuse(problem));
                }
            }
            Msg::Chosen(view) => {
                if view.feature.is_some() {
                    self.want_index();
                }
                self.view = *view;
                self.set_focus(Focus { pinned: self.view.pin, ..self.focus });
            }
            Msg::Focused(focus) => self.set_focus(focus),
            Msg::WantFeatureNames => self.want_index(),
            Msg::RetryDashboards => self.retry_dashboards(),
            Msg::ComparedSpans(side, spans) => {
                if let Some(of_side) = self.compared_spans.get_mut(side) {
                    *of_side = spans;
                }
            }
            Msg::Escape => {
                self.set_focus(Focus::default());
                self.view.spans.clear();
            }
            Msg::SwitchTheme => {
                self.theme = self.theme.next();
                self.ask(Effect::RememberTheme(self.theme));
            }
            Msg::PackChosen(pack) => {
                if !self.is_loading() {
                    // The worker may have it; only it knows.
                    self.is_loaded = false;
                    self.pack = Some(pack);
                }
            }
            Msg::PackKnown(pack) => {
                if self.pack.as_ref().is_some_and(|own| own.url == pack.url && own.bytes == 0) {
                    self.pack = Some(pack);
                }
            }
            Msg::Stored(bytes) => self.stored_bytes = Some(bytes),
            Msg::Problem(problem) => self.problem = Some(problem),
            Msg::DismissProblem => self.problem = None,
            Msg::DismissDropped => self.dropped.clear(),
        }
    }

    /// Does what the page around asks for.
    fn obey(&mut self, command: EmbedCommand) -> Result<(), String> {
        match command {
            EmbedCommand::Hello => {}
            EmbedCommand::SetTheme { theme } => {
                self.theme = Theme::from_key(&theme).ok_or("There is no such theme: it is light, dark or system.")?;
            }
            EmbedCommand::SetText { text } if text.is_empty() => {
                return Err("There is no text in the message.".to_owned());
            }
            EmbedCommand::SetText { text } => self.open_text(text),
            EmbedCommand::SetResult { .. } if self.is_loading() => {
                return Err("An analysis is under way.".to_owned());
            }
            EmbedCommand::SetResult { result } => {
                let json = match result {
                    serde_json::Value::String(json) => json,
                    document => document.to_string(),
                };
                self.show(&json, Origin::File("the page around".to_owned()))
                    .map_err(|problem| format!("The result was not opened: {problem}."))?;
                self.problem = None;
                self.phase = Phase::Done;
            }
        }
        Ok(())
    }
}
