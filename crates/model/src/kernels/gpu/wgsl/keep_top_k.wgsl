// The k entries of largest magnitude of each row of z [T, width]: either in their places with zeros
// elsewhere, or as a list of k values and columns in column order.
//
// Bit patterns of floats without their sign are ordered like the floats, so the k-th largest
// magnitude of a row is found bit by bit from the top: a bit belongs to it when at least k entries are
// as large. One workgroup a row; 31 counting passes whatever k is.

@group(0) @binding(0) var<storage, read_write> z: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
// x: width, y: k
@group(0) @binding(2) var<uniform> sizes: array<vec4<u32>, 2>;

const LIST: bool = {{ list }};

const THREADS: u32 = 64u;
// Two counters in turn: one is cleared while the other is in use.
var<workgroup> counters: array<atomic<u32>, 2>;
var<workgroup> above: atomic<u32>;
var<workgroup> ties: array<u32, 64>;
var<workgroup> larger: array<u32, 64>;

fn magnitude(at: u32) -> u32 {
    return z[at] & 0x7fffffffu;
}

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let width = sizes[0].x;
    let k = sizes[0].y;
    let row = group.x * width;
    let thread = local.x;
    // Neighboring columns belong to one thread, so that ties can be kept in column order.
    let chunk = (width + THREADS - 1u) / THREADS;
    let first = min(thread * chunk, width);
    let last = min(first + chunk, width);

    if (thread == 0u) {
        atomicStore(&counters[0], 0u);
        atomicStore(&counters[1], 0u);
        atomicStore(&above, 0u);
    }
    workgroupBarrier();
    var threshold = 0u;
    for (var step = 0u; step < 31u; step++) {
        let candidate = threshold | (1u << (30u - step));
        var count = 0u;
        for (var c = first; c < last; c++) {
            count += select(0u, 1u, magnitude(row + c) >= candidate);
        }
        atomicAdd(&counters[step & 1u], count);
        workgroupBarrier();
        let total = atomicLoad(&counters[step & 1u]);
        if (thread == 0u) {
            atomicStore(&counters[(step + 1u) & 1u], 0u);
        }
        threshold = select(threshold, candidate, total >= k);
        workgroupBarrier();
    }

    var greater = 0u;
    var equal = 0u;
    for (var c = first; c < last; c++) {
        greater += select(0u, 1u, magnitude(row + c) > threshold);
        equal += select(0u, 1u, magnitude(row + c) == threshold);
    }
    atomicAdd(&above, greater);
    ties[thread] = equal;
    larger[thread] = greater;
    workgroupBarrier();
    // Room for entries equal to the threshold, less what earlier threads take of it.
    let room = k - min(k, atomicLoad(&above));
    var taken = 0u;
    var place = 0u;
    for (var other = 0u; other < thread; other++) {
        taken += ties[other];
        place += larger[other];
    }
    place = group.x * 2u * k + 2u * (place + min(taken, room));
    for (var c = first; c < last; c++) {
        let bits = z[row + c];
        let size = magnitude(row + c);
        var keep = size > threshold;
        if (size == threshold) {
            keep = taken < room;
            taken++;
        }
        if (!LIST) {
            y[row + c] = select(0u, bits, keep);
        } else if (keep) {
            y[place] = bits;
            y[place + 1u] = bitcast<u32>(f32(c));
            place += 2u;
        }
    }
}
