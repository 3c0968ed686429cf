// The ffmpeg command, one a core, each over its part of the files, read by Node:
// `node images-ffmpeg.mjs <folder> <form> <pause>`.
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { consumer } from './consumer.mjs'

const [folder, form, pause] = process.argv.slice(2)
const [BATCH, IMAGE] = [32, 3 * 224 * 224]
const MEAN = [0.485, 0.456, 0.406]
const STD = [0.229, 0.224, 0.225]
const names = readdirSync(folder).sort()
const { take, end } = consumer(Number(pause))
const lists = mkdtempSync(join(tmpdir(), 'spindle-e2e-'))
const parts = availableParallelism()
const each = Math.ceil(names.length / parts / BATCH) * BATCH

function finish(pixels) {
  if (form === 'uint8') return pixels
  const out = new Float32Array(pixels.length)
  for (let start = 0, plane = 0; start < pixels.length; start += 224 * 224, plane++) {
    const channel = plane % 3
    const [scale, shift] = [1 / (255 * STD[channel]), -MEAN[channel] / STD[channel]]
    const until = start + 224 * 224
    for (let i = start; i < until; i++) out[i] = pixels[i] * scale + shift
  }
  return out
}

/** Planes in the order green, blue, red come back as red, green, blue by the filter. */
const FILTER = 'scale=224:224:flags=bilinear,format=gbrp,shuffleplanes=2:0:1,format=gbrp'

async function part(index) {
  const own = names.slice(index * each, (index + 1) * each)
  if (own.length === 0) return
  const list = join(lists, `${index}.txt`)
  writeFileSync(list, own.map((name) => `file '${join(folder, name)}'\n`).join(''))
  const args = `-nostdin -v error -threads 1 -f concat -safe 0 -i ${list} -vf ${FILTER}`
  const command = spawn('ffmpeg', [
    ...args.split(' '),
    '-fps_mode',
    'passthrough',
    '-f',
    'rawvideo',
    '-',
  ])
  command.stderr.pipe(process.stderr)
  let [batch, filled] = [Buffer.alloc(BATCH * IMAGE), 0]
  for await (let chunk of command.stdout) {
    while (chunk.length > 0) {
      const count = Math.min(chunk.length, batch.length - filled)
      chunk.copy(batch, filled, 0, count)
      chunk = chunk.subarray(count)
      filled += count
      if (filled < batch.length) continue
      take(finish(batch), BATCH)
      batch = Buffer.alloc(BATCH * IMAGE)
      filled = 0
    }
  }
  if (filled > 0) take(finish(batch.subarray(0, filled)), filled / IMAGE)
}

try {
  await Promise.all(Array.from({ length: parts }, (_, index) => part(index)))
} finally {
  rmSync(lists, { recursive: true })
}
end()
