// Of each row: how many entries are not zero, their sum, the sum of their squares.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
// x: width of a row
@group(0) @binding(2) var<uniform> sizes: array<vec4<u32>, 2>;

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let width = sizes[0].x;
    let row = group.x * width;
    var mine = vec4<f32>(0.0);
    for (var c = thread; c < width; c += THREADS) {
        let value = x[row + c];
        mine += vec4<f32>(select(0.0, 1.0, value != 0.0), value, value * value, 0.0);
    }
    let sums = reduce(mine, thread);
    if (thread == 0u) {
        y[group.x * 3u] = sums.x;
        y[group.x * 3u + 1u] = sums.y;
        y[group.x * 3u + 2u] = sums.z;
    }
}
