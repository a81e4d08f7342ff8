//! One source file: the modules it declares, what it defines and re-exports, and the paths it names.

use std::str::FromStr;

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A path as it stands in the source: `["crate", "events", "Event"]`; the last part may be `"*"`.
pub type SourcePath = Vec<String>;

/// What a file says of itself and of others.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SourceFile {
    /// Child modules that lie in files of their own (`mod x;`).
    pub children: Vec<String>,
    /// Names defined at the top of the file.
    pub defined: Vec<String>,
    /// `use` declarations: the name they bring in, the path, and whether others see it, too (a re-export).
    pub uses: Vec<Use>,
    /// Paths of two and more parts anywhere else.
    pub paths: Vec<SourcePath>,
}

/// A leaf of a `use` declaration.
#[derive(Debug, PartialEq, Eq)]
pub struct Use {
    /// The name by which the file then knows it; `"*"` for all names of a module.
    pub name: String,
    /// The path.
    pub path: SourcePath,
    /// Whether it is a re-export.
    pub is_public: bool,
}

impl SourceFile {
    /// Reads a file's text.
    ///
    /// # Errors
    /// Where it is not Rust.
    pub fn parse(text: &str) -> Result<Self> {
        let tokens = TokenStream::from_str(text).map_err(|error| anyhow!("cannot read it as Rust: {error}"))?;
        let mut source = Self::default();
        source.read(&tokens.into_iter().collect::<Vec<_>>(), true);
        Ok(source)
    }

    /// Reads the tokens of a file (`is_top`) or of a group inside it.
    fn read(&mut self, tokens: &[TokenTree], is_top: bool) {
        let mut at = 0;
        let mut is_public = false;
        let mut is_test = false;
        while at < tokens.len() {
            match &tokens[at] {
                // An attribute: `#[cfg(test)]` hides the item that follows.
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    at += 1;
                    at += usize::from(is_punct(tokens.get(at), '!'));
                    if let Some(TokenTree::Group(group)) = tokens.get(at) {
                        let text = group.stream().to_string().replace(' ', "");
                        is_test |= text == "cfg(test)";
                        at += 1;
                    }
                }
                TokenTree::Ident(word) if is_top && word == "pub" => {
                    is_public = true;
                    at += 1;
                    let is_limited =
                        matches!(tokens.get(at), Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::Parenthesis);
                    at += usize::from(is_limited);
                }
                TokenTree::Ident(word) if word == "use" => {
                    let end = tokens[at..].iter().position(|token| is_punct(Some(token), ';'));
                    let end = at + end.unwrap_or(tokens.len() - at);
                    if !is_test {
                        self.read_use(&tokens[at + 1..end], &[], is_public);
                    }
                    at = end + 1;
                    (is_public, is_test) = (false, false);
                }
                TokenTree::Ident(word) if is_top && is_item(&word.to_string()) => {
                    let is_module = word == "mod";
                    if let Some(TokenTree::Ident(name)) = tokens.get(at + 1) {
                        if !is_test {
                            self.defined.push(name.to_string());
                        }
                        let is_file = is_module && is_punct(tokens.get(at + 2), ';');
                        if is_file && !is_test {
                            self.children.push(name.to_string());
                        }
                    }
                    at += 1;
                    if is_test {
                        at = end_of_item(tokens, at);
                    } else if let (true, Some(TokenTree::Group(body))) = (is_module, tokens.get(at + 1)) {
                        self.read_inline_module(body);
                        at += 2;
                    }
                    is_test = false;
                    is_public = false;
                }
                TokenTree::Group(group) => {
                    self.read(&group.stream().into_iter().collect::<Vec<_>>(), false);
                    at += 1;
                }
                TokenTree::Ident(_) => {
                    let (path, next) = path_at(tokens, at);
                    if path.len() > 1 {
                        self.paths.push(path);
                    }
                    at = next;
                }
                _ => at += 1,
            }
        }
    }

    /// Reads the body of `mod x { ... }`: its `super` is this file.
    fn read_inline_module(&mut self, body: &Group) {
        let mut inner = Self::default();
        inner.read(&body.stream().into_iter().collect::<Vec<_>>(), false);
        // What it brings in has no name in the file around it.
        for mut path in inner.uses.into_iter().map(|it| it.path).chain(inner.paths) {
            match path.first().map(String::as_str) {
                Some("super") => path[0] = "self".to_owned(),
                Some("crate") => {}
                // Its own names, and other crates.
                _ => continue,
            }
            self.paths.push(path);
        }
    }

    /// Reads what stands between `use` and the semicolon, or inside its braces.
    fn read_use(&mut self, tokens: &[TokenTree], prefix: &[String], is_public: bool) {
        for tree in tokens.split(|token| is_punct(Some(token), ',')) {
            let mut path = prefix.to_vec();
            let mut name = None;
            let mut at = 0;
            while at < tree.len() {
                match &tree[at] {
                    TokenTree::Ident(word) if word == "as" => {
                        name = tree.get(at + 1).map(ToString::to_string);
                        at += 1;
                    }
                    TokenTree::Ident(word) => path.push(word.to_string()),
                    TokenTree::Punct(punct) if punct.as_char() == '*' => path.push("*".to_owned()),
                    TokenTree::Group(group) => {
                        self.read_use(&group.stream().into_iter().collect::<Vec<_>>(), &path, is_public);
                        path.clear();
                    }
                    _ => {}
                }
                at += 1;
            }
            if path.last().is_some_and(|last| last == "self") {
                path.pop();
            }
            if let Some(last) = path.last() {
                let name = name.unwrap_or_else(|| last.clone());
                self.uses.push(Use { name, path, is_public });
            }
        }
    }
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

/// Words that begin an item and are followed by its name.
fn is_item(word: &str) -> bool {
    ["mod", "struct", "enum", "fn", "trait", "type", "const", "static", "union"].contains(&word)
}

/// Where the item ends that begins before `at`: behind its body or its semicolon.
fn end_of_item(tokens: &[TokenTree], at: usize) -> usize {
    let is_end = |token: &TokenTree| {
        is_punct(Some(token), ';') || matches!(token, TokenTree::Group(g) if g.delimiter() == Delimiter::Brace)
    };
    tokens[at..].iter().position(is_end).map_or(tokens.len(), |end| at + end + 1)
}

/// The path that begins at `at` (one part: a plain name), and where it ends.
fn path_at(tokens: &[TokenTree], mut at: usize) -> (SourcePath, usize) {
    let mut path = Vec::new();
    while let Some(TokenTree::Ident(word)) = tokens.get(at) {
        path.push(word.to_string());
        at += 1;
        if !(is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')) {
            break;
        }
        at += 2;
    }
    (path, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> SourcePath {
        text.split("::").map(str::to_owned).collect()
    }

    #[test]
    fn declarations_uses_and_paths_are_distinguished() {
        let source = SourceFile::parse(
            "//! crate::comment::is_ignored
             mod child;
             mod inline { use super::outer::Name; use super::super::above; fn f() { own::x() } }
             #[cfg(test)]
             mod tests { use super::hidden::Hidden; }
             pub(crate) use child::{Inner as Outer, deep::*};
             use crate::{a::{self, B}, c};
             pub struct Own { field: super::sibling::Type }
             fn f() { use std::fmt; let text = \"crate::in::text\"; view! { <p>{crate::in_macro::X}</p> }; child::run(b) }",
        )
        .unwrap();
        assert_eq!(source.children, ["child"]);
        assert_eq!(source.defined, ["child", "inline", "Own", "f"]);
        let leaf = |name: &str, text: &str, is_public| Use { name: name.to_owned(), path: path(text), is_public };
        assert_eq!(
            source.uses,
            [
                leaf("Outer", "child::Inner", true),
                leaf("*", "child::deep::*", true),
                leaf("a", "crate::a", false),
                leaf("B", "crate::a::B", false),
                leaf("c", "crate::c", false),
                leaf("fmt", "std::fmt", false),
            ]
        );
        let expected =
            ["self::outer::Name", "self::super::above", "super::sibling::Type", "crate::in_macro::X", "child::run"];
        let expected = expected.map(path);
        assert_eq!(source.paths, expected);
    }
}
