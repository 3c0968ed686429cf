// Real jobs, endless. Each is a builder of a concurrency; items are counted where the tuned stage
// puts them out.

import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { loadImage, sampleVideo, stack } from '@spindle/io'
import { PipelineBuilder } from 'spindle'
import { packSequences } from 'spindle/loader'

const root = fileURLToPath(new URL('../..', import.meta.url))
const MEMBERS = 64
const MEMBER_BYTES = 64 * 1024
const BLOCK = 512

function* again(list) {
  for (;;) yield* list
}

/** A tar archive in memory, behind HTTP with ranges; each answer comes after 50 ms. */
async function tarServer() {
  const part = Buffer.alloc(BLOCK + MEMBER_BYTES, 7)
  const archive = Buffer.concat(Array.from({ length: MEMBERS }, () => part))
  const server = createServer((request, response) => {
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [
      0,
      0,
      archive.length - 1,
    ]
    setTimeout(() => {
      response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${archive.length}` })
      response.end(archive.subarray(Number(from), Number(to) + 1))
    }, 50)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  return `http://127.0.0.1:${server.address().port}/`
}

const WORDS =
  'the quick brown fox jumps over the lazy dog and runs through seven green fields of tall grass'.split(
    ' ',
  )

export const JOBS = {
  photos: async (concurrency) => {
    const photos = readdirSync(`${root}/examples/photos`).filter((name) => name.endsWith('.jpg'))
    return new PipelineBuilder()
      .addSource(() => again(photos.map((name) => `${root}/examples/photos/${name}`)))
      .pipe((path) => loadImage(path, { width: 224, height: 224, mode: 'crop', layout: 'CHW' }), {
        name: 'load',
        concurrency,
        outputOrder: 'input',
      })
      .aggregate(32)
      .pipe(stack)
  },
  video: async (concurrency) =>
    new PipelineBuilder()
      .addSource(() => again([`${root}/docs/pictures/video/clip.mp4`]))
      .pipe((path) => sampleVideo(path, { indices: [0, 10, 20, 30], width: 64, height: 64 }), {
        name: 'sample',
        concurrency,
      }),
  tar: async (concurrency) => {
    const url = await tarServer()
    const offsets = Array.from({ length: MEMBERS }, (_, i) => i * (BLOCK + MEMBER_BYTES) + BLOCK)
    return new PipelineBuilder()
      .addSource(() => again(offsets))
      .pipe(
        async (from) => {
          const response = await fetch(url, {
            headers: { range: `bytes=${from}-${from + MEMBER_BYTES - 1}` },
          })
          return new Uint8Array(await response.arrayBuffer())
        },
        { name: 'read', concurrency },
      )
  },
  tokens: async (concurrency) => {
    const ids = new Map(WORDS.map((word, id) => [word, id + 1]))
    const documents = Array.from({ length: 97 }, (_, i) =>
      WORDS.slice(i % 7)
        .join(' ')
        .repeat(1 + (i % 5)),
    )
    const tokens = new PipelineBuilder()
      .addSource(() => again(documents))
      .pipe(async (text) => text.split(' ').map((word) => ids.get(word) ?? 0), {
        name: 'tokenise',
        concurrency,
      })
    return packSequences(tokens, { maxTokens: 512 })
  },
}
