// Pillow's results for images, from images.py, run by the Python interpreter in PYTHON.
import { fileURLToPath } from 'node:url'
import { PYTHON, run } from './tools.mjs'

const SCRIPT = fileURLToPath(new URL('images.py', import.meta.url))

/** Writes packages/io/test/truth/images.json again. */
export function makeImages() {
  return String(run(PYTHON, [SCRIPT])).trim()
}

/** Checks the stored inputs with Pillow again. */
export function checkImages(checks) {
  const { wrong } = JSON.parse(String(run(PYTHON, [SCRIPT, '--check'])))
  checks.add('images: Pillow reads the same', wrong.join('\n'))
}
