// Ops that run.mjs has run in worker threads.
export function double(n) {
  return n * 2
}

export function fail() {
  throw Object.assign(new RangeError('no'), { code: 'E_NO' })
}
