//! What of two tokens is compared.

/// What is compared between two tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Source {
    /// Predictable codes: what follows from the tokens before.
    #[default]
    Predictable,
    /// Novel codes: what is new at the token.
    Novel,
    /// Predictable and novel codes together.
    Total,
    /// The raw residual stream.
    Residual,
}

impl Source {
    /// All of them, in the order of a menu.
    pub const ALL: [Self; 4] = [Self::Predictable, Self::Novel, Self::Total, Self::Residual];
}
