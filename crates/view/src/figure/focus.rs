//! What is looked at, shared by all views: focused = hovered, or else pinned.

/// A cell of the matrix; a token alone is its cell on the diagonal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Token position of the row.
    pub row: usize,
    /// Token position of the column.
    pub column: usize,
}

impl Cell {
    /// A token alone.
    pub fn token(position: usize) -> Self {
        Self { row: position, column: position }
    }
}

/// A step with the arrow keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Home: the first token.
    First,
    /// End: the last token.
    Last,
}

impl Step {
    /// The step a key stands for, by `KeyboardEvent.key`.
    pub fn from_key(key: &str) -> Option<Self> {
        Some(match key {
            "ArrowLeft" => Self::Left,
            "ArrowRight" => Self::Right,
            "ArrowUp" => Self::Up,
            "ArrowDown" => Self::Down,
            "Home" => Self::First,
            "End" => Self::Last,
            _ => return None,
        })
    }
}

/// Hovered and pinned cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Focus {
    /// Under the pointer or the keyboard's cursor.
    pub hovered: Option<Cell>,
    /// Held by a click.
    pub pinned: Option<Cell>,
}

impl Focus {
    /// What every view shows.
    pub fn focused(self) -> Option<Cell> {
        self.hovered.or(self.pinned)
    }

    /// A click pins; a click on what is pinned unpins.
    pub fn click(&mut self, cell: Cell) {
        self.pinned = if self.pinned == Some(cell) { None } else { Some(cell) };
    }

    /// Enter: pins the focused token, or unpins it.
    pub fn click_token(&mut self) {
        if let Some(cell) = self.focused() {
            self.click(Cell::token(cell.row));
        }
    }

    /// Esc: nothing is pinned or hovered any more.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The keyboard's cursor in the matrix of `tokens` tokens: from the focused cell, else from
    /// the first one.
    pub fn walk(&mut self, step: Step, tokens: usize) {
        let Some(last) = tokens.checked_sub(1) else { return };
        let Some(Cell { row, column }) = self.focused() else {
            self.hovered = Some(Cell::token(if step == Step::Last { last } else { 0 }));
            return;
        };
        let cell = match step {
            Step::Left => Cell { row, column: column.saturating_sub(1) },
            Step::Right => Cell { row, column: column + 1 },
            Step::Up => Cell { row: row.saturating_sub(1), column },
            Step::Down => Cell { row: row + 1, column },
            Step::First => Cell { row, column: 0 },
            Step::Last => Cell { row, column: last },
        };
        self.hovered = Some(Cell { row: cell.row.min(last), column: cell.column.min(last) });
    }

    /// The keyboard's cursor in the token strip: along the text, whichever arrow.
    pub fn walk_tokens(&mut self, step: Step, tokens: usize) {
        let Some(last) = tokens.checked_sub(1) else { return };
        let position = match (self.focused(), step) {
            (_, Step::First) | (None, Step::Left | Step::Right | Step::Up | Step::Down) => 0,
            (_, Step::Last) => last,
            (Some(cell), Step::Left | Step::Up) => cell.row.saturating_sub(1),
            (Some(cell), Step::Right | Step::Down) => cell.row + 1,
        };
        self.hovered = Some(Cell::token(position.min(last)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hovering_wins_over_the_pin_and_gives_it_back() {
        let mut focus = Focus::default();
        focus.click(Cell { row: 1, column: 2 });
        focus.hovered = Some(Cell::token(4));
        assert_eq!(focus.focused(), Some(Cell::token(4)));
        focus.hovered = None;
        assert_eq!(focus.focused(), Some(Cell { row: 1, column: 2 }));
    }

    #[test]
    fn a_second_click_or_esc_unpins() {
        let mut focus = Focus::default();
        focus.click(Cell::token(3));
        focus.click(Cell::token(3));
        assert_eq!(focus.pinned, None);
        focus.click(Cell::token(3));
        focus.click(Cell::token(5));
        assert_eq!(focus.pinned, Some(Cell::token(5)));
        focus.clear();
        assert_eq!(focus, Focus::default());
    }

    #[test]
    fn enter_pins_the_token_of_the_focused_cell() {
        let mut focus = Focus::default();
        focus.click_token();
        assert_eq!(focus, Focus::default());
        focus.hovered = Some(Cell { row: 2, column: 5 });
        focus.click_token();
        assert_eq!(focus.pinned, Some(Cell::token(2)));
        focus.click_token();
        assert_eq!(focus.pinned, None);
    }

    #[test]
    fn arrows_walk_and_stop_at_the_border() {
        let mut focus = Focus::default();
        focus.walk(Step::Right, 3);
        assert_eq!(focus.focused(), Some(Cell::token(0)));
        focus.walk(Step::Right, 3);
        focus.walk(Step::Down, 3);
        focus.walk(Step::Down, 3);
        focus.walk(Step::Down, 3);
        assert_eq!(focus.focused(), Some(Cell { row: 2, column: 1 }));
        focus.walk(Step::Last, 3);
        focus.walk(Step::Right, 3);
        assert_eq!(focus.focused(), Some(Cell { row: 2, column: 2 }));
        focus.walk(Step::Up, 0);
        assert_eq!(focus.focused(), Some(Cell { row: 2, column: 2 }));
    }

    #[test]
    fn in_the_strip_arrows_follow_the_text() {
        let mut focus = Focus::default();
        focus.walk_tokens(Step::Last, 4);
        focus.walk_tokens(Step::Left, 4);
        assert_eq!(focus.focused(), Some(Cell::token(2)));
        focus.walk_tokens(Step::First, 4);
        focus.walk_tokens(Step::Left, 4);
        assert_eq!(focus.focused(), Some(Cell::token(0)));
    }

    #[test]
    fn keys_become_steps() {
        assert_eq!(Step::from_key("End"), Some(Step::Last));
        assert_eq!(Step::from_key("a"), None);
    }
}
