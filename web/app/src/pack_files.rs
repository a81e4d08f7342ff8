//! What this browser stores of a pack: checking it, deleting it.

use lens_session::Msg;
use lens_session::library::{FileEntry, PackSummary};
use lens_session::packs::Verification;
use leptos::task::spawn_local;

use crate::environment;
use crate::state::State;
use crate::storage;

/// Deletes what is stored of a pack; files that are in use stay.
pub fn delete(state: State, url: String, facts: PackSummary) {
    spawn_local(async move {
        let of = |files: &[FileEntry]| files.iter().map(|file| file.sha256.clone()).collect::<Vec<_>>();
        let mut names = of(&facts.files);
        names.extend(of(&facts.embedding));
        names.extend(of(&facts.words));
        names.extend(rows_file(&facts).await);
        let manifest = storage::sha256(format!("{url}manifest.json").as_bytes()).await;
        names.extend(manifest.map(|key| lens_protocol::manifest_file(&key)));
        storage::remove(&names).await;
        state.tell(Msg::PackDeleted);
    });
}

/// The name of the file of embedding rows that came without their shards.
async fn rows_file(facts: &PackSummary) -> Option<String> {
    let shards: String = facts.embedding.iter().map(|shard| shard.sha256.as_str()).collect();
    storage::sha256(shards.as_bytes()).await.map(|key| lens_protocol::rows_file(&key))
}

/// Compares every whole file of a pack with its checksum; what is damaged is deleted. So are single embedding rows, where
/// there is a network to bring them again: the worker compares them whenever it reads them.
pub fn verify(state: State, facts: PackSummary) {
    spawn_local(async move {
        let sizes = storage::sizes().await;
        let whole = |file: &&FileEntry| sizes.get(&file.sha256) == Some(&file.bytes);
        let complete: Vec<&FileEntry> =
            facts.files.iter().chain(&facts.embedding).chain(&facts.words).filter(whole).collect();
        let mut found = Verification { complete: complete.len(), ..Verification::default() };
        let mut names = Vec::new();
        for (done, file) in complete.iter().enumerate() {
            state.tell(Msg::Verifying(done + 1, complete.len()));
            match storage::checksum(&file.sha256).await {
                Some(sum) if sum == file.sha256 => {}
                Some(_) => {
                    found.damaged.push(file.file.clone());
                    names.push(file.sha256.clone());
                }
                None => found.is_unknown = true,
            }
        }
        if environment::window().is_some_and(|window| window.navigator().on_line())
            && let Some(rows) = rows_file(&facts).await.filter(|rows| sizes.contains_key(rows))
        {
            names.push(rows);
            found.had_rows = true;
        }
        storage::remove(&names).await;
        state.tell(Msg::Verified(found));
    });
}
