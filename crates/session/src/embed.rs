//! The page inside another page: what it shows there, and the messages both exchange.

use lens_analysis::document::DocumentError;
use lens_view::choice::Choice;
use lens_view::markup::escaped;
use serde::{Deserialize, Serialize};

use crate::outside::{from_outside, readable_json};

/// Version of the messages.
pub const VERSION: u32 = 1;

/// What an embedded page shows: the parameter `embed` and these flags in the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Embed {
    /// `embed`: the page stands inside another one. Without it the flags mean nothing.
    pub is_embedded: bool,
    /// `embedtokens`: the text as tokens.
    pub has_tokens: bool,
    /// `embedheatmap`.
    pub has_heatmap: bool,
    /// `embedtrajectory`.
    pub has_trajectory: bool,
    /// `embedfeatures`: the novel features of the pinned token.
    pub has_features: bool,
    /// `embedword`: the word in focus, what made it expected and what it added.
    pub has_word: bool,
    /// `embedinput`: the text box and the button that loads a model.
    pub has_input: bool,
    /// `embedcontrols`: the figures' menus and buttons.
    pub has_controls: bool,
    /// `embedcaption`: the page's claim about the text.
    pub has_caption: bool,
    /// `embedlink`: a link to the whole page.
    pub has_link: bool,
}

impl Default for Embed {
    /// What a figure in an article needs, where there is one around.
    fn default() -> Self {
        Self {
            is_embedded: false,
            has_tokens: true,
            has_heatmap: true,
            has_trajectory: false,
            has_features: false,
            has_word: false,
            has_input: false,
            has_controls: false,
            has_caption: true,
            has_link: true,
        }
    }
}

impl Embed {
    /// Shows one thing alone, by the name that `view` has for it: the text, or the word in focus. Whether there is one of
    /// this name.
    pub(crate) fn show_alone(&mut self, name: &str) -> bool {
        let [has_tokens, has_word] = match name {
            "text" => [true, false],
            "word" => [false, true],
            _ => return false,
        };
        (self.has_tokens, self.has_word, self.has_heatmap) = (has_tokens, has_word, false);
        true
    }
}

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// The text above the chosen figure.
    #[default]
    Figure,
    /// The text with its scenes; pressing a word says what made it expected.
    Text,
    /// One word: what made it expected, and what it added.
    Word,
}

impl Choice for Purpose {
    const CHOICES: &'static [Self] = &[Self::Figure, Self::Text, Self::Word];

    fn key(self) -> &'static str {
        match self {
            Self::Figure => "figure",
            Self::Text => "text",
            Self::Word => "word",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Figure => "Text and figure",
            Self::Text => "Text with its scenes",
            Self::Word => "Word in focus",
        }
    }
}

/// HTML that shows `page` in a frame, with the state of a query, which may be empty. A `view` that the query names gives way to
/// the purpose's own, which comes later. What stands in an article anyone may read: its text need not be behind `#`.
pub fn code(page: &str, query: &str, purpose: Purpose) -> String {
    let separator = if query.is_empty() { "" } else { "&" };
    let (alone, height) = match purpose {
        Purpose::Figure => (String::new(), 560),
        Purpose::Text => (format!("&view={}", purpose.key()), 480),
        Purpose::Word => (format!("&view={}", purpose.key()), 320),
    };
    let address = escaped(&format!("{page}?{query}{separator}embed=true{alone}"));
    format!(
        "<iframe src=\"{address}\" title=\"Temporal Lens\" width=\"640\" height=\"{height}\" style=\"border:0;max-width:100%\" loading=\"lazy\" allow=\"clipboard-write\"></iframe>"
    )
}

/// Messages of the surrounding page.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum EmbedCommand {
    /// Subscribes: from here on its origin receives the events.
    Hello,
    /// Puts a text into the box; it is analyzed at once where a model is loaded, else when the visitor presses Analyze.
    SetText {
        /// Verbatim.
        text: String,
    },
    /// Shows a saved analysis.
    SetResult {
        /// The document.
        result: serde_json::Value,
    },
    /// Light, dark, or as the system has it.
    SetTheme {
        /// "light", "dark" or "system".
        theme: String,
    },
}

/// Why the page does not do what a message of the surrounding page asks for, as a sentence.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// The message is of this version.
    #[error("This page understands messages of version {VERSION}, not {0}.")]
    Version(u32),
    /// There is no such message, or a field is missing or of another type.
    #[error("The message is not understood: {0}.")]
    Json(#[from] serde_json::Error),
    /// [`EmbedCommand::SetTheme`] with another word.
    #[error("There is no such theme: it is light, dark or system.")]
    Theme,
    /// [`EmbedCommand::SetText`] with an empty text.
    #[error("There is no text in the message.")]
    NoText,
    /// [`EmbedCommand::SetResult`] while the visitor waits for an analysis.
    #[error("An analysis is under way.")]
    Busy,
    /// [`EmbedCommand::SetResult`] with something other than a saved analysis.
    #[error("The result was not opened: {0}.")]
    Document(#[from] DocumentError),
}

/// Messages to the surrounding page.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum EmbedEvent {
    /// The page listens. The only message that goes out unasked; it carries nothing of the visitor's.
    Ready,
    /// An analysis is shown.
    Shown {
        /// Its text.
        text: String,
        /// Number of tokens.
        tokens: usize,
        /// "precomputed", "live", "file" or "link".
        origin: &'static str,
    },
    /// A cell was pinned or unpinned.
    Selected {
        /// Its row and column, token positions.
        cell: Option<[usize; 2]>,
        /// Their tokens.
        tokens: Option<[String; 2]>,
    },
    /// Something went wrong.
    Problem {
        /// A sentence.
        message: String,
    },
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "temporalLens")]
    version: u32,
}

/// Reads a message of the surrounding page, as JSON; none for what is not meant for us.
///
/// # Errors
/// [`EmbedError::Version`] and [`EmbedError::Json`], for what is meant for us and cannot be understood.
pub fn read_message(json: &str) -> Option<Result<EmbedCommand, EmbedError>> {
    let json = &*readable_json(json);
    // A list could stand for an object's fields.
    let head: Head = serde_json::from_str(json.trim_start().strip_prefix('{').map(|_| json)?).ok()?;
    if head.version != VERSION {
        return Some(Err(EmbedError::Version(head.version)));
    }
    let command = serde_json::from_str(json).map_err(EmbedError::Json);
    Some(command.map(|command| match command {
        EmbedCommand::SetText { text } => EmbedCommand::SetText { text: from_outside(&text) },
        command => command,
    }))
}

/// A message as JSON.
pub fn write_message(event: &EmbedEvent) -> String {
    #[derive(Serialize)]
    struct Message<'a> {
        #[serde(rename = "temporalLens")]
        version: u32,
        #[serde(flatten)]
        event: &'a EmbedEvent,
    }
    serde_json::to_string(&Message { version: VERSION, event }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_html_whatever_the_address() {
        let code = code("https://a.example/", "v=1&text=\"><script>", Purpose::Figure);
        assert!(
            code.contains("src=\"https://a.example/?v=1&amp;text=&quot;&gt;&lt;script&gt;&amp;embed=true\""),
            "{code}"
        );
    }

    #[test]
    fn our_messages_are_distinguished_from_others() {
        for foreign in ["", "1", "null", "[]", "[1]", "{\"type\":\"hello\"}", "{\"temporalLens\":\"1\"}"] {
            assert!(read_message(foreign).is_none(), "{foreign}");
        }
        let read = |json: &str| read_message(json).unwrap().unwrap();
        assert_eq!(read(r#"{"temporalLens":1,"type":"hello"}"#), EmbedCommand::Hello);
        let text = read(r#"{"temporalLens":1,"type":"set-text","text":"<b>\u0000"}"#);
        assert_eq!(text, EmbedCommand::SetText { text: "<b>\0".to_owned() });
        let half = read(r#"{"temporalLens":1,"type":"set-text","text":"a\ud83d \ude00\ud83d\ude00\\ud83d"}"#);
        assert_eq!(half, EmbedCommand::SetText { text: "a\u{fffd} \u{fffd}😀\\ud83d".to_owned() });
        let lines = read(r#"{"temporalLens":1,"type":"set-text","text":"a\r\nb\rc"}"#);
        assert_eq!(lines, EmbedCommand::SetText { text: "a\nb\nc".to_owned() });
        let refusal = |json: &str| read_message(json).unwrap().unwrap_err().to_string();
        assert_eq!(
            refusal(r#"{"temporalLens":2,"type":"hello"}"#),
            "This page understands messages of version 1, not 2."
        );
        for json in [r#"{"temporalLens":1,"type":"set-text","text":5}"#, r#"{"temporalLens":1,"type":"eval"}"#] {
            assert!(refusal(json).starts_with("The message is not understood: "), "{json}");
        }
        let json = write_message(&EmbedEvent::Selected { cell: Some([1, 2]), tokens: None });
        assert_eq!(json, r#"{"temporalLens":1,"type":"selected","cell":[1,2],"tokens":null}"#);
    }
}
