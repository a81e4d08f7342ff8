//! Devices whose kernels are chosen differently, in use at the same time in one process: none takes over another's
//! choice, and all give the CPU's results.
//!
//! The CPU is there twice, with chunks of two lengths; where there is an adapter, so is its GPU, with other variants of
//! its products. `cargo xtask test` names Chromium's Vulkan driver, which is found nowhere else: the test then runs itself
//! once more in a process that looks for adapters there.
//!
//! Tolerances: products 1e-5 relative RMS, as in the self-check; Gram matrices 1e-4, as in `session.rs`.

// A test that cannot read its fixture has failed.
#![allow(clippy::unwrap_used)]

mod common;

use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use burn::tensor::{Tensor, TensorData};
use lens_analysis::Source;
use lens_engine::check::self_check::relative_rms;
use lens_engine::device::{DeviceChoice, cpu, open_device};
use lens_engine::{InferenceSession, InferenceStage, PackFolder, RunOptions};
use lens_model::ComputeDevice;
use lens_model::kernels::config::{AdapterKind, KernelConfig, ROW_THREADS, Variant, VariantOverride};
use lens_model::linear::matmul_nt;

const TEST: &str = "devices_with_kernels_of_their_own_work_in_turn";
const PRODUCT_TOLERANCE: f64 = 1e-5;
const GRAM_TOLERANCE: f64 = 1e-4;

/// More than the shorter chunk has, less than the longer one.
const TOKENS: usize = 300;

/// Name, device, and into how many chunks it cuts the text.
fn devices() -> Vec<(&'static str, ComputeDevice, usize)> {
    let with = |device: &ComputeDevice, kernels| ComputeDevice { kernels, ..device.clone() };
    let processor = cpu(None).device;
    let long_chunks = KernelConfig { adapter: AdapterKind::Hardware, ..processor.kernels };
    let mut devices =
        vec![("CPU, long chunks", with(&processor, long_chunks), 1), ("CPU, short chunks", processor.clone(), 3)];
    if let Ok(opened) = pollster::block_on(open_device(Some(DeviceChoice::GpuSoftware))) {
        let overrides = VariantOverride {
            linear: Some(Variant::Tile(1, 8)),
            transposed: Some(Variant::Tile(4, 8)),
            row_threads: Some(ROW_THREADS[0]),
        };
        let own = opened.device.kernels;
        // As an adapter without subgroups has them, with workgroups of a GPU.
        let other = KernelConfig { adapter: AdapterKind::Hardware, subgroups: false, overrides };
        assert_ne!(own.linear(TOKENS), other.linear(TOKENS));
        devices.push(("GPU, its own variants", opened.device.clone(), TOKENS.div_ceil(own.chunk_tokens())));
        devices.push(("GPU, other variants", with(&opened.device, other), 1));
    }
    devices
}

/// Numbers between -1 and 1 that repeat late.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// a bᵀ, [rows, columns], of a [rows, inner] and b [columns, inner].
fn product(device: &ComputeDevice, [rows, columns, inner]: [usize; 3]) -> Vec<f32> {
    let upload = |rows: usize, seed| {
        Tensor::<2>::from_data(TensorData::new(numbers(rows * inner, seed), [rows, inner]), &device.burn)
    };
    let product = matmul_nt(upload(rows, 1), upload(columns, 2), device.kernels);
    pollster::block_on(product.into_data_async()).unwrap().try_to_vec().unwrap()
}

/// Runs the test `name` alone in a process that finds the Vulkan driver at `driver`.
fn run_with_driver(name: &str, driver: &str) {
    let folder = Path::new(driver).parent().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .envs([("VK_ICD_FILENAMES", driver), ("VK_DRIVER_FILES", driver)])
        // Its loader lies next to it; not every system has one.
        .env("LD_LIBRARY_PATH", folder)
        .env_remove("TEMPORAL_LENS_VULKAN_DRIVER")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "with {driver}:\n{text}");
}

#[test]
fn devices_with_kernels_of_their_own_work_in_turn() {
    if let Ok(driver) = std::env::var("TEMPORAL_LENS_VULKAN_DRIVER") {
        return run_with_driver(TEST, &driver);
    }
    let devices = devices();
    assert!(devices.len() > 2, "no adapter was found: run `cargo xtask test`, which names a driver");

    let pair = common::pairs().into_iter().find(|pair| pair.token_ids.len() > 4).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let reference = common::open(&pair.gemma, &pair.sae, &pair.tokenizer, pair.layer, scratch.path());
    let ids: Vec<u32> = pair.token_ids.iter().copied().cycle().take(TOKENS).collect();
    let options = RunOptions { inf_k: pair.inf_k, ..RunOptions::default() };
    let at_once = |pack: &PackFolder| {
        let mut session = InferenceSession::new(pack.loaded.clone(), options).unwrap();
        let rows = pack.embedding(&ids).unwrap();
        let mut chunks = 0;
        let count = |stage| {
            chunks += usize::from(stage == InferenceStage::Sae);
            ControlFlow::Continue(())
        };
        assert!(pollster::block_on(session.extend(&rows, count)).unwrap().is_continue());
        (session, chunks)
    };
    let (expected, _) = at_once(&reference);

    let packs: Vec<PackFolder> = devices
        .iter()
        .map(|(_, device, _)| PackFolder::open(&scratch.path().join("pack"), device.clone(), |_, _| {}).unwrap())
        .collect();
    let assert_same = |name: &str, session: &InferenceSession| {
        for source in Source::ALL {
            let [found, expected] =
                [session, &expected].map(|it| it.summary().centered_gram(source).to_matrix().to_dense());
            let error = relative_rms(&found, &expected);
            assert!(error <= GRAM_TOLERANCE, "{name}: {source:?}: relative RMS {error:.1e}");
        }
    };

    // Products and whole texts: every device has its turn, twice.
    for sizes in [[5, 7, 72], [TOKENS, 33, 130]] {
        let expected = product(&cpu(None).device, sizes);
        for (name, device, _) in devices.iter().chain(&devices) {
            let error = relative_rms(&product(device, sizes), &expected);
            assert!(error <= PRODUCT_TOLERANCE, "{name}: {sizes:?}: relative RMS {error:.1e}");
        }
    }
    for turn in 0..2 {
        for ((name, _, chunks), pack) in devices.iter().zip(&packs) {
            let (session, found) = at_once(pack);
            assert_eq!(found, *chunks, "{name}, turn {turn}: chunks");
            assert_same(name, &session);
        }
    }

    // One text on every device, a stretch on each before the next stretch on the first.
    let mut sessions: Vec<InferenceSession> =
        packs.iter().map(|pack| InferenceSession::new(pack.loaded.clone(), options).unwrap()).collect();
    for stretch in ids.chunks(97) {
        for (session, pack) in sessions.iter_mut().zip(&packs) {
            let rows = pack.embedding(stretch).unwrap();
            let finished = pollster::block_on(session.extend(&rows, |_| ControlFlow::Continue(()))).unwrap();
            assert!(finished.is_continue());
        }
    }
    for ((name, ..), session) in devices.iter().zip(&sessions) {
        assert_same(name, session);
    }
}
