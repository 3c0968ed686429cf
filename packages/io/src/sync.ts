// Entry point `@spindle/io/sync`: the synchronous functions, for worker ops. They block the calling
// thread.

// Audio
export {
  encodeAudioSync,
  loadAudioSync,
  saveAudioSync,
  streamAudioSync,
} from './api/audio-sync.ts'
// Images
export {
  encodeImageSync,
  loadImageBatchSync,
  loadImageSync,
  saveImageSync,
} from './api/image-sync.ts'
export { probeSync } from './api/probe-sync.ts'
// Video
// Video
export {
  encodeVideoSync,
  loadVideoSync,
  sampleVideoSync,
  saveVideoSync,
  streamVideoSync,
} from './api/video-sync.ts'
export type { SyncSource } from './files/source.ts'
// Arrays
export {
  type LoadNpySyncOptions,
  loadNpySync,
} from './formats/npy/load-npy.ts'
export { saveNpySync } from './formats/npy/save-npy.ts'
export { loadNpzSync } from './formats/npz/load-npz.ts'
export { NpzFileSync } from './formats/npz/npz-file.ts'
export { saveNpzSync } from './formats/npz/save-npz.ts'
export { loadSafetensorsSync } from './formats/safetensors/load-safetensors.ts'
// Archives
export { iterateTarSync } from './formats/tar/iterate-tar-sync.ts'
export type { IterateTarSyncOptions } from './formats/tar/tar-options.ts'
export { TarIndexSync } from './formats/tar-index/tar-index-sync.ts'
// Audio
export { loadWavSync } from './formats/wav/load-wav.ts'
export { saveWavSync } from './formats/wav/save-wav.ts'
export { ZipFileSync } from './formats/zip/zip-file-sync.ts'
