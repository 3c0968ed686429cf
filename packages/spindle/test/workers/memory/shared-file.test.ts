import assert from 'node:assert/strict'
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { SharedFile, type SlotTicket } from '../../../src/workers/memory/shared-file.ts'
import { openAndUnlink } from '../../../src/workers/memory/unnamed-file.ts'
import { throwsCode } from '../../support/consume.ts'
import { NODE_FLAGS } from '../../support/typescript.ts'

const entry = fileURLToPath(new URL('./fixtures/slots-child.mjs', import.meta.url))
const parent = fileURLToPath(new URL('./fixtures/slots-parent.mjs', import.meta.url))
const bytesOf = (size: number, seed: number) =>
  Uint8Array.from({ length: size }, (_, i) => (i * 31 + seed) & 255)

function startChild(...slots: SharedFile[]): ChildProcess {
  const child = fork(entry, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...slots.map(({ fd }) => fd)],
  })
  child.send({ from: slots[0]?.handleFor(4), to: slots[1]?.handleFor(5) })
  return child
}

/** Names of ours in the places where files of shared memory lie. */
const leftovers = () =>
  ['/dev/shm', tmpdir()]
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).filter((name) => /^spindle-.*\.slots$/.test(name)))

describe('shared file', () => {
  it('give back what was written, and never put two tickets in one place, in any order of writes and frees', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ write: fc.integer({ min: 0, max: 700 }) }) },
      { weight: 2, arbitrary: fc.record({ free: fc.nat() }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        using slots = SharedFile.create({ slotBytes: 100, count: 12 })
        const live: { ticket: SlotTicket; bytes: Uint8Array }[] = []
        steps.forEach((now, seed) => {
          if ('write' in now) {
            const bytes = bytesOf(now.write, seed)
            const before = slots.taken
            const ticket = slots.write(bytes)
            if (ticket !== undefined) live.push({ ticket, bytes })
            else {
              assert.equal(slots.taken, before)
              assert.ok(before > 0, 'there is room for whatever is no larger than all slots')
            }
          } else if (live.length > 0) slots.free(live.splice(now.free % live.length, 1)[0]!.ticket)
          for (const { ticket, bytes } of live) assert.deepEqual(slots.read(ticket), bytes)
        })
        for (const { ticket } of live) slots.free(ticket)
        assert.equal(slots.taken, 0)
        slots.free(slots.write(new Uint8Array(1200)) as SlotTicket)
        assert.equal(slots.write(new Uint8Array(1201)), undefined)
      }),
      { numRuns: 50 },
    )
  })

  it('carry bytes to a child that inherits them, and back', async () => {
    using there = SharedFile.create({ slotBytes: 64 * 1024, count: 8 })
    using back = SharedFile.create({ slotBytes: 64 * 1024, count: 8 })
    const child = startChild(there, back)
    try {
      await once(child, 'message')
      for (let round = 0; round < 40; round++) {
        const bytes = bytesOf(150_528 + round, round)
        const ticket = there.write(bytes)
        assert.ok(ticket)
        child.send({ ticket })
        const [{ read, reply }] = (await once(child, 'message')) as [
          { read: SlotTicket; reply: SlotTicket },
        ]
        there.free(read)
        assert.deepEqual(back.read(reply), bytes.reverse())
        child.send({ read: reply })
      }
      assert.equal(there.taken, 0)
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('have no name, so that nothing stays when all processes are killed', {
    skip: process.platform === 'win32',
  }, async () => {
    const holder = spawn(process.execPath, [...NODE_FLAGS, parent], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [pid] = (await once(createInterface(holder.stdout), 'line')) as [string]
    assert.deepEqual(leftovers(), [])
    holder.kill('SIGKILL')
    process.kill(Number(pid), 'SIGKILL')
    await once(holder, 'exit')
    assert.deepEqual(leftovers(), [])
  })

  it('sweep what a death has left where files need a name, and not what is of the living', () => {
    const folder = mkdtempSync(join(tmpdir(), 'slots-'))
    try {
      const dead = spawnSync(process.execPath, ['--version']).pid
      const names = [`spindle-${dead}-00.slots`, `spindle-${process.pid}-00.slots`, 'other.slots']
      for (const name of names) writeFileSync(join(folder, name), '')
      const fd = openAndUnlink(folder)
      assert.deepEqual(readdirSync(folder).sort(), names.slice(1).sort())
      using slots = SharedFile.attach({ fd, slotBytes: 10, count: 2 })
      const ticket = slots.write(bytesOf(13, 1)) as SlotTicket
      assert.deepEqual(slots.read(ticket), bytesOf(13, 1))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('refuse a ticket that was given back, also when its slot is in use again', () => {
    using slots = SharedFile.create({ slotBytes: 10, count: 1 })
    const first = slots.write(bytesOf(3, 1)) as SlotTicket
    slots.free(first)
    throwsCode(() => slots.free(first), 'ERR_STALE_VIEW', /slot 0, use 0/)
    slots.write(bytesOf(3, 2))
    throwsCode(() => slots.free(first), 'ERR_STALE_VIEW')
    assert.equal(slots.taken, 1)
  })

  it('read into memory that is there, and fail clearly where there is too little, or nothing to read', () => {
    using slots = SharedFile.create({ slotBytes: 10, count: 4 })
    const ticket = slots.write(bytesOf(25, 1)) as SlotTicket
    const into = new Uint8Array(30)
    assert.deepEqual(slots.read(ticket, into), bytesOf(25, 1))
    assert.deepEqual(into.subarray(0, 25), bytesOf(25, 1))
    throwsCode(() => slots.read(ticket, new Uint8Array(24)), 'ERR_BAD_OPTION', /at least 25 bytes/)
    throwsCode(() => slots.read({ ...ticket, slot: 3 }), 'ERR_BAD_STATE', /slot 3/)
  })

  it('have no room, rather than fail, where memory is used up', {
    skip: !existsSync('/dev/full'),
  }, () => {
    using slots = SharedFile.attach({ fd: openSync('/dev/full', 'r+'), slotBytes: 10, count: 4 })
    assert.equal(slots.write(bytesOf(5, 1)), undefined)
    assert.equal(slots.taken, 0)
  })

  it('are of no use once closed, or without a file', () => {
    const slots = SharedFile.create({ count: 1 })
    slots.close()
    slots.close()
    throwsCode(() => slots.write(new Uint8Array(1)), 'ERR_BAD_STATE', /closed/)
    const fd = openSync(entry, 'r')
    closeSync(fd)
    throwsCode(
      () => SharedFile.attach({ fd, slotBytes: 1, count: 1 }),
      'ERR_BAD_STATE',
      /no file descriptor/,
    )
    throwsCode(() => SharedFile.create({ slotBytes: 0 }), 'ERR_BAD_OPTION', /slotBytes/)
    throwsCode(() => SharedFile.create({ count: 1.5 }), 'ERR_BAD_OPTION', /count/)
  })
})
