//! Installing what the build and the tests need, each thing only where it is missing.
//!
//! | file | what it installs |
//! |---|---|
//! | [`wasm`] | the wasm32 target: by rustup, else Debian's packages and the variables they need |
//! | [`tools`] | trunk and wasm-bindgen, where none is installed: prebuilt, else from source into the cache |
//! | [`node`] | npm modules: wasm-opt for the site, the browser's driver for the tests |
//! | [`browser`] | Chromium, Firefox |
//! | [`python`] | numpy, pytest, pandas and setuptools, for the Python package and the tests |
//! | [`torch`] | a Python with torch, and what runs notebooks in it, for the tests |
//! | [`nginx`] | a host of many, for the tests |
//! | [`apt`] | Debian's packages, for those of the above that have no other source |

pub mod apt;
pub mod browser;
pub mod nginx;
pub mod node;
pub mod python;
pub mod tools;
pub mod torch;
pub mod wasm;

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;

use crate::paths::Paths;

/// What it takes to build the site.
pub struct SiteTools {
    /// Variables for trunk, and for cargo when it builds or checks for wasm32.
    pub env: Vec<(OsString, OsString)>,
}

/// Installs what is missing for the site.
pub fn for_site(paths: &Paths) -> Result<SiteTools> {
    let toolchain = wasm::find_or_install()?;
    let wasm_bindgen = tools::find_or_install(paths)?;
    node::find_or_install(paths, node::Parts::Site)?;
    let wrappers = node::write_wrappers(paths, &wasm_bindgen)?;
    Ok(SiteTools { env: environment(paths, &toolchain, Some(wrappers))? })
}

/// Installs what compiling for wasm32 needs, and answers its variables.
pub fn for_wasm_lints(paths: &Paths) -> Result<Vec<(OsString, OsString)>> {
    environment(paths, &wasm::find_or_install()?, None)
}

/// What the tests need beyond [`SiteTools`].
pub struct TestTools {
    /// The browser to drive.
    pub chromium: PathBuf,
    /// Its Vulkan driver, by which programs find a GPU where there is none.
    pub vulkan_driver: Option<PathBuf>,
    /// Folder that holds `node_modules`.
    pub node: PathBuf,
    /// Python, and the folder for its PYTHONPATH.
    pub python: (String, PathBuf),
    /// A web server that sites are hosted with.
    pub nginx: PathBuf,
}

/// Installs what is missing for the tests.
pub fn for_test(paths: &Paths) -> Result<TestTools> {
    node::find_or_install(paths, node::Parts::Test)?;
    let chromium = browser::find_or_install()?;
    Ok(TestTools {
        vulkan_driver: browser::vulkan_driver(&chromium),
        chromium,
        node: paths.node(),
        python: python::with_packages(paths)?,
        nginx: nginx::find_or_install()?,
    })
}

fn environment(
    paths: &Paths,
    toolchain: &wasm::WasmToolchain,
    wrappers: Option<PathBuf>,
) -> Result<Vec<(OsString, OsString)>> {
    let mut path: Vec<PathBuf> = wrappers.into_iter().collect();
    path.push(paths.tools().join("bin"));
    path.extend(toolchain.first_on_path.clone());
    path.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    let mut env: Vec<(OsString, OsString)> = vec![
        ("PATH".into(), std::env::join_paths(path)?),
        ("TRUNK_SKIP_VERSION_CHECK".into(), "true".into()),
        ("TEMPORAL_LENS_CACHE".into(), paths.cache.clone().into()),
    ];
    env.extend(toolchain.env.iter().map(|(key, value)| (OsString::from(key), OsString::from(value))));
    Ok(env)
}
