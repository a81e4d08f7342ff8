// Put before the worker's own script: notes when the GPU last got work and when results last came back, by the
// clock that workers and pages of a browser share.

const STAMPS = { submitted: 0, readBack: 0 };
const sharedClock = () => performance.timeOrigin + performance.now();
const { submit } = GPUQueue.prototype;
GPUQueue.prototype.submit = function stamped(...values) {
  STAMPS.submitted = sharedClock();
  return submit.apply(this, values);
};
const { mapAsync } = GPUBuffer.prototype;
GPUBuffer.prototype.mapAsync = async function stamped(...values) {
  await mapAsync.apply(this, values);
  STAMPS.readBack = sharedClock();
};
const STAMP_CHANNEL = new BroadcastChannel('temporal-lens-stamps');
// The layouts' worker has this script, too, and no GPU.
STAMP_CHANNEL.addEventListener('message', ({ data }) => {
  if (data === 'ask' && STAMPS.submitted > 0) STAMP_CHANNEL.postMessage(STAMPS);
});
