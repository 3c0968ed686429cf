// The modules whose functions run in the threads of this package's pool. They are named only here,
// because the published package is bundled: this module is then at the top of `dist`, as it is at
// the top of `src`, whichever module uses it.

export const AUDIO_WORKER: string = entry('api/audio-worker.js')
export const IMAGE_WORKER: string = entry('api/image-worker.js')
export const CHAIN_WORKER: string = entry('api/chain-worker.js')
export const COLUMNS_WORKER: string = entry('api/columns-worker.js')
export const VIDEO_WORKER: string = entry('api/video-worker.js')

function entry(path: string): string {
  // Empty if a bundler has made CommonJS of it; `ThreadPool` then says what to tell the bundler.
  const { url = '' } = import.meta as { readonly url?: string }
  return url === '' ? `file:///bundled/${path}` : new URL(path, url).href
}
