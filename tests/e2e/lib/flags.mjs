// How Chromium is started, by tests and benches alike.

/** A test browser sends requests to our server only. */
export const QUIET = [
  '--no-sandbox', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  // Pages that a test changes on their way count as public ones, which may not ask servers on this machine.
  '--disable-features=LocalNetworkAccessChecks',
];

/** WebGPU on the processor, */
export const SWIFTSHADER = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
/** and on the machine's own GPU. */
export const GPU = ['--enable-unsafe-webgpu', '--enable-features=Vulkan', '--ignore-gpu-blocklist'];
