// Of each row of a, of b, and of a + factor * b: how many entries are not zero, their sum, the sum of their squares.

@group(0) @binding(0) var<storage, read_write> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
// x: width of a row, y: bits of the factor
@group(0) @binding(3) var<uniform> sizes: array<vec4<u32>, 2>;

fn terms(value: f32) -> vec4<f32> {
    return vec4<f32>(select(0.0, 1.0, value != 0.0), value, value * value, 0.0);
}

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let width = sizes[0].x;
    let factor = bitcast<f32>(sizes[0].y);
    let row = group.x * width;
    var mine = mat3x4<f32>();
    for (var c = thread; c < width; c += THREADS) {
        let first = a[row + c];
        let second = b[row + c];
        mine[0] += terms(first);
        mine[1] += terms(second);
        mine[2] += terms(first + factor * second);
    }
    var sums = mat3x4<f32>(reduce(mine[0], thread), reduce(mine[1], thread), reduce(mine[2], thread));
    if (thread == 0u) {
        for (var i = 0u; i < 9u; i++) {
            y[group.x * 9u + i] = sums[i / 3u][i % 3u];
        }
    }
}
