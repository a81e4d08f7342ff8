//! What a pack needs on a device, counted from the manifest, against its tensors.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::{PAIRS, fixture, try_pack};
use lens_pack::block::Precision;
use lens_pack::fit::{self, Limits};
use lens_pack::manifest::{MANIFEST_FILE, Manifest};
use lens_pack::tensor_spec::gemma_joined;
use lens_pack::unpack::shard_parts;

#[test]
fn counted_bytes_are_the_tensors_bytes_and_too_large_models_are_reported() {
    for precision in [Precision::F32, Precision::F16, Precision::Q8, Precision::Q4] {
        for (gemma, sae, layer) in PAIRS {
            let scratch = tempfile::tempdir().unwrap();
            let out = scratch.path().join("pack");
            try_pack(&fixture(gemma), &fixture(sae), layer, precision, &out).unwrap();
            let text = std::fs::read_to_string(out.join(MANIFEST_FILE)).unwrap();
            let manifest = Manifest::from_json(&text, MANIFEST_FILE).unwrap();
            // By the name of the matrix that a tensor is joined into, or its own.
            let mut buffers: BTreeMap<String, usize> = BTreeMap::new();
            let joined = gemma_joined(&manifest.gemma, manifest.layer);
            let whole_of = |name: &str| {
                let whole = joined.iter().find(|it| it.members.iter().any(|(member, _)| member == name));
                whole.map_or(name.to_owned(), |whole| whole.name.clone())
            };
            let mut total = 0;
            for (index, shard) in manifest.shards.iter().enumerate() {
                let bytes = std::fs::read(out.join(&shard.file)).unwrap();
                for part in shard_parts(&manifest, index, &bytes).map(Result::unwrap) {
                    // Fixtures are small: every tensor has one part. Vectors are unpacked.
                    assert_eq!(part.matrix.rows, part.rows_total);
                    let vector = part.rows_total == 1;
                    let words = if vector { 4 * part.matrix.cols } else { 4 * part.matrix.words.len() };
                    total += words + if vector { 0 } else { 4 * part.matrix.scales.len() };
                    *buffers.entry(whole_of(&part.name)).or_default() += words;
                }
            }
            assert_eq!(fit::weight_bytes(&manifest), total as u64);
            let (name, bytes) = fit::largest_buffer(&manifest);
            assert_eq!(Some(bytes as usize), buffers.values().max().copied());

            let (total, fits) = (total as u64, Limits::default());
            assert_eq!(fit::check(&manifest, fits), Ok(()));
            let exact = Limits { buffer_bytes: Some(bytes), binding_bytes: Some(bytes), memory_bytes: Some(total) };
            assert_eq!(fit::check(&manifest, exact), Ok(()));
            let small =
                fit::check(&manifest, Limits { binding_bytes: Some(bytes - 1), ..fits }).unwrap_err().to_string();
            assert!(small.contains(&name) && small.contains("kB"), "{small}");
            assert!(fit::check(&manifest, Limits { memory_bytes: Some(total - 1), ..fits }).is_err());
        }
    }
}
