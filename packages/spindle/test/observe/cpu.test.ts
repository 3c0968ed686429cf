import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { PipelineBuilder, statsBetween } from 'spindle'
import { parseCpuList, quotaOf } from '../../src/machine/cores.ts'
import { linuxTimes } from '../../src/machine/cpu-times.ts'
import { range } from '../support/sources.ts'

const isLinux = process.platform === 'linux'

describe('the cores that a process may use', () => {
  const reading = (files: Record<string, string>) => (path: string) => files[path]

  it('are bounded by the quota of its own control group or one above it, whichever is less', () => {
    const files = {
      '/sys/fs/cgroup/a/b/cpu.max': '300000 100000',
      '/sys/fs/cgroup/a/cpu.max': '150000 100000',
      '/sys/fs/cgroup/cpu.max': 'max 100000',
    }
    assert.equal(quotaOf('0::/a/b', reading(files)), 1.5)
  })

  it('are bounded by the first version of the interface, too', () => {
    const files = {
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '50000',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
    }
    assert.equal(quotaOf('4:memory:/x\n3:cpu,cpuacct:/docker/x\n0::/', reading(files)), 0.5)
    const none = { ...files, '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1' }
    assert.equal(quotaOf('3:cpu,cpuacct:/', reading(none)), Number.POSITIVE_INFINITY)
  })

  it('are not bounded where no control group says so', () => {
    assert.equal(quotaOf('0::/', reading({})), Number.POSITIVE_INFINITY)
    assert.equal(quotaOf('', reading({})), Number.POSITIVE_INFINITY)
  })

  it('are listed as Linux lists them', () => {
    assert.deepEqual([...parseCpuList('0-2,5,8-9')], [0, 1, 2, 5, 8, 9])
  })
})

describe('CPU times on Linux', () => {
  it('are those of a process, of those below it, and of the CPUs that it may use', () => {
    const root = mkdtempSync(join(tmpdir(), 'spindle-proc-'))
    const write = (path: string, text: string): void => {
      mkdirSync(join(root, path, '..'), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    const stat = (pid: number, ticks: readonly number[]) =>
      `${pid} (node) S 1 1 1 0 -1 0 0 0 0 0 ${ticks.join(' ')} 20 0 2 0 0 0 0`
    try {
      // user, system, and the same of children that have ended
      write('7/stat', stat(7, [10, 5, 3, 2]))
      write('7/task/7/schedstat', '1 2000000 3')
      write('7/task/7/children', '9 ')
      write('7/task/8/schedstat', '1 4000000 3')
      write('9/stat', stat(9, [30, 0, 0, 0]))
      write('9/task/9/schedstat', '1 1000000 3')
      write(
        'stat',
        'cpu  1 1 1 1\ncpu0 100 0 20 999 9 1 1 3 0 0\ncpu1 50 0 0 0 0 0 0 0 0 0\ncpu2 7 0 0 0 0 0 0 0\n',
      )
      const times = linuxTimes(root, 7, { count: 2, numbers: new Set([0, 1]) })
      assert.equal(times.ownMs, 500)
      assert.equal(times.waitMs, 7)
      assert.equal(times.busyMs, 1750)
    } finally {
      rmSync(root, { recursive: true })
    }
  })
})

describe('the CPU in the figures of a pipeline', () => {
  const spin = (ms: number): void => {
    const from = process.cpuUsage()
    for (;;) {
      const { user, system } = process.cpuUsage(from)
      if (user + system >= ms * 1000) return
    }
  }

  it('is what the pipeline used while it ran, not before and not after', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(range(20))
      .pipe((value) => {
        spin(20)
        return value
      })
      .build()
    assert.equal(pipeline.stats().cpu.own, 0)
    await pipeline.forEach(() => {})
    const { cpu, elapsedMs } = pipeline.stats()
    const usedMs = cpu.own * elapsedMs
    assert.ok(usedMs >= 300, `it used ${usedMs} ms of 400`)
    assert.ok(cpu.cores >= 1 && cpu.cores <= availableParallelism())
    assert.ok(cpu.others >= 0 && cpu.others <= cpu.cores)
    spin(50)
    assert.deepEqual(pipeline.stats().cpu, cpu)
  })

  it('is that of child processes, too', { skip: !isLinux }, async () => {
    const child = (): Promise<void> =>
      new Promise((resolve, reject) => {
        const work = 'const from = process.cpuUsage(); while (process.cpuUsage(from).user < 4e5);'
        spawn(process.execPath, ['-e', work], { stdio: 'ignore' })
          .on('exit', () => resolve())
          .on('error', reject)
      })
    const pipeline = new PipelineBuilder().addSource(range(1)).pipe(child).build()
    await pipeline.forEach(() => {})
    const { cpu, elapsedMs } = pipeline.stats()
    assert.ok(cpu.own * elapsedMs >= 350, `it used ${cpu.own * elapsedMs} ms of more than 400`)
  })

  it('is told of an interval alone', async () => {
    const pipeline = new PipelineBuilder()
      .addSource(range(2))
      .pipe(async (value) => {
        if (value === 0) spin(200)
        else await new Promise((resolve) => setTimeout(resolve, 300))
        return value
      })
      .build()
    const taken = pipeline[Symbol.asyncIterator]()
    await taken.next()
    const before = pipeline.stats()
    await taken.next()
    const { cpu } = statsBetween(before, pipeline.stats())
    assert.ok(
      cpu.own < before.cpu.own,
      `${cpu.own} cores while it waited, ${before.cpu.own} before`,
    )
    await pipeline.stop()
  })
})
