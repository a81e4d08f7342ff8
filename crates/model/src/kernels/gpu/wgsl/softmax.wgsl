// What all attentions share: their operands, and the way from scores to weights. Operands are read
// as {{ number }}; of one key, the score of one query or of four is a {{ score }}. Rows of operands are
// tokens, with one head after another, as the projections leave them.

@group(0) @binding(0) var<storage, read_write> q: array<{{ number }}>;
@group(0) @binding(1) var<storage, read_write> k: array<{{ number }}>;
{{ operands }}
// x: heads, and heads of keys in the upper half, y: queries, z: width of a query, w: width of a value,
// both in {{ number }}; then x: position of the first query, y: window, z: bits of the scale, w: bits of the
// soft cap (0: none)
@group(0) @binding({{ sizes_binding }}) var<uniform> sizes: array<vec4<u32>, 2>;

const THREADS: u32 = {{ threads }}u;
// Keys whose scores workgroup memory holds.
const CAPACITY: u32 = {{ capacity }}u;
var<workgroup> scores: array<{{ score }}, CAPACITY>;
var<workgroup> partial: array<{{ score }}, THREADS>;

fn scaled_and_capped(product: {{ score }}) -> {{ score }} {
    let score = product * bitcast<f32>(sizes[1].z);
    let cap = bitcast<f32>(sizes[1].w);
    if (cap == 0.0) {
        return score;
    }
    // tanh written out: some drivers return NaN for arguments past 44.
    return cap * (1.0 - 2.0 / (exp(clamp(2.0 * score / cap, {{ score }}(-80.0), {{ score }}(80.0))) + 1.0));
}

// Turns the first `count` scores into weights that are not divided by their sum yet. `mine` is the
// highest score this invocation has put there; weights are relative to the highest of all, which
// is the first of what is returned. The second is their sum.
fn softmax(mine: {{ score }}, count: u32, thread: u32) -> array<{{ score }}, 2> {
    partial[thread] = mine;
    workgroupBarrier();
    var highest = mine;
    for (var i = 0u; i < THREADS; i++) {
        highest = max(highest, partial[i]);
    }
    workgroupBarrier();
    var total = {{ score }}(0.0);
    for (var j = thread; j < count; j += THREADS) {
        let weight = exp(scores[j] - highest);
        scores[j] = weight;
        total += weight;
    }
    partial[thread] = total;
    workgroupBarrier();
    total = {{ score }}(0.0);
    for (var i = 0u; i < THREADS; i++) {
        total += partial[i];
    }
    return array<{{ score }}, 2>(highest, total);
}
