//! What every message does.

use lens_view::choice::Choice;
use lens_view::focus::Focus;

use crate::embed::{EmbedCommand, EmbedError};
use crate::message::{Effect, FilmMsg, Msg, Timer};
use crate::model::{Model, Phase};
use crate::shown::Origin;
use crate::theme::Theme;

impl Model {
    /// Something happened, at `now_ms` milliseconds of a clock that never goes back. What the browser is to do, in
    /// this order.
    pub fn update(&mut self, msg: Msg, now_ms: f64) -> Vec<Effect> {
        self.now_ms = now_ms;
        let device = self.view.device;
        self.take(msg);
        if self.view.device != device {
            self.device_chosen();
        }
        self.fetch_card();
        self.want_attention();
        self.write_address();
        std::mem::take(&mut self.effects)
    }

    fn take(&mut self, msg: Msg) {
        match msg {
            Msg::Typed(text) => {
                self.text = text;
                // The box may stand there only because nothing is shown: it stays when something is.
                (self.is_editing, self.is_box_wanted) = (true, true);
                self.text_changed();
            }
            Msg::Composing(is_composing) => {
                self.is_composing = is_composing;
                if !is_composing {
                    self.text_changed();
                }
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
            Msg::Edit(is_editing) => (self.is_editing, self.is_box_wanted) = (is_editing, is_editing),
            Msg::Submit => self.submit(),
            Msg::Retry => self.retry(),
            Msg::Cancel => self.cancel(),
            Msg::Restart => self.restart(),
            Msg::SecondTyped(text) => self.second_text = Some(text),
            Msg::SecondInfKTyped(text) => self.second_inf_k = text,
            Msg::Compare => self.compare(),
            Msg::AskAttention => self.ask_attention(),
            Msg::AskShuffled => self.ask_shuffled(),
            Msg::StoreEmbedding => self.store_embedding(),
            Msg::Diagnose => self.diagnose(),
            Msg::Worker(response, buffers) => self.answered(response, buffers),
            Msg::Crashed(Some(reason)) => self.crashed(&format!("The worker stopped: {reason}")),
            Msg::Crashed(None) => self.crashed("The worker could not be started: its files could not be loaded."),
            Msg::NoWorker(why) => self.has_no_worker(why),
            Msg::NotSent(reason) => self.crashed(&format!("The request could not be sent: {reason}.")),
            Msg::Timer(Timer::Typing(typed)) => self.typing_paused(typed),
            Msg::Timer(Timer::Patience(request)) => self.lose_patience(request),
            Msg::Timer(Timer::Wait(request)) => self.wait(request),
            Msg::Timer(Timer::Silence) => self.has_listened(),
            Msg::Timer(Timer::Replace(turn)) => self.replace_entry(turn),
            Msg::UrlChanged(opened, pack) => self.open(*opened, pack),
            Msg::Fetched(what, turn, found) => self.fetched(what, turn, found),
            Msg::FileOpened(name, read) => self.open_file(name, read),
            Msg::Example(id) => self.open_example(id),
            Msg::Pair(id) => self.open_pair(id),
            Msg::Message(command) => {
                if let Err(problem) = self.obey(command) {
                    self.ask(Effect::Refuse(problem.to_string()));
                }
            }
            Msg::Chosen(view) => {
                if view.feature.is_some() {
                    self.want_index();
                }
                self.view = *view;
                self.follow_reading();
                self.set_focus(Focus { pinned: self.view.pin, ..self.focus });
            }
            Msg::Focused(focus) => {
                let was_pinned = self.focus.pinned;
                self.set_focus(focus);
                // A word that is pressed while the film stands is the one that is read then.
                if let (Some(_), Some(cell)) =
                    (self.view.read_to, self.focus.pinned.filter(|it| Some(*it) != was_pinned))
                {
                    self.film(FilmMsg::Seek(cell.row));
                }
            }
            Msg::Film(msg) => self.film(msg),
            Msg::WantFeatureNames => self.want_index(),
            Msg::RetryDashboards => self.retry_dashboards(),
            Msg::ComparedSpans(side, spans) => {
                if let Some(of_side) = self.compared_spans.get_mut(side) {
                    *of_side = spans;
                }
            }
            Msg::Escape => self.step_back(),
            Msg::SwitchTheme => {
                self.theme = self.theme.next();
                self.ask(Effect::RememberTheme(self.theme));
            }
            Msg::LibraryOpened => self.open_library(),
            Msg::PacksListed(listed) => self.packs_listed(listed),
            Msg::LookAtPack(url) => self.look_at_pack(url),
            Msg::PackChosen(pack) => self.use_pack(pack),
            Msg::DownloadPack(url) => self.download_pack(url),
            Msg::Persisted(url) => self.download(url),
            Msg::DiscardDownload => self.discard_download(),
            Msg::DeletePack(url) => self.delete_pack(&url),
            Msg::PackDeleted => self.pack_deleted(),
            Msg::VerifyPack(url) => self.verify_pack(&url),
            Msg::Verifying(file, of) => self.library.notice = Some(format!("Checking file {file} of {of} …")),
            Msg::Verified(verification) => {
                self.library.notice = Some(verification.sentence());
                self.ask(Effect::CountStorage);
            }
            Msg::DeleteStored => self.delete_stored(),
            Msg::Counted(sizes) => {
                self.stored_bytes = Some(sizes.values().sum());
                self.library.sizes = sizes;
            }
            Msg::Estimated(estimate) => self.library.estimate = estimate,
            Msg::Problem(problem) => (self.problem, self.can_retry) = (Some(problem), false),
            Msg::DismissProblem => self.problem = None,
            Msg::DismissDropped => self.dropped.clear(),
        }
    }

    /// Does what the page around asks for.
    ///
    /// # Errors
    /// [`EmbedError`].
    fn obey(&mut self, command: EmbedCommand) -> Result<(), EmbedError> {
        match command {
            EmbedCommand::Hello => {}
            EmbedCommand::SetTheme { theme } => {
                self.theme = Theme::from_key(&theme).ok_or(EmbedError::Theme)?;
            }
            EmbedCommand::SetText { text } if text.is_empty() => return Err(EmbedError::NoText),
            EmbedCommand::SetText { text } => self.open_text(text),
            EmbedCommand::SetResult { .. } if self.is_asked_for() => return Err(EmbedError::Busy),
            EmbedCommand::SetResult { result } => {
                let json = match result {
                    serde_json::Value::String(json) => json,
                    document => document.to_string(),
                };
                self.show(&json, Origin::File("the page around".to_owned()))?;
                self.give_up_opening();
                self.view.feature = None;
                self.opened(Phase::Done);
            }
        }
        Ok(())
    }
}
