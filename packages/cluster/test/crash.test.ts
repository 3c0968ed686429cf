import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { S3Server } from '../../spindle/test/support/s3-server.ts'
import { type ChaosJob, chaosRound } from './chaos.ts'

const TIMES = Number(process.env.SPINDLE_TEST_TIMES ?? 1)
const JOB = { shards: 6, rows: 30, rowMs: 15, failureRate: 0.002, leaseMs: 400 }
const OPTIONS = { workers: 3, attackMs: 250, attacks: 7, limitMs: 100_000 }

async function check(job: ChaosJob): Promise<void> {
  const result = await chaosRound(job, OPTIONS)
  const { lost, doubled, isHung, errors } = result
  assert.deepEqual(
    { lost, doubled, isHung, errors },
    { lost: 0, doubled: 0, isHung: false, errors: [] },
  )
}

describe('crashes of workers', () => {
  for (let time = 0; time < TIMES; time++) {
    it('nothing is lost or doubled in a folder when workers are killed and stopped', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'chaos-'))
      try {
        await check({ ...JOB, ledger: join(folder, 'run'), out: join(folder, 'out') })
      } finally {
        await rm(folder, { recursive: true })
      }
    })

    it('nor in a bucket whose answers are lost besides', async () => {
      await using server = new S3Server()
      const endpoint = await server.listen()
      let requests = 0
      server.fault = () =>
        ++requests % 37 === 0 ? (requests % 2 === 0 ? 'lose' : 'drop') : undefined
      const store = {
        endpoint,
        credentials: { accessKeyId: 'me', secretAccessKey: 'secret' },
        minDelayMs: 1,
        maxDelayMs: 20,
      }
      await check({ ...JOB, store, ledger: 's3://bucket/run', out: 's3://bucket/out' })
    })
  }
})
