// Modules of Node that take milliseconds of CPU time to load, and that many programs never need.
// They are loaded at first use, which `import` can do only asynchronously.

export const nodeCrypto: () => typeof import('node:crypto') = lazily(() =>
  process.getBuiltinModule('node:crypto'),
)
export const nodeHttp: () => typeof import('node:http') = lazily(() =>
  process.getBuiltinModule('node:http'),
)
export const nodeNet: () => typeof import('node:net') = lazily(() =>
  process.getBuiltinModule('node:net'),
)
export const nodeZlib: () => typeof import('node:zlib') = lazily(() =>
  process.getBuiltinModule('node:zlib'),
)

function lazily<T>(load: () => T): () => T {
  let loaded: T | undefined
  return () => {
    loaded ??= load()
    return loaded
  }
}
