//! The reading as a film: how far the text has been read, and how that goes on with time.

use crate::format::choice::Choice;
use crate::format::token;

/// Words per second at speed 1.
const TOKENS_PER_SECOND: f64 = 4.0;
/// A longer pause between two frames, in milliseconds, counts as this: a tab in the background does not jump ahead.
const PAUSE_MAX_MS: f64 = 250.0;

/// How fast the film runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Speed {
    /// Half as fast.
    Half,
    /// Four words per second.
    #[default]
    Normal,
    /// Twice as fast.
    Double,
    /// Four times as fast.
    Quadruple,
}

impl Speed {
    /// How many times as fast as normal.
    pub fn factor(self) -> f64 {
        match self {
            Self::Half => 0.5,
            Self::Normal => 1.0,
            Self::Double => 2.0,
            Self::Quadruple => 4.0,
        }
    }
}

impl Choice for Speed {
    const CHOICES: &'static [Self] = &[Self::Half, Self::Normal, Self::Double, Self::Quadruple];

    fn key(self) -> &'static str {
        match self {
            Self::Half => "half",
            Self::Normal => "normal",
            Self::Double => "double",
            Self::Quadruple => "quadruple",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Half => "0.5×",
            Self::Normal => "1×",
            Self::Double => "2×",
            Self::Quadruple => "4×",
        }
    }
}

/// What a view shows of a text that has not been read to its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The token that is being read; those after it are not shown.
    pub position: usize,
    /// How far it is to the next one, 0..1: the path draws itself in between.
    pub progress: f64,
}

/// Characters of a caption.
const CAPTION: usize = 90;

/// The words read last, up to the token at `position`: what stands above a frame of the film.
pub fn caption(tokens: &[String], position: usize) -> String {
    let mut text = String::new();
    for token in tokens.iter().take(position + 1).skip(1) {
        let (has_space, rest) = token::after_space(token);
        if has_space {
            text.push(' ');
        }
        text.push_str(&if token::breaks_line(token) { " ".to_owned() } else { token::plain(rest) });
    }
    let all: Vec<char> = text.trim().chars().collect();
    match all.len().checked_sub(CAPTION).filter(|over| *over > 0) {
        None => all.into_iter().collect(),
        Some(over) => {
            // Whole words, where one begins soon.
            let cut = (over..over + CAPTION / 2).find(|at| all[*at].is_whitespace()).map_or(over, |at| at + 1);
            std::iter::once('…').chain(all[cut..].iter().copied()).collect()
        }
    }
}

/// How far the text has been read. Every view shows the tokens before [`Film::shown`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Film {
    /// The token that is being read.
    position: usize,
    /// Part of the time until the next one that has passed, 0..1.
    progress: f64,
    /// T.
    tokens: usize,
    is_playing: bool,
    /// How fast it runs.
    pub speed: Speed,
    /// Whether the visitor asked for less motion: the film then goes by steps alone.
    pub is_motion_reduced: bool,
}

impl Film {
    /// Of a text of `tokens` tokens, BOS included; at its end, where everything is shown.
    pub fn new(tokens: usize) -> Self {
        Self {
            position: tokens.saturating_sub(1),
            progress: 0.0,
            tokens,
            is_playing: false,
            speed: Speed::default(),
            is_motion_reduced: false,
        }
    }

    /// As fast, with another text; at its end.
    #[must_use]
    pub fn of_text(self, tokens: usize) -> Self {
        Self { speed: self.speed, is_motion_reduced: self.is_motion_reduced, ..Self::new(tokens) }
    }

    /// What the views show.
    pub fn reading(self) -> Reading {
        Reading { position: self.position, progress: self.progress }
    }

    /// The first token after BOS; BOS of a text of BOS alone.
    fn first(self) -> usize {
        usize::from(self.tokens > 1)
    }

    fn last(self) -> usize {
        self.tokens.saturating_sub(1)
    }

    /// The token that is being read.
    pub fn position(self) -> usize {
        self.position
    }

    /// T.
    pub fn tokens(self) -> usize {
        self.tokens
    }

    /// How many tokens the matrix, the path and the prose show, BOS included: those read, and the one being read.
    pub fn shown(self) -> usize {
        (self.position + 1).min(self.tokens)
    }

    /// How far between this token and the next, 0..1: the path draws itself in between.
    pub fn progress(self) -> f64 {
        self.progress
    }

    /// Whether it runs.
    pub fn is_playing(self) -> bool {
        self.is_playing
    }

    /// Whether the last token is reached.
    pub fn is_at_end(self) -> bool {
        self.position >= self.last()
    }

    /// Starts or stops; from the end it starts over. Where motion is reduced it takes a step instead.
    pub fn toggle(&mut self) {
        if self.is_motion_reduced {
            let end = self.is_at_end();
            if end { self.seek(0) } else { self.step(1) }
        } else if self.is_playing {
            self.is_playing = false;
        } else if self.tokens > 1 {
            if self.is_at_end() {
                self.seek(0);
            }
            self.is_playing = true;
        }
    }

    /// Stops where it is.
    pub fn pause(&mut self) {
        self.is_playing = false;
    }

    /// Goes on by so many milliseconds; answers whether another frame is needed. It stops at the end.
    pub fn tick(&mut self, elapsed_ms: f64) -> bool {
        if self.is_motion_reduced {
            self.is_playing = false;
        }
        if !self.is_playing {
            return false;
        }
        // A clock that went back, or one that is not a number, is no time passed.
        let passed = if elapsed_ms > 0.0 { elapsed_ms.min(PAUSE_MAX_MS) } else { 0.0 };
        self.progress += passed / 1000.0 * TOKENS_PER_SECOND * self.speed.factor();
        let whole = self.progress.floor();
        self.progress -= whole;
        self.position = (self.position + whole as usize).min(self.last());
        if self.is_at_end() {
            (self.progress, self.is_playing) = (0.0, false);
        }
        self.is_playing
    }

    /// So many tokens on or back; stops, as arrows do.
    pub fn step(&mut self, by: isize) {
        self.seek(self.position.saturating_add_signed(by));
        self.is_playing = false;
    }

    /// To a token, or the nearest that is read; BOS is not. Runs on if it ran.
    pub fn seek(&mut self, position: usize) {
        self.position = position.clamp(self.first(), self.last().max(self.first()));
        self.progress = 0.0;
        self.is_playing &= !self.is_at_end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn playing(tokens: usize) -> Film {
        let mut film = Film::new(tokens);
        film.toggle();
        film
    }

    #[test]
    fn it_starts_over_from_the_end_and_stops_there() {
        let mut film = Film::new(4);
        assert_eq!((film.position(), film.shown(), film.is_at_end(), film.tick(1000.0)), (3, 4, true, false));
        film.toggle();
        assert_eq!((film.position(), film.shown(), film.is_playing()), (1, 2, true));
        assert!(film.tick(125.0) && film.position() == 1 && film.progress() == 0.5);
        assert!(film.tick(125.0) && film.position() == 2 && film.progress() == 0.0);
        assert!(!film.tick(250.0));
        assert_eq!((film.position(), film.progress(), film.is_playing()), (3, 0.0, false));
    }

    #[test]
    fn speeds_are_multiples_of_four_words_per_second() {
        for (speed, expected) in Speed::CHOICES.iter().copied().zip([3, 5, 9, 17]) {
            let mut film = Film { speed, ..playing(100) };
            for _ in 0..10 {
                assert!(film.tick(100.0));
            }
            assert!((film.position() as f64 + film.progress() - expected as f64).abs() < 1e-9, "{speed:?}");
            assert_eq!(format!("{}×", speed.factor()), speed.label());
        }
    }

    #[test]
    fn clocks_that_jump_do_not_move_it_far() {
        let mut film = playing(100);
        assert!(film.tick(-5.0) && film.tick(f64::NAN) && film.position() == 1);
        assert!(film.tick(f64::INFINITY));
        assert_eq!(film.position(), 2);
    }

    #[test]
    fn steps_stop_it_and_seeking_stays_inside() {
        let mut film = playing(5);
        film.seek(99);
        assert_eq!((film.position(), film.is_playing()), (4, false));
        film.seek(0);
        assert_eq!((film.position(), film.shown()), (1, 2));
        film.toggle();
        film.step(1);
        assert_eq!((film.position(), film.is_playing()), (2, false));
        film.step(-9);
        assert_eq!(film.position(), 1);
        film.toggle();
        film.seek(2);
        assert!(film.is_playing());
        film.pause();
        assert!(!film.is_playing());
    }

    #[test]
    fn reduced_motion_only_steps() {
        let mut film = Film { is_motion_reduced: true, ..Film::new(3) };
        film.toggle();
        assert_eq!((film.position(), film.is_playing()), (1, false));
        film.toggle();
        assert_eq!((film.position(), film.tick(1000.0)), (2, false));
        let mut film = playing(9);
        film.is_motion_reduced = true;
        assert!(!film.tick(250.0) && film.position() == 1);
    }

    #[test]
    fn another_text_is_shown_whole_and_as_fast() {
        let mut film = Film { speed: Speed::Double, is_motion_reduced: true, ..Film::new(9) };
        film.seek(3);
        assert_eq!(film.reading(), Reading { position: 3, progress: 0.0 });
        let other = film.of_text(5);
        assert_eq!((other.position(), other.tokens(), other.is_playing()), (4, 5, false));
        assert_eq!((other.speed, other.is_motion_reduced), (Speed::Double, true));
    }

    #[test]
    fn captions_end_with_the_word_that_is_read() {
        let tokens: Vec<String> = ["<bos>", "The", "▁g", "ulls", "<0x0A>", "rose", "."].map(str::to_owned).to_vec();
        assert_eq!(caption(&tokens, 0), "");
        assert_eq!(caption(&tokens, 3), "The gulls");
        assert_eq!(caption(&tokens, 6), "The gulls rose.");
        assert_eq!(caption(&tokens, 99), "The gulls rose.");
        let many: Vec<String> =
            std::iter::once("<bos>".to_owned()).chain((0..60).map(|i| format!("▁word{i}"))).collect();
        let late = caption(&many, 60);
        assert!(
            late.starts_with("…word") && late.ends_with(" word59") && late.chars().count() <= CAPTION + 1,
            "{late}"
        );
        let long = vec!["x".repeat(500); 3];
        assert_eq!(caption(&long, 2).chars().count(), CAPTION + 1);
    }

    #[test]
    fn texts_without_words_do_not_play() {
        for tokens in [0, 1] {
            let mut film = playing(tokens);
            assert_eq!((film.is_playing(), film.position(), film.shown()), (false, 0, tokens));
            film.step(1);
            film.seek(7);
            assert_eq!((film.position(), film.tick(9.0)), (0, false));
        }
    }
}
