//! safetensors files that this crate writes and reads back, with a checksum of all that they hold: a disk that lost a bit, or
//! a copy that did, would otherwise train on other numbers without a word.

use std::collections::BTreeMap;

use lens_pack::unpack::sha256_hex;
use safetensors::SafeTensorError;
use safetensors::tensor::{SafeTensors, TensorView};
use serde_json::json;

use crate::{Error, Result};

/// Key of the checksum in the metadata.
const CHECKSUM: &str = "sha256";

/// Why bytes are not what was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckedError {
    /// It is another format, or cut short.
    #[error("is not a safetensors file, or cut short: {0}")]
    NotSafetensors(#[from] SafeTensorError),
    /// Something else is in its place.
    #[error("is {0}")]
    Other(String),
    /// The checksum is of other content.
    #[error("is damaged: its checksum differs from that of its content")]
    Checksum,
}

/// A file that was read.
pub(crate) struct Checked<'a> {
    /// Its tensors.
    pub(crate) tensors: SafeTensors<'a>,
    /// Its metadata but for the checksum.
    pub(crate) metadata: BTreeMap<String, String>,
    /// Whether it has a checksum, which is right then: files of earlier versions have none.
    pub(crate) is_checked: bool,
}

/// The bytes of a file with these tensors and metadata.
///
/// # Errors
/// [`Error::File`] for tensors that no file can hold.
pub(crate) fn to_bytes(tensors: &[(String, TensorView<'_>)], metadata: BTreeMap<String, String>) -> Result<Vec<u8>> {
    let mut views: Vec<(&str, &TensorView<'_>)> = tensors.iter().map(|(name, view)| (name.as_str(), view)).collect();
    let sum = checksum(views.iter().copied(), &metadata);
    let mut all = metadata;
    all.insert(CHECKSUM.to_owned(), sum);
    // As the safetensors crate writes them, but for the metadata: the crate writes that in a random order, and equal content
    // is to give equal bytes.
    views.sort_by(|(a, x), (b, y)| y.dtype().cmp(&x.dtype()).then(a.cmp(b)));
    let mut header = serde_json::Map::from_iter([("__metadata__".to_owned(), json!(all))]);
    let mut end = 0;
    for (name, view) in &views {
        let start = end;
        end += view.data().len();
        let entry = json!({"dtype": view.dtype(), "shape": view.shape(), "data_offsets": [start, end]});
        header.insert((*name).to_owned(), entry);
    }
    let mut header = serde_json::to_vec(&header).map_err(Error::file)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.append(&mut header);
    views.iter().for_each(|(_, view)| bytes.extend_from_slice(view.data()));
    Ok(bytes)
}

/// Reads what [`to_bytes`] wrote, or an earlier version without a checksum.
///
/// # Errors
/// [`CheckedError`].
pub(crate) fn from_bytes(bytes: &[u8]) -> std::result::Result<Checked<'_>, CheckedError> {
    if let Some(other) = lens_pack::text::not_tensors(bytes) {
        return Err(CheckedError::Other(other));
    }
    let (_, header) = SafeTensors::read_metadata(bytes)?;
    let mut metadata: BTreeMap<String, String> = header.metadata().clone().unwrap_or_default().into_iter().collect();
    let tensors = SafeTensors::deserialize(bytes)?;
    let sum = metadata.remove(CHECKSUM);
    let named = tensors.tensors();
    if sum
        .as_ref()
        .is_some_and(|sum| *sum != checksum(named.iter().map(|(name, view)| (name.as_str(), view)), &metadata))
    {
        return Err(CheckedError::Checksum);
    }
    Ok(Checked { tensors, metadata, is_checked: sum.is_some() })
}

/// Of names, types, shapes and values of all tensors, in the order of their names, and of the rest of the metadata.
fn checksum<'a>(
    tensors: impl Iterator<Item = (&'a str, &'a TensorView<'a>)>,
    metadata: &BTreeMap<String, String>,
) -> String {
    let of_one = |(name, view): (&'a str, &'a TensorView<'a>)| {
        format!("{name:?} {:?} {:?} {}\n", view.dtype(), view.shape(), sha256_hex(view.data()))
    };
    let mut lines: Vec<String> = tensors.map(of_one).collect();
    lines.sort();
    lines.extend(metadata.iter().map(|entry| format!("{entry:?}\n")));
    sha256_hex(lines.concat().as_bytes())
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::Dtype;

    use super::*;

    #[test]
    fn every_bit_of_a_file_counts() -> Result<()> {
        let values = [1u8, 2, 3, 4, 5, 6, 7, 8];
        let view = |bytes: &'static [u8]| TensorView::new(Dtype::U8, vec![bytes.len()], bytes).map_err(Error::file);
        let tensors = [
            ("a".to_owned(), view(&[9, 8, 7])?),
            ("b".to_owned(), TensorView::new(Dtype::U8, vec![2, 4], &values).map_err(Error::file)?),
        ];
        let metadata = BTreeMap::from([("about".to_owned(), "the sea".to_owned())]);
        let bytes = to_bytes(&tensors, metadata.clone())?;
        let whole = from_bytes(&bytes).map_err(Error::file)?;
        for _ in 0..8 {
            assert_eq!(to_bytes(&tensors, metadata.clone())?, bytes);
        }
        assert!(whole.is_checked && whole.metadata == metadata && whole.tensors.len() == 2);
        for bit in 0..8 * bytes.len() {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            // Where it is read: white space of the header, or the name of the checksum's own key.
            let Ok(read) = from_bytes(&damaged) else { continue };
            let is_same = read.tensors.tensors().len() == 2
                && (read.metadata == metadata || !read.is_checked)
                && read.tensors.tensor("a").is_ok_and(|it| it.data() == [9, 8, 7])
                && read.tensors.tensor("b").is_ok_and(|it| it.data() == values && it.shape() == [2, 4]);
            assert!(is_same, "bit {bit} changes what is read");
        }
        Ok(())
    }
}
