// What kernels that own one row a workgroup share: adding up over the workgroup.

const THREADS: u32 = {{ threads }}u;
var<workgroup> partial: array<vec4<f32>, THREADS>;

// The sum over the workgroup of each invocation's `mine`.
fn reduce(mine: vec4<f32>, thread: u32) -> vec4<f32> {
    workgroupBarrier();
    partial[thread] = mine;
    workgroupBarrier();
    var sum = vec4<f32>(0.0);
    for (var i = 0u; i < THREADS; i++) {
        sum += partial[i];
    }
    return sum;
}

