// Modules of Node that take milliseconds of CPU time to load, and that many programs never need.
// They are loaded at first use, which `import` can do only asynchronously.

export const nodeChildProcess: () => typeof import('node:child_process') = lazily(() =>
  process.getBuiltinModule('node:child_process'),
)
export const nodeCrypto: () => typeof import('node:crypto') = lazily(() =>
  process.getBuiltinModule('node:crypto'),
)
export const nodeModule: () => typeof import('node:module') = lazily(() =>
  process.getBuiltinModule('node:module'),
)
export const nodeV8: () => typeof import('node:v8') = lazily(() =>
  process.getBuiltinModule('node:v8'),
)

function lazily<T>(load: () => T): () => T {
  let loaded: T | undefined
  return () => {
    loaded ??= load()
    return loaded
  }
}
