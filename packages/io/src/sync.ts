// Entry point `@spindle/io/sync`: the functions that worker ops call. They block until they are
// done.

// Archives
export { iterateTarSync, iterateTarSync as iterateTar } from './archive/tar/iterate-tar-sync.ts'
export type { IterateTarSyncOptions } from './archive/tar/options.ts'
export { TarIndexSync } from './archive/tar-index/tar-index-sync.ts'
export { ZipFileSync } from './archive/zip/zip-file-sync.ts'
// Audio
export {
  encodeAudioSync,
  encodeAudioSync as encodeAudio,
  saveAudioSync,
  saveAudioSync as saveAudio,
} from './audio/encode-audio-sync.ts'
export { loadAudioSync, loadAudioSync as loadAudio } from './audio/load-audio-sync.ts'
export { streamAudioSync, streamAudioSync as streamAudio } from './audio/stream-audio-sync.ts'
// Images
export {
  encodeImageSync,
  encodeImageSync as encodeImage,
  saveImageSync,
  saveImageSync as saveImage,
} from './image/encode-image-sync.ts'
export {
  loadImageBatchSync,
  loadImageBatchSync as loadImageBatch,
  loadImageSync,
  loadImageSync as loadImage,
} from './image/load-image-sync.ts'
// Video
export {
  encodeVideoSync,
  encodeVideoSync as encodeVideo,
  saveVideoSync,
  saveVideoSync as saveVideo,
} from './media/video-file/save-video-sync.ts'
// Arrays
export { type LoadNpySyncOptions, loadNpySync, loadNpySync as loadNpy } from './npy/load.ts'
export { saveNpySync, saveNpySync as saveNpy } from './npy/save.ts'
export { loadNpzSync, loadNpzSync as loadNpz } from './npz/load.ts'
export { NpzFileSync } from './npz/npz-file-sync.ts'
export { saveNpzSync, saveNpzSync as saveNpz } from './npz/save.ts'
export { probeSync, probeSync as probe } from './probe.ts'
export type { SyncSource } from './source.ts'
// Video
export { loadVideoSync, loadVideoSync as loadVideo } from './video/load-video-sync.ts'
export { sampleVideoSync, sampleVideoSync as sampleVideo } from './video/sample-video-sync.ts'
export { streamVideoSync, streamVideoSync as streamVideo } from './video/stream-video-sync.ts'
// Audio
export { loadWavSync, loadWavSync as loadWav } from './wav/load.ts'
export { saveWavSync, saveWavSync as saveWav } from './wav/save.ts'
