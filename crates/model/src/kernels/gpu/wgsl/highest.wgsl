// The k highest entries of each row of z [R, width], as pairs of value and column in column order, and two more numbers:
// see InferenceOps::packed_top.
//
// A row is cut into 256 parts. At least k entries are not below the k-th largest of the parts' maxima, and few more than
// k are: those are listed, and of each the place among them is counted. One workgroup a row, which it reads three times,
// whatever k is.

@group(0) @binding(0) var<storage, read_write> z: array<f32>;
@group(0) @binding(1) var<storage, read_write> offset: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
// x: width, y: k, z: the first row of logits, w: their soft cap, 0 for none
@group(0) @binding(3) var<uniform> sizes: array<vec4<u32>, 2>;

const THREADS: u32 = 64u;
const PARTS: u32 = 256u;
const PARTS_EACH: u32 = PARTS / THREADS;
const CAPACITY: u32 = 1024u;
const KEPT: u32 = 0x80000000u;
const LOWEST: f32 = -3.0e38;

var<workgroup> maxima: array<f32, PARTS>;
var<workgroup> bound: f32;
// Of each invocation's entries: how many are above the bound, how many equal it, and the sum of exponentials.
var<workgroup> above: array<u32, THREADS>;
var<workgroup> equal: array<u32, THREADS>;
var<workgroup> sums: array<f32, THREADS>;
// The list: entries above the bound, then those that equal it.
var<workgroup> values: array<f32, CAPACITY>;
var<workgroup> columns: array<u32, CAPACITY>;

fn capped(logit: f32, cap: f32) -> f32 {
    if (cap == 0.0) {
        return logit;
    }
    // tanh of large arguments is NaN on some drivers.
    let e = exp(-2.0 * abs(logit) / cap);
    return sign(logit) * cap * (1.0 - e) / (1.0 + e);
}

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let width = sizes[0].x;
    let k = sizes[0].y;
    let is_of_logits = group.x >= sizes[0].z;
    let cap = bitcast<f32>(sizes[0].w);
    let row = group.x * width;
    let thread = local.x;
    // Only scores above 0 are listed.
    let shift = select(offset[group.x], 0.0, is_of_logits);
    let least = select(0.0, LOWEST, is_of_logits);

    // Neighboring columns belong to one invocation, so that the list is in column order.
    let part = (width + PARTS - 1u) / PARTS;
    let first = min(thread * PARTS_EACH * part, width);
    let last = min(first + PARTS_EACH * part, width);
    for (var i = 0u; i < PARTS_EACH; i++) {
        var highest = LOWEST;
        for (var c = min(first + i * part, last); c < min(first + (i + 1u) * part, last); c++) {
            highest = max(highest, z[row + c] - shift);
        }
        maxima[thread * PARTS_EACH + i] = highest;
    }
    workgroupBarrier();

    var largest = LOWEST;
    for (var i = 0u; i < PARTS; i++) {
        largest = max(largest, maxima[i]);
    }
    for (var i = 0u; i < PARTS_EACH; i++) {
        let at = thread * PARTS_EACH + i;
        let mine = maxima[at];
        var place = 0u;
        for (var other = 0u; other < PARTS; other++) {
            place += select(0u, 1u, maxima[other] > mine || (maxima[other] == mine && other < at));
        }
        if (place + 1u == k) {
            bound = mine;
        }
    }
    workgroupBarrier();

    let limit = max(bound, least);
    let largest_capped = capped(largest, cap);
    var more = 0u;
    var same = 0u;
    var sum = 0.0;
    for (var c = first; c < last; c++) {
        let value = z[row + c] - shift;
        more += select(0u, 1u, value > limit);
        same += select(0u, 1u, value == limit && value > least);
        if (is_of_logits) {
            sum += exp(capped(value, cap) - largest_capped);
        }
    }
    above[thread] = more;
    equal[thread] = same;
    sums[thread] = sum;
    workgroupBarrier();

    var at = 0u;
    var all_above = 0u;
    var at_equal = 0u;
    var all_equal = 0u;
    for (var other = 0u; other < THREADS; other++) {
        all_above += above[other];
        all_equal += equal[other];
        if (other < thread) {
            at += above[other];
            at_equal += equal[other];
        }
    }
    at_equal += all_above;
    for (var c = first; c < last; c++) {
        let value = z[row + c] - shift;
        if (value > limit && at < CAPACITY) {
            values[at] = value;
            columns[at] = c;
            at++;
        } else if (value == limit && value > least && at_equal < CAPACITY) {
            values[at_equal] = value;
            columns[at_equal] = c;
            at_equal++;
        }
    }
    workgroupBarrier();

    let listed = min(all_above + all_equal, CAPACITY);
    for (var i = thread; i < listed; i += THREADS) {
        let mine = values[i];
        let column = columns[i] & ~KEPT;
        var place = 0u;
        for (var other = 0u; other < listed; other++) {
            let is_before = values[other] == mine && (columns[other] & ~KEPT) < column;
            place += select(0u, 1u, values[other] > mine || is_before);
        }
        if (place < k) {
            columns[i] = column | KEPT;
        }
    }
    workgroupBarrier();

    let out = group.x * (2u * k + 2u);
    for (var i = thread; i < listed; i += THREADS) {
        let column = columns[i];
        if (column >= KEPT) {
            var place = 0u;
            for (var other = 0u; other < listed; other++) {
                place += select(0u, 1u, columns[other] >= KEPT && columns[other] < column);
            }
            var value = values[i];
            if (is_of_logits) {
                value = exp(capped(value, cap) - largest_capped);
            }
            y[out + 2u * place] = value;
            y[out + 2u * place + 1u] = f32(column & ~KEPT);
        }
    }
    for (var i = min(listed, k) + thread; i < k; i += THREADS) {
        y[out + 2u * i] = 0.0;
        y[out + 2u * i + 1u] = 0.0;
    }
    if (thread == 0u) {
        var total = 0.0;
        for (var other = 0u; other < THREADS; other++) {
            total += sums[other];
        }
        y[out + 2u * k] = select(0.0, largest_capped, is_of_logits);
        y[out + 2u * k + 1u] = total;
    }
}
