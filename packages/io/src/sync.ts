// Entry point `@spindle/io/sync`: the functions that worker ops call. They block until they are done.

// Archives
export { iterateTarSync, iterateTarSync as iterateTar } from './archive/tar/iterate-tar-sync.ts'
export type { IterateTarSyncOptions } from './archive/tar/options.ts'
export { TarIndexSync } from './archive/tar-index/tar-index-sync.ts'
export { ZipFileSync } from './archive/zip/zip-file-sync.ts'
export { loadNpySync as loadNpy } from './npy/load.ts'
export { saveNpySync as saveNpy } from './npy/save.ts'
export { loadNpzSync as loadNpz } from './npz/load.ts'
export { NpzFileSync } from './npz/npz-file-sync.ts'
export { saveNpzSync as saveNpz } from './npz/save.ts'
export { loadWavSync as loadWav } from './wav/load.ts'
export { saveWavSync as saveWav } from './wav/save.ts'
