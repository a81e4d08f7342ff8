// The end of one half of a Gemma layer and the beginning of the next, in one pass over a row:
// hidden' = hidden + norm(x) * post, normed = norm(hidden') * next. Weights are one plus the
// checkpoint's.

@group(0) @binding(0) var<storage, read_write> hidden: array<f32>;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> post: array<f32>;
@group(0) @binding(3) var<storage, read_write> next: array<f32>;
@group(0) @binding(4) var<storage, read_write> sum: array<f32>;
@group(0) @binding(5) var<storage, read_write> normed: array<f32>;
// x: width of a row, y: bits of eps
@group(0) @binding(6) var<uniform> sizes: array<vec4<u32>, 2>;

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let width = sizes[0].x;
    let eps = bitcast<f32>(sizes[0].y);
    let row = group.x * width;
    var squares = 0.0;
    for (var c = thread; c < width; c += THREADS) {
        squares += x[row + c] * x[row + c];
    }
    let factor = 1.0 / sqrt(reduce(vec4<f32>(squares, 0.0, 0.0, 0.0), thread).x / f32(width) + eps);
    squares = 0.0;
    for (var c = thread; c < width; c += THREADS) {
        let h = hidden[row + c] + x[row + c] * factor * post[c];
        sum[row + c] = h;
        squares += h * h;
    }
    // An invocation reads back only what it wrote itself.
    let norm = 1.0 / sqrt(reduce(vec4<f32>(squares, 0.0, 0.0, 0.0), thread).x / f32(width) + eps);
    for (var c = thread; c < width; c += THREADS) {
        normed[row + c] = sum[row + c] * norm * next[c];
    }
}
