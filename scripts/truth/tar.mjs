// Archives of GNU tar and bsdtar: expected values of packages/io/test/formats/tar-laws.test.ts.
// Paths have spaces, dots and letters beyond ASCII, some are long, and sizes are near that of a
// block.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { run, versionOf } from './tools.mjs'

const WRITERS = [
  ['tar', '--format=gnu'],
  ['tar', '--format=posix'],
  ['bsdtar', '--format=pax'],
  ['bsdtar', '--format=gnutar'],
]

/** `lists` are files: path and data. */
export function tarTruth({ lists, scratch }) {
  return {
    lists: lists.map((list) =>
      list.map(({ path, data }) => [path, Buffer.from(data).toString('base64')]),
    ),
    archives: WRITERS.filter(([program]) => versionOf(program) !== undefined).map(
      ([program, format]) => ({
        writer: `${program} ${format}`,
        gzipped: lists.map((list) =>
          gzipSync(archiveOf(program, format, list, scratch)).toString('base64'),
        ),
      }),
    ),
  }
}

function archiveOf(program, format, list, scratch) {
  const folder = join(scratch, 'tar')
  mkdirSync(folder)
  try {
    for (const { path, data } of list) {
      mkdirSync(join(folder, dirname(path)), { recursive: true })
      writeFileSync(join(folder, path), data)
    }
    const names = list.map(({ path }) => `./${path}\0`).join('')
    const options = { cwd: folder, input: names, env: { ...process.env, LC_ALL: 'C.UTF-8' } }
    return run(program, [format, '-cf', '-', '--null', '-T', '-'], options)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
