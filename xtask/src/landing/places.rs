//! Where pages and pictures lie in the site.

/// The pages' folder, short because it is a part of every address.
pub const FOLDER: &str = "e";
/// Beside the pages, for all of them.
pub const STYLE: &str = "example.css";
pub const ICON: &str = "icon.svg";
/// The pictures of an example, beside its page; a link shows the first.
pub const PICTURE: &str = "picture.png";
pub const DARK_PICTURE: &str = "picture-dark.png";

/// The page of an example; relative to the site's folder where its address is not known.
pub fn page(id: &str, address: Option<&str>) -> String {
    format!("{}{FOLDER}/{id}/", address.unwrap_or_default())
}

/// The picture that a link to it shows.
pub fn picture(id: &str, address: Option<&str>) -> String {
    format!("{}{PICTURE}", page(id, address))
}
