// Splits a token's queries, keys and values, one workgroup per head: queries and keys are normed if the model has such norms,
// then rotated half-split; keys and values are appended to those of earlier tokens.

// Each row: heads of queries, of keys, of values.
@group(0) @binding(0) var<storage, read_write> qkv: array<f32>;
// Each row: cosines, then sines, of half a head's width.
@group(0) @binding(1) var<storage, read_write> table: array<f32>;
// The weights of the queries' norm, then those of the keys'.
@group(0) @binding(2) var<storage, read_write> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> keys: array<f32>;
@group(0) @binding(4) var<storage, read_write> values: array<f32>;
@group(0) @binding(5) var<storage, read_write> queries: array<f32>;
// x: width of a head, y: heads of queries, z: of keys, w: tokens before these; then x: bits of eps
@group(0) @binding(6) var<uniform> sizes: array<vec4<u32>, 2>;

const NORMED: bool = {{ normed }};

@compute @workgroup_size(THREADS, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let width = sizes[0].x;
    let heads = sizes[0].y;
    let kv_heads = sizes[0].z;
    let token = group.x;
    let head = group.y;
    let half = width / 2u;
    let start = (token * (heads + 2u * kv_heads) + head) * width;
    // The token's first head among keys, or values.
    let row = (sizes[0].w + token) * kv_heads;
    if (head >= heads + kv_heads) {
        let to = (row + head - heads - kv_heads) * width;
        for (var c = thread; c < width; c += THREADS) {
            values[to + c] = qkv[start + c];
        }
        return;
    }
    let is_key = head >= heads;
    var factor = 1.0;
    if (NORMED) {
        var squares = 0.0;
        for (var c = thread; c < width; c += THREADS) {
            squares += qkv[start + c] * qkv[start + c];
        }
        let mean = reduce(vec4<f32>(squares, 0.0, 0.0, 0.0), thread).x / f32(width);
        factor = 1.0 / sqrt(mean + bitcast<f32>(sizes[1].x));
    }
    let angles = token * width;
    let weight = select(0u, width, is_key);
    for (var c = thread; c < half; c += THREADS) {
        var first = qkv[start + c];
        var second = qkv[start + half + c];
        if (NORMED) {
            first *= factor * weights[weight + c];
            second *= factor * weights[weight + half + c];
        }
        let cosine = table[angles + c];
        let sine = table[angles + half + c];
        let a = first * cosine - second * sine;
        let b = second * cosine + first * sine;
        if (is_key) {
            let to = (row + head - heads) * width + c;
            keys[to] = a;
            keys[to + half] = b;
        } else {
            let to = (token * heads + head) * width + c;
            queries[to] = a;
            queries[to + half] = b;
        }
    }
}
