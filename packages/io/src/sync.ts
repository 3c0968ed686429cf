// Entry point `@spindle/io/sync`: the functions that worker ops call. They block until they are
// done.

// Audio
export {
  encodeAudioSync,
  encodeAudioSync as encodeAudio,
  saveAudioSync,
  saveAudioSync as saveAudio,
} from './api/encode-audio-sync.ts'
// Images
export {
  encodeImageSync,
  encodeImageSync as encodeImage,
  saveImageSync,
  saveImageSync as saveImage,
} from './api/encode-image-sync.ts'
export { loadAudioSync, loadAudioSync as loadAudio } from './api/load-audio-sync.ts'
export {
  loadImageBatchSync,
  loadImageBatchSync as loadImageBatch,
  loadImageSync,
  loadImageSync as loadImage,
} from './api/load-image-sync.ts'
// Video
export { loadVideoSync, loadVideoSync as loadVideo } from './api/load-video-sync.ts'
export { probeSync, probeSync as probe } from './api/probe.ts'
export { sampleVideoSync, sampleVideoSync as sampleVideo } from './api/sample-video-sync.ts'
// Video
export {
  encodeVideoSync,
  encodeVideoSync as encodeVideo,
  saveVideoSync,
  saveVideoSync as saveVideo,
} from './api/save-video-sync.ts'
export { streamAudioSync, streamAudioSync as streamAudio } from './api/stream-audio-sync.ts'
export { streamVideoSync, streamVideoSync as streamVideo } from './api/stream-video-sync.ts'
export type { SyncSource } from './files/source.ts'
// Arrays
export {
  type LoadNpySyncOptions,
  loadNpySync,
  loadNpySync as loadNpy,
} from './formats/npy/load-npy.ts'
export { saveNpySync, saveNpySync as saveNpy } from './formats/npy/save-npy.ts'
export { loadNpzSync, loadNpzSync as loadNpz } from './formats/npz/load-npz.ts'
export { NpzFileSync } from './formats/npz/npz-file-sync.ts'
export { saveNpzSync, saveNpzSync as saveNpz } from './formats/npz/save-npz.ts'
// Archives
export { iterateTarSync, iterateTarSync as iterateTar } from './formats/tar/iterate-tar-sync.ts'
export type { IterateTarSyncOptions } from './formats/tar/tar-options.ts'
export { TarIndexSync } from './formats/tar-index/tar-index-sync.ts'
// Audio
export { loadWavSync, loadWavSync as loadWav } from './formats/wav/load-wav.ts'
export { saveWavSync, saveWavSync as saveWav } from './formats/wav/save-wav.ts'
export { ZipFileSync } from './formats/zip/zip-file-sync.ts'
