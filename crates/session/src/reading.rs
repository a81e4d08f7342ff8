//! The reading of the shown text as a film: it is open while the view is read to some token.

use crate::message::FilmMsg;
use crate::model::Model;

impl Model {
    /// Something happened to the film.
    pub(crate) fn film(&mut self, msg: FilmMsg) {
        let was_playing = self.film.is_playing();
        match msg {
            FilmMsg::Speed(speed) => self.film.speed = speed,
            FilmMsg::ReduceMotion(is_reduced) => {
                self.film.is_motion_reduced = is_reduced;
                if is_reduced {
                    self.film.pause();
                }
            }
            FilmMsg::Close => self.close_film(),
            FilmMsg::Toggle => {
                self.look_at_reading();
                self.film.toggle();
                self.film_ms = self.now_ms;
                self.read_on();
            }
            FilmMsg::Step(by) => {
                self.look_at_reading();
                self.film.step(by);
                self.read_on();
            }
            FilmMsg::Seek(position) => {
                self.look_at_reading();
                self.film.seek(position);
                self.read_on();
            }
            FilmMsg::Frame if was_playing => {
                let goes_on = self.film.tick(self.now_ms - self.film_ms);
                self.film_ms = self.now_ms;
                // At the end everything is read.
                if goes_on { self.read_on() } else { self.close_film() }
            }
            // A frame that was asked for before the film stopped.
            FilmMsg::Frame => {}
        }
    }

    /// What is spoken of is the word that is read, and not one that a resting pointer happens to lie on.
    fn look_at_reading(&mut self) {
        self.focus.hovered = None;
    }

    /// The view is read as far as the film is; a text without words is not.
    fn read_on(&mut self) {
        let can_be_read = self.film.tokens() > 1 && self.view.figure.has_film();
        self.view.read_to = can_be_read.then(|| self.film.position());
        if !can_be_read {
            self.film.pause();
        }
    }

    /// The visitor chose something, maybe another figure or how far the text is read.
    pub(crate) fn follow_reading(&mut self) {
        match self.view.read_to {
            Some(_) if !self.view.figure.has_film() => self.close_film(),
            Some(position) if position != self.film.position() => {
                self.film.seek(position);
                self.read_on();
            }
            Some(_) => {}
            None => self.close_film(),
        }
    }

    /// All of the text is shown.
    pub(crate) fn close_film(&mut self) {
        self.rewind(self.film.tokens());
    }

    /// The film is of a text of so many tokens, all of which are shown.
    pub(crate) fn rewind(&mut self, tokens: usize) {
        self.film = self.film.of_text(tokens);
        self.view.read_to = None;
    }

    /// As far as a link says, in a text of so many tokens.
    pub(crate) fn read_as_linked(&mut self, read_to: Option<usize>, tokens: usize) {
        self.rewind(tokens);
        let Some(position) = read_to else { return };
        if position >= tokens {
            self.dropped.push(format!("“t={position}” lies past the text’s {tokens} tokens"));
        } else if !self.view.figure.has_film() {
            self.dropped.push(format!("“t={position}” needs the figure “scenes” or “path”"));
        } else {
            self.film.seek(position);
            self.read_on();
        }
    }
}
