// What Pillow says of images: images.py does it, by the Python interpreter that PYTHON names.
import { fileURLToPath } from 'node:url'
import { PYTHON, run } from './tools.mjs'

const SCRIPT = fileURLToPath(new URL('images.py', import.meta.url))

/** Makes packages/io/test/truth/images.json anew. */
export function makeImages() {
  return String(run(PYTHON, [SCRIPT])).trim()
}

/** Asks Pillow again about the inputs that are checked in. */
export function checkImages(checks) {
  const { wrong } = JSON.parse(String(run(PYTHON, [SCRIPT, '--check'])))
  checks.add('images: Pillow reads the same', wrong.join('\n'))
}
