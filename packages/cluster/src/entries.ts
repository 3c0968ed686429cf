// The modules that threads start from. They are named only here, because the published package is
// bundled: this module is then at the top of `dist`, as it is at the top of `src`, whichever module
// uses it.

export const RENEWAL_THREAD: string = entry('worker/renewal-thread.js')

function entry(path: string): string {
  const { url = '' } = import.meta as { readonly url?: string }
  return url === '' ? `file:///bundled/${path}` : new URL(path, url).href
}
