// The modules whose functions run in workers. They are named only here, because the published
// package is bundled: this module is then at the top of `dist`, as it is at the top of `src`,
// whichever module uses it.

export const PREPROCESS_WORKER: string = entry('preprocess/load-main.js')
export const SESSION_WORKER: string = entry('session/session-main.js')

function entry(path: string): string {
  // Empty if a bundler has made CommonJS of it; the pool then says what to tell the bundler.
  const { url = '' } = import.meta as { readonly url?: string }
  return url === '' ? `file:///bundled/${path}` : new URL(path, url).href
}
