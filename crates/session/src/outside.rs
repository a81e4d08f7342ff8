//! Texts from links and messages, as the page's text box has them: what was carried is what stays when one types.

use std::borrow::Cow;

use lens_pack::text;

/// A text with the line ends of a text box.
pub fn from_outside(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// JSON whose strings hold half characters (lone surrogates), as a script may post them, with U+FFFD in their place: what
/// a text box makes of them.
pub fn readable_json(json: &str) -> Cow<'_, str> {
    text::without_lone_surrogates(json)
}
