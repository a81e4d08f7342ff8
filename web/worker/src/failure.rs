//! Why a request did not get its answer.

use lens_protocol::FailureKind;

/// Tokens named in a message; more are counted.
const TOKENS_NAMED: usize = 8;

/// Why a request did not get its answer.
#[derive(Debug)]
pub enum Failure {
    /// The visitor stopped it.
    Stopped,
    /// Something is wrong: which way out to offer, and a sentence.
    Wrong(FailureKind, String),
}

impl Failure {
    /// What is wrong, as a sentence.
    pub fn message(&self) -> &str {
        match self {
            Self::Stopped => "it was stopped",
            Self::Wrong(_, message) => message,
        }
    }

    /// The device or the engine failed.
    pub fn device(message: impl Into<String>) -> Self {
        Self::Wrong(FailureKind::Device, message.into())
    }

    /// The input does not fit.
    pub fn input(message: impl Into<String>) -> Self {
        Self::Wrong(FailureKind::Input, message.into())
    }

    /// The model does not fit.
    pub fn capacity(message: impl Into<String>) -> Self {
        Self::Wrong(FailureKind::Capacity, message.into())
    }

    /// A failure to bring embedding rows; `names` are the tokens of ids.
    pub fn of_rows(error: lens_loader::Error, names: impl Fn(&[u32]) -> Vec<String>) -> Self {
        let (ids, why) = match error {
            lens_loader::Error::RowsMissing(ids) => (ids, None),
            lens_loader::Error::RowsUnreachable(ids, problem) => (ids, Some(problem)),
            other => return other.into(),
        };
        let named: Vec<String> =
            names(&ids[..ids.len().min(TOKENS_NAMED)]).iter().map(|token| format!("“{token}”")).collect();
        let more = match ids.len() - named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let named = named.join(", ");
        if let Some(problem) = why {
            return Self::Wrong(
                FailureKind::Network,
                format!(
                    "This browser does not store the embedding rows of {named}{more}, and cannot fetch them: {problem} \
                     With the whole embedding stored (Model files, below) every text works without a network."
                ),
            );
        }
        Self::Wrong(
            FailureKind::RowsMissing,
            format!(
                "This browser does not store the embedding rows of {named}{more}. Asking the model’s host for them tells it \
                 that the text has these tokens."
            ),
        )
    }
}

impl From<lens_loader::Error> for Failure {
    fn from(error: lens_loader::Error) -> Self {
        use lens_loader::Error;
        match error {
            Error::Stopped => Self::Stopped,
            Error::Network(message) => Self::Wrong(FailureKind::Network, message),
            Error::Content(error) => Self::Wrong(FailureKind::Pack, error.to_string()),
            address @ Error::Address(_) => Self::input(address.to_string()),
            Error::Vocabulary(id) => Self::input(format!("token {id} lies outside the model's vocabulary")),
            rows @ (Error::RowsMissing(_) | Error::RowsUnreachable(..)) => {
                Self::of_rows(rows, |ids| ids.iter().map(|id| format!("<{id}>")).collect())
            }
            Error::Storage(message) => Self::capacity(message),
        }
    }
}

impl From<lens_engine::Error> for Failure {
    fn from(error: lens_engine::Error) -> Self {
        use lens_engine::Error;
        let kind = match &error {
            Error::Pack(_) | Error::Tokenizer(_) | Error::NotFinite(_) => FailureKind::Pack,
            // The worker reads no checkpoints; native tools still compile this crate.
            #[cfg(not(target_family = "wasm"))]
            Error::Checkpoint(_) => FailureKind::Pack,
            Error::Input(_) | Error::Model(lens_model::Error::Input(_)) => FailureKind::Input,
            Error::Model(lens_model::Error::Missing(_) | lens_model::Error::Shape { .. }) => FailureKind::Pack,
            Error::Model(lens_model::Error::Device(_)) | Error::Device(_) => FailureKind::Device,
        };
        Self::Wrong(kind, error.to_string())
    }
}
