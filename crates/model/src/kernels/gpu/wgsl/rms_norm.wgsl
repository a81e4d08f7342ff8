// y = x / sqrt(mean(x^2) + eps) * weight over each row, where `weight` is one plus the checkpoint's.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
// x: width of a row, y: bits of eps
@group(0) @binding(3) var<uniform> sizes: array<vec4<u32>, 2>;

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let width = sizes[0].x;
    let row = group.x * width;
    var squares = 0.0;
    for (var c = thread; c < width; c += THREADS) {
        squares += x[row + c] * x[row + c];
    }
    let mean = reduce(vec4<f32>(squares, 0.0, 0.0, 0.0), thread).x / f32(width);
    let factor = 1.0 / sqrt(mean + bitcast<f32>(sizes[0].y));
    for (var c = thread; c < width; c += THREADS) {
        y[row + c] = x[row + c] * factor * weight[c];
    }
}
