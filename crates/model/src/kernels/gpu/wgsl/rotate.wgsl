// Half-split rotary embedding of one head of one token, after its RMSNorm where the model has one.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
// Each row: cosines, then sines, of half a head's width.
@group(0) @binding(1) var<storage, read_write> table: array<f32>;
{{ weight }}
@group(0) @binding({{ y_binding }}) var<storage, read_write> y: array<f32>;
// x: width of a head, y: heads, z: bits of eps
@group(0) @binding({{ sizes_binding }}) var<uniform> sizes: array<vec4<u32>, 2>;

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let width = sizes[0].x;
    let half = width / 2u;
    let row = (group.x * sizes[0].y + group.y) * width;
    let angles = group.x * width;
    {{ norm }}
    for (var c = thread; c < half; c += THREADS) {
        let first = x[row + c]{{ scale_first }};
        let second = x[row + half + c]{{ scale_second }};
        let cosine = table[angles + c];
        let sine = table[angles + half + c];
        y[row + c] = first * cosine - second * sine;
        y[row + half + c] = second * cosine + first * sine;
    }
}
