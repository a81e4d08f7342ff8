//! The list of precomputed examples, `examples/index.json` next to the page.

use serde::Deserialize;

/// An example text with a result made beforehand.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Example {
    /// Its result is `examples/{id}.json`.
    pub id: String,
    /// A word or two.
    pub title: String,
    /// What to look for.
    pub look_for: String,
    /// The text, verbatim.
    pub text: String,
    /// Id of the example that it is to be compared with.
    #[serde(default)]
    pub pair: Option<String>,
}

/// The list of examples, in the order of the page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Gallery {
    /// The first one is what the page opens with.
    pub examples: Vec<Example>,
}

impl Gallery {
    /// Reads the list. Ids become parts of addresses: those that [`is_id`] rejects are left out.
    ///
    /// # Errors
    /// serde's, when the JSON has another form.
    pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        let mut it: Self = serde_json::from_str(json)?;
        it.examples.retain(|example| is_id(&example.id));
        Ok(it)
    }

    /// The example with this id.
    pub fn find(&self, id: &str) -> Option<&Example> {
        self.examples.iter().find(|example| example.id == id)
    }

    /// The example whose id and title share most words with `name`, if any does.
    pub fn nearest(&self, name: &str) -> Option<&Example> {
        let words = |text: &str| -> Vec<String> {
            text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).filter(|it| it.len() > 2).collect()
        };
        let wanted = words(name);
        let shared = |it: &Example| {
            let own = words(&format!("{} {}", it.id, it.title));
            wanted.iter().filter(|word| own.contains(word)).count()
        };
        // The first of several, and a plain name before a longer one.
        let best = self.examples.iter().map(shared).max().filter(|most| *most > 0)?;
        self.examples.iter().find(|it| shared(it) == best)
    }

    /// The example with this text.
    pub fn with_text(&self, text: &str) -> Option<&Example> {
        self.examples.iter().find(|example| example.text == text)
    }
}

/// Where the result of an example lies, relative to the page; none where `id` is not an id.
pub fn address(id: &str) -> Option<String> {
    is_id(id).then(|| format!("examples/{id}.json"))
}

/// Where the comparison of an example with its pair lies, relative to the page; none where `id` is not an id.
pub fn pair_address(id: &str) -> Option<String> {
    is_id(id).then(|| format!("examples/{id}-compared.json"))
}

/// Whether `id` can be an example's: lowercase letters, digits and hyphens alone, so that addresses and names of files
/// can have it in them.
pub fn is_id(id: &str) -> bool {
    !id.is_empty() && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list that the site ships.
    const SHIPPED: &str = include_str!("../../../demo/examples/index.json");

    #[test]
    fn the_shipped_list_is_whole() {
        let gallery = Gallery::from_json(SHIPPED).unwrap();
        assert!(gallery.examples.len() >= 8);
        for (i, example) in gallery.examples.iter().enumerate() {
            assert!(!example.title.is_empty() && !example.look_for.is_empty(), "{}", example.id);
            assert_eq!(gallery.examples.iter().position(|it| it.id == example.id), Some(i), "{} twice", example.id);
            assert_eq!(gallery.with_text(&example.text), Some(example));
            if let Some(pair) = &example.pair {
                assert_eq!(gallery.find(pair).unwrap().pair.as_deref(), Some(example.id.as_str()));
            }
        }
    }

    #[test]
    fn an_id_never_leaves_its_folder() {
        let list = r#"{"examples": [
            {"id": "../secret", "title": "a", "look_for": "b", "text": "c"},
            {"id": "poem", "title": "a", "look_for": "b", "text": "c"}]}"#;
        let gallery = Gallery::from_json(list).unwrap();
        assert_eq!(gallery.examples.len(), 1);
        assert_eq!(address("poem").as_deref(), Some("examples/poem.json"));
        assert_eq!(address("../secret"), None);
        assert_eq!(pair_address("poem").as_deref(), Some("examples/poem-compared.json"));
        assert_eq!(pair_address("../secret"), None);
        assert_eq!(address(""), None);
    }
}
