//! The page. `main` only mounts; [`app`] puts the components together, [`state`] holds what they
//! share, [`effects`] does what the model asks of the browser.

mod app;
mod canvas;
mod carried;
mod components;
mod diagnostics;
mod effects;
mod embedding;
mod environment;
mod fetch;
mod files;
mod film_files;
mod film_frames;
mod heatmap_canvas;
mod media;
mod opener;
mod pack_files;
mod palette;
mod part;
mod pointing;
mod print;
mod saved;
mod span_gesture;
mod state;
mod storage;
mod store;
mod surface;
mod trajectory;
mod trajectory_canvas;
mod views;
mod walk;
mod word_in_focus;
mod worker;

fn main() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(app::App);
    environment::remove_boot_note();
}
