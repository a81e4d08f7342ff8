//! Where the site will be: previews of links need whole addresses, and static files do not know their own.

use anyhow::{Result, bail};

/// What says it.
const VARIABLE: &str = "TEMPORAL_LENS_URL";

/// The address of the site's folder, with a slash at its end; none where nothing says it.
pub fn known() -> Result<Option<String>> {
    match std::env::var(VARIABLE) {
        Ok(value) if !value.is_empty() => Ok(Some(folder(&value)?)),
        _ => Ok(None),
    }
}

fn folder(value: &str) -> Result<String> {
    let host = ["https://", "http://"].iter().find_map(|scheme| value.strip_prefix(scheme));
    let is_named = host.is_some_and(|it| it.starts_with(|c: char| c.is_alphanumeric() || c == '['));
    if !is_named || value.contains(|c: char| matches!(c, '?' | '#') || c.is_whitespace() || c.is_control()) {
        bail!("{VARIABLE} is {value:?}: it takes the address of the site's folder, e.g. https://lens.example/demo/");
    }
    Ok(format!("{}/", value.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_folder_on_the_web() {
        assert_eq!(folder("https://lens.example/demo").unwrap(), "https://lens.example/demo/");
        assert_eq!(folder("http://localhost:80/").unwrap(), "http://localhost:80/");
        for wrong in [
            "lens.example",
            "javascript:1",
            "https://",
            "https:///e",
            "https://lens.example/?a",
            "https://lens.example/#a",
            "https://lens.example/a b",
        ] {
            assert!(folder(wrong).is_err(), "{wrong}");
        }
    }
}
