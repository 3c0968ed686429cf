// The ffmpeg command, started by Node for each file, a process a core:
// `node audio-ffmpeg.mjs <folder>`.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { consumer } from './consumer.mjs'

const [folder] = process.argv.slice(2)
const files = readdirSync(folder).sort()
const { take, end } = consumer(0)

async function load(name) {
  const args = `-nostdin -v error -threads 1 -ss 3 -t 5 -i ${join(folder, name)} -ac 1 -ar 16000`
  const command = spawn('ffmpeg', [...args.split(' '), '-f', 'f32le', '-'])
  command.stderr.pipe(process.stderr)
  const pieces = []
  for await (const piece of command.stdout) pieces.push(piece)
  const { buffer } = Uint8Array.from(Buffer.concat(pieces))
  const samples = new Float32Array(buffer)
  take(samples, samples.length)
}

let next = 0
const worker = async () => {
  while (next < files.length) await load(files[next++])
}
await Promise.all(Array.from({ length: availableParallelism() }, worker))
end()
