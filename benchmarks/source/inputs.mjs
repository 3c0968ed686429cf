// A JSON Lines file and tar shards, as cell.mjs reads them.
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const RECORDS = 100_000
const [SHARDS, SAMPLES] = [4, 1000]

export async function makeInputs(folder) {
  const lines = Array.from({ length: RECORDS }, (_, id) =>
    JSON.stringify({
      id,
      path: `images/${id}.jpg`,
      caption: 'a photograph of something, seen from afar',
    }),
  )
  writeFileSync(join(folder, 'records.jsonl'), lines.join('\n'))
  const samples = join(folder, 'samples')
  for (let shard = 0; shard < SHARDS; shard++) {
    mkdirSync(samples)
    for (let i = 0; i < SAMPLES; i++) {
      const name = join(samples, String(i).padStart(5, '0'))
      writeFileSync(`${name}.bin`, Buffer.alloc(10_000, i))
      writeFileSync(`${name}.cls`, String(i))
    }
    const tar = spawnSync('tar', [
      '--sort=name',
      '-cf',
      join(folder, `${shard}.tar`),
      '-C',
      samples,
      '.',
    ])
    if (tar.status !== 0) throw new Error(String(tar.stderr))
    rmSync(samples, { recursive: true })
  }
}
