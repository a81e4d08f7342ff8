// A prediction scaled to its projection on what is left of the input, row by row (seed:
// TemporalSAE.forward): factor = dz . x / (|dz| + eps)^2, left = x - factor dz.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> dz: array<f32>;
@group(0) @binding(2) var<storage, read_write> factors: array<f32>;
@group(0) @binding(3) var<storage, read_write> left: array<f32>;
// x: width of a row, y: bits of eps
@group(0) @binding(4) var<uniform> sizes: array<vec4<u32>, 2>;

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let width = sizes[0].x;
    let row = group.x * width;
    var mine = vec4<f32>(0.0);
    for (var c = thread; c < width; c += THREADS) {
        let d = dz[row + c];
        mine += vec4<f32>(d * d, d * x[row + c], 0.0, 0.0);
    }
    let sums = reduce(mine, thread);
    let norm = sqrt(sums.x) + bitcast<f32>(sizes[0].y);
    let factor = sums.y / (norm * norm);
    if (thread == 0u) {
        factors[group.x] = factor;
    }
    for (var c = thread; c < width; c += THREADS) {
        left[row + c] = x[row + c] - factor * dz[row + c];
    }
}
