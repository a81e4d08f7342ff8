// y = gelu(gate) * up with the tanh approximation of GELU, which is gate * sigmoid(2 z). Written
// with exp: tanh of large arguments is NaN on some drivers, and Gemma's gates are large.

@group(0) @binding(0) var<storage, read_write> gate: array<f32>;
@group(0) @binding(1) var<storage, read_write> up: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
// number of values, values a row of workgroups covers
@group(0) @binding(3) var<storage, read_write> sizes: array<u32>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.y * sizes[1] + id.x;
    if (i >= sizes[0]) {
        return;
    }
    let g = gate[i];
    let z = 0.7978845608028654 * (g + 0.044715 * g * g * g);
    y[i] = g / (1.0 + exp(min(-2.0 * z, 80.0))) * up[i];
}
