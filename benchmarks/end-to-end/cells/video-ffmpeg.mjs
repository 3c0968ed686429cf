// The ffmpeg command, started by Node for each clip, a process a core:
// `node video-ffmpeg.mjs <sample|decode> <folder>`.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { consumer } from './consumer.mjs'

const [job, folder] = process.argv.slice(2)
const FRAME = 3 * 224 * 224
const [COUNT, FRAMES] = [8, 240]
const clips = readdirSync(folder).sort()
const { take, end } = consumer(0)
const places = Array.from({ length: COUNT }, (_, i) => Math.floor(((i + 0.5) * FRAMES) / COUNT))
const select = job === 'sample' ? `select='${places.map((n) => `eq(n,${n})`).join('+')}',` : ''
const FILTER = `${select}scale=224:224:flags=bilinear,format=gbrp,shuffleplanes=2:0:1,format=gbrp`

async function load(name) {
  const args = ['-nostdin', '-v', 'error', '-threads', '1', '-i', join(folder, name)]
  args.push('-vf', FILTER, '-fps_mode', 'passthrough', '-f', 'rawvideo', '-')
  const command = spawn('ffmpeg', args)
  command.stderr.pipe(process.stderr)
  const pieces = []
  for await (const piece of command.stdout) pieces.push(piece)
  const data = Buffer.concat(pieces)
  take(data, data.length / FRAME)
}

let next = 0
const worker = async () => {
  while (next < clips.length) await load(clips[next++])
}
await Promise.all(Array.from({ length: availableParallelism() }, worker))
end()
