// The ffmpeg command: one process with one thread for each core, each on its part of a numbered
// sequence. Their start is part of the time.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { HEIGHT, measure, WIDTH } from './cell.mjs'

const [folder, cores] = [process.argv[2], Number(process.argv[3])]
const ending = extname(readdirSync(folder)[0])

async function convert(start, count) {
  const child = spawn(
    'ffmpeg',
    [
      ...[
        '-nostdin',
        '-loglevel',
        'error',
        '-threads',
        '1',
        '-start_number',
        start,
        '-i',
        join(folder, `%05d${ending}`),
      ],
      ...[
        '-frames:v',
        count,
        '-vf',
        `scale=${WIDTH}:${HEIGHT}:flags=bilinear`,
        '-pix_fmt',
        'rgb24',
        '-f',
        'rawvideo',
        'pipe:1',
      ],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let bytes = 0
  child.stdout.on('data', (chunk) => {
    bytes += chunk.length
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`ffmpeg ended with ${code}`)
  return bytes / (WIDTH * HEIGHT * 3)
}

/**
 * CPU of this process and of the children that have ended, from fields 14 to 17 of /proc/self/stat
 * (in hundredths of a second).
 */
function cpuWithChildren() {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .split(') ')[1]
    .split(' ')
    .slice(11, 15)
    .map(Number)
  return { user: (fields[0] + fields[2]) * 1e4, system: (fields[1] + fields[3]) * 1e4 }
}

await measure(
  folder,
  async (paths) => {
    const part = Math.ceil(paths.length / cores)
    const starts = Array.from({ length: cores }, (_, core) => core * part)
    const counts = await Promise.all(
      starts.map((start) => convert(start, Math.min(part, paths.length - start))),
    )
    return counts.reduce((sum, count) => sum + count)
  },
  cpuWithChildren,
)
