import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  type ResourceInterval,
  type ResourceUsage,
  resourcesBetween,
  resourceUsage,
  watchResources,
} from 'spindle'
import { readProcFile } from '../../src/machine/proc-files.ts'
import {
  parseIo,
  parseMachineStat,
  parseNetDev,
  parseSchedstat,
  parseSmapsRollup,
  parseStat,
  parseStatus,
} from '../../src/machine/proc-parse.ts'
import { neighbourWarning } from '../../src/observe/resources/interval.ts'
import { readElsewhere, readLinux } from '../../src/observe/resources/usage.ts'

const malformed = { code: 'ERR_PROC_FORMAT' }
const skip = process.platform === 'linux' ? false : 'only Linux has /proc'

/**
 * A `stat` line with user and system times of 2 s and 1 s, children's of 0.5 s and 0.25 s, and 3
 * threads.
 */
const statLine = (pid: number, name = 'node', parent = 1): string =>
  `${pid} (${name}) S ${parent} 77 1 0 -1 4194304 98 0 0 0 200 100 50 25 20 0 3 0 481838 3133440 388 1844674 1 2 3`

describe('files of /proc', () => {
  it('stat: the name may hold spaces and parentheses', () => {
    const expected = {
      pid: 12,
      name: 'node',
      parent: 1,
      group: 77,
      userMs: 2500,
      systemMs: 1250,
      threads: 3,
    }
    assert.deepEqual(parseStat(statLine(12)), expected)
    for (const name of ['my program', '(odd) name)', ') S 4 (', ''])
      assert.deepEqual(parseStat(statLine(12, name)), { ...expected, name })
  })

  it('stat: what is none is refused', () => {
    for (const text of [
      '',
      '12 node S 1',
      '12 (node S 1 2 3',
      '12 (node) S 1 2 3',
      statLine(12).replace('200', 'x'),
      `x${statLine(1)}`,
    ])
      assert.throws(() => parseStat(text), malformed, text)
  })

  it('io: bytes from and to storage; nothing is 0', () => {
    assert.deepEqual(parseIo('rchar: 6976\nread_bytes: 4096\nwrite_bytes: 8192\n'), {
      readBytes: 4096,
      writtenBytes: 8192,
    })
    assert.deepEqual(parseIo(''), { readBytes: 0, writtenBytes: 0 })
    for (const text of ['read_bytes 4096', 'read_bytes: many'])
      assert.throws(() => parseIo(text), malformed)
  })

  it('smaps_rollup: kilobytes; nothing is 0', () => {
    const text =
      '560ade554000-7ffd090eb000 ---p 00000000 00:00 0 [rollup]\nRss: 1760 kB\nPss: 220 kB\nPrivate_Clean: 44 kB\nPrivate_Dirty:    116 kB\n'
    assert.deepEqual(parseSmapsRollup(text), { pssBytes: 220 * 1024, privateBytes: 160 * 1024 })
    assert.deepEqual(parseSmapsRollup(''), { pssBytes: 0, privateBytes: 0 })
    for (const bad of ['Pss 220 kB', 'Pss: x kB'])
      assert.throws(() => parseSmapsRollup(bad), malformed)
  })

  it('status, schedstat: memory, context switches, time without a CPU', () => {
    const text =
      'Name:\tnode\nVmRSS:\t   2048 kB\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t7\n'
    assert.deepEqual(parseStatus(text), {
      rssBytes: 2048 * 1024,
      voluntarySwitches: 5,
      involuntarySwitches: 7,
    })
    assert.deepEqual(parseStatus('Name:\tkthreadd\n'), {
      rssBytes: 0,
      voluntarySwitches: 0,
      involuntarySwitches: 0,
    })
    assert.throws(() => parseStatus('VmRSS:\tlots\n'), malformed)
    assert.equal(parseSchedstat('100 2651325 1\n'), 2.651325)
    for (const bad of ['', '1 x 2']) assert.throws(() => parseSchedstat(bad), malformed)
  })

  it("stat of the machine: waiting for I/O is no work, a hypervisor's theft is", () => {
    const text =
      'cpu  100 10 40 500 50 5 5 20 9 9\ncpu0 50 5 20 250 25 2 2 10 0 0\ncpu1 50 5 20 250 25 3 3 10 0 0\nintr 1\n'
    assert.deepEqual(parseMachineStat(text), { cores: 2, busyMs: 1800, totalMs: 7300 })
    for (const bad of ['', 'intr 1', 'cpu  1 2 3', 'cpu  1 2 x 4'])
      assert.throws(() => parseMachineStat(bad), malformed)
  })

  it('net/dev: all devices but the loopback', () => {
    const heads = 'Inter-| Receive | Transmit\n face |bytes packets |bytes packets\n'
    const device = (name: string, received: number, sent: number) =>
      `  ${name}: ${received} 9 0 0 0 0 0 0 ${sent} 9 0 0 0 0 0 0\n`
    const text = heads + device('lo', 1000, 1000) + device('eth0', 10, 20) + device('eth1:0', 1, 2)
    assert.deepEqual(parseNetDev(text), { receivedBytes: 11, sentBytes: 22 })
    assert.deepEqual(parseNetDev(''), { receivedBytes: 0, sentBytes: 0 })
    for (const bad of [
      `${heads}eth0 1 2`,
      `${heads}eth0: 1 2 3`,
      heads + device('eth0', 1, 2).replace(' 1 ', ' x '),
    ])
      assert.throws(() => parseNetDev(bad), malformed)
  })
})

describe('a tree of processes', { skip }, () => {
  let root = ''
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'spindle-proc-'))
  })
  after(() => rmSync(root, { recursive: true, force: true }))

  it('reads a file without the space around it, and nothing from one that is not there', () => {
    put('some', '  text \n')
    assert.equal(readProcFile(join(root, 'some')), 'text')
    assert.equal(readProcFile(join(root, 'none')), undefined)
  })

  it('sums exactly those below, and does without what is missing', () => {
    for (const [pid, children] of [
      [10, '20 30'],
      [20, ''],
      [30, ''],
      [40, ''],
    ] as const) {
      put(`${pid}/stat`, statLine(pid))
      put(`${pid}/task/${pid}/children`, children)
    }
    put('10/status', 'VmRSS: 100 kB\n')
    put('10/io', 'read_bytes: 5\nwrite_bytes: 6\n')
    put('10/smaps_rollup', '0-1 ---p 0 0:0 0 [rollup]\nPss: 8 kB\nPrivate_Dirty: 4 kB\n')
    put('10/task/10/status', 'voluntary_ctxt_switches: 1\nnonvoluntary_ctxt_switches: 2\n')
    put('10/task/11/status', 'voluntary_ctxt_switches: 10\nnonvoluntary_ctxt_switches: 20\n')
    put('10/task/11/schedstat', '1 2000000 3')
    put('10/task/readme', 'no thread')
    put('20/status', 'VmRSS: 50 kB\n')
    put('stat', 'cpu  1 2 3 4\ncpu0 1 2 3 4\n')
    const { atMs, machine, ...usage } = readLinux(root, 10, true)
    assert.deepEqual(usage, {
      processes: 3,
      threads: 9,
      userMs: 7500,
      systemMs: 3750,
      rssBytes: 150 * 1024,
      pssBytes: 8 * 1024,
      privateBytes: 4 * 1024,
      readBytes: 5,
      writtenBytes: 6,
      voluntarySwitches: 11,
      involuntarySwitches: 22,
      cpuWaitMs: 2,
    })
    assert.deepEqual(machine, {
      cores: 1,
      busyMs: 60,
      totalMs: 100,
      receivedBytes: undefined,
      sentBytes: undefined,
    })
    assert.equal(readLinux(root, 20, true).pssBytes, undefined)
    assert.equal(readLinux(root, 10, false).pssBytes, undefined)
  })

  it('leaves out a malformed file with one warning of its kind, and cannot do without the process itself', async () => {
    put('50/stat', statLine(50))
    put('50/task/50/children', '51 52 53')
    put('51/stat', 'nonsense')
    put('52/stat', 'nonsense, too')
    const warnings: string[] = []
    const listen = ({ message }: Error): void => void warnings.push(message)
    process.on('warning', listen)
    assert.equal(readLinux(root, 50, false).processes, 1)
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', listen)
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] as string, /the resource usage lacks .*stat: .*no name in parentheses/)
    assert.throws(() => readLinux(root, 51, false), malformed)
    assert.throws(() => readLinux(root, 99, false), malformed)
  })
})

describe('resource usage', () => {
  it('is of this process', () => {
    const usage = resourceUsage()
    assert.ok(usage.processes >= 1 && usage.rssBytes > 1e6 && usage.userMs > 0)
    assert.ok(usage.machine.cores >= 1 && usage.machine.busyMs > 0)
    assert.equal(usage.pssBytes, undefined, 'not asked for')
    for (const value of Object.values(usage)) if (typeof value === 'number') assert.ok(value >= 0)
    assert.throws(() => resourceUsage({ psss: true } as object), { code: 'ERR_BAD_OPTION' })
  })

  it('has its children in it', { skip }, async () => {
    const alone = resourceUsage({ pss: true })
    assert.ok(
      (alone.pssBytes ?? 0) > 0 && (alone.privateBytes ?? 0) > 0 && (alone.threads ?? 0) > 1,
    )
    const child = spawn(process.execPath, [
      '--eval',
      "process.stdout.write('up'); setInterval(() => {}, 1000)",
    ])
    try {
      await once(child.stdout, 'data')
      const together = resourceUsage()
      assert.equal(together.processes, alone.processes + 1)
      assert.ok(together.rssBytes > alone.rssBytes + 1e7)
    } finally {
      child.kill('SIGKILL')
      await once(child, 'close')
    }
  })

  it('is told where there is no /proc, too', () => {
    const usage = readElsewhere()
    assert.ok(
      usage.rssBytes > 1e6 && usage.userMs > 0 && usage.machine.totalMs >= usage.machine.busyMs,
    )
    assert.equal(usage.threads, undefined)
  })

  it('between two readings is a difference, never below nothing', () => {
    const { machine, ...rest } = readElsewhere()
    const before: ResourceUsage = {
      ...rest,
      atMs: 1000,
      userMs: 500,
      systemMs: 500,
      readBytes: 100,
      cpuWaitMs: 0,
      machine: { ...machine, cores: 4, busyMs: 0, totalMs: 0 },
    }
    const later: ResourceUsage = {
      ...before,
      atMs: 3000,
      userMs: 3500,
      readBytes: 50,
      cpuWaitMs: 1000,
      machine: { ...machine, cores: 4, busyMs: 5000, totalMs: 8000 },
    }
    const interval = resourcesBetween(before, later)
    assert.equal(interval.elapsedMs, 2000)
    assert.equal(interval.cpuCores, 1.5)
    assert.equal(interval.readBytes, 0)
    assert.equal(interval.writtenBytes, undefined)
    assert.equal(interval.threadsWaiting, 0.5)
    assert.equal(interval.machineBusy, 5 / 8)
    assert.equal(interval.othersBusy, 2 / 8)
    const nothing = resourcesBetween(later, later)
    assert.deepEqual([nothing.cpuCores, nothing.machineBusy, nothing.othersBusy], [0, 0, 0])
  })

  it('is watched at intervals until it is stopped', async () => {
    const intervals: ResourceInterval[] = []
    let tell = (): void => {}
    const told = new Promise<void>((resolve) => {
      tell = resolve
    })
    using watch = watchResources({
      intervalMs: 10,
      onInterval: (interval) => {
        intervals.push(interval)
        if (intervals.length === 3) tell()
      },
    })
    // Its timer keeps no process alive.
    const alive = setInterval(() => {}, 1000)
    await told
    clearInterval(alive)
    const summary = watch.stop()
    const spans = intervals.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0)
    assert.ok(summary.total.elapsedMs >= spans - 1e-6)
    assert.ok(summary.most.rssBytes >= Math.max(...intervals.map(({ rssBytes }) => rssBytes)))
    assert.deepEqual(watch.stop(), summary, 'and no more')
    for (const options of [{ intervalMs: 0 }, { onInterval: 1 }, { often: true }] as object[])
      assert.throws(() => watchResources(options), { code: 'ERR_BAD_OPTION' })
  })
})

describe('noisy neighbours', () => {
  const quiet: ResourceInterval = {
    ...resourcesBetween(readElsewhere(), readElsewhere()),
    cores: 4,
    cpuCores: 2,
    machineBusy: 1,
    othersBusy: 0.5,
    threadsWaiting: 1.25,
  }

  it('are told of when they take what the pipeline lacks', () => {
    assert.match(
      neighbourWarning(quiet) ?? '',
      /other programs used 50 % of this machine's 4 cores.*1\.3 of the pipeline's threads waited/,
    )
    assert.doesNotMatch(
      neighbourWarning({ ...quiet, threadsWaiting: undefined }) ?? '',
      /threads waited/,
    )
  })

  it('are nothing to tell of while there is CPU for all, they are small, or the pipeline sleeps', () => {
    assert.equal(neighbourWarning({ ...quiet, machineBusy: 0.8 }), undefined)
    assert.equal(neighbourWarning({ ...quiet, othersBusy: 0.1 }), undefined)
    assert.equal(neighbourWarning({ ...quiet, cpuCores: 0.01, threadsWaiting: 0 }), undefined)
  })
})
