//! What this browser stores of a pack: checking it, deleting it.

use lens_session::library::FileEntry;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::catalog::Library;
use crate::state::State;
use crate::{environment, storage};

impl Library {
    /// Asks the browser how much it stores.
    pub fn refresh(self) {
        spawn_local(async move { self.estimate.set(storage::estimate().await) });
    }

    /// A request ended, in whatever way.
    pub fn ended(self, state: State) {
        self.refresh();
        let Some(url) = self.downloading.try_update(Option::take).flatten() else { return };
        if self.discard.get_value() {
            self.discard.set_value(false);
            self.delete(state, url);
        }
    }

    /// Deletes what is stored of a pack; files that are in use stay.
    pub fn delete(self, state: State, url: String) {
        let Some(facts) = self.facts(&url) else { return };
        environment::remember_loaded(&url, false);
        spawn_local(async move {
            let of = |files: &[FileEntry]| files.iter().map(|file| file.sha256.clone()).collect::<Vec<_>>();
            let mut names = of(&facts.files);
            names.extend(of(&facts.embedding));
            names.extend(of(&facts.words));
            let rows = storage::sha256(of(&facts.embedding).concat().as_bytes()).await;
            names.extend(rows.map(|key| lens_protocol::rows_file(&key)));
            let manifest = storage::sha256(format!("{url}manifest.json").as_bytes()).await;
            names.extend(manifest.map(|key| lens_protocol::manifest_file(&key)));
            storage::remove(&names).await;
            storage::count(state);
            self.refresh();
            self.said.set(Some("Its files are deleted from this browser.".to_owned()));
        });
    }

    /// Compares every whole file of a pack with its checksum; what is damaged is deleted.
    pub fn verify(self, state: State, url: String) {
        let Some(facts) = self.facts(&url) else { return };
        spawn_local(async move {
            let sizes = storage::sizes().await;
            let whole = |file: &&FileEntry| sizes.get(&file.sha256) == Some(&file.bytes);
            let complete: Vec<&FileEntry> =
                facts.files.iter().chain(&facts.embedding).chain(&facts.words).filter(whole).collect();
            let (mut damaged, mut unknown) = (Vec::new(), false);
            for (done, file) in complete.iter().enumerate() {
                self.said.set(Some(format!("Checking file {} of {} …", done + 1, complete.len())));
                match storage::checksum(&file.sha256).await {
                    Some(sum) if sum == file.sha256 => {}
                    Some(_) => damaged.push(*file),
                    None => unknown = true,
                }
            }
            let names: Vec<String> = damaged.iter().map(|file| file.sha256.clone()).collect();
            storage::remove(&names).await;
            let named: Vec<&str> = damaged.iter().map(|file| file.file.as_str()).collect();
            self.said.set(Some(match (complete.len(), named.as_slice()) {
                (0, _) => "No complete file of it is stored here.".to_owned(),
                _ if unknown => "This browser computes no checksums here: the page needs https.".to_owned(),
                (count, []) => format!("All {count} files are as the pack says."),
                (_, named) => format!("Damaged, and deleted: {}. Download fetches them again.", named.join(", ")),
            }));
            storage::count(state);
        });
    }
}
