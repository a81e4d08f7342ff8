//! The page. `main` only mounts; [`app`] puts the components together, [`state`] holds what they
//! share, [`requests`] talks to the worker. The same module in a worker lays out trajectories: [`layouts`].

mod address;
mod app;
mod canvas;
mod catalog;
mod components;
mod dashboards;
mod diagnostics;
mod embedding;
mod environment;
mod fetch;
mod files;
mod heatmap_canvas;
mod layouts;
mod library;
mod pack_files;
mod palette;
mod parts;
mod pointing;
mod requests;
mod show;
mod shown;
mod state;
mod storage;
mod surface;
mod trajectory;
mod trajectory_canvas;
mod typing;
mod views;
mod worker;

fn main() {
    console_error_panic_hook::set_once();
    if environment::window().is_none() {
        // In a worker.
        return layouts::serve();
    }
    leptos::mount::mount_to_body(app::App);
    environment::remove_boot_note();
}
