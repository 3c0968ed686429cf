import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runChild } from './support/child.ts'

/** Modules of Node that take milliseconds to load. */
const HEAVY = ['child_process', 'crypto', 'http', 'inspector', 'net', 'v8', 'zlib']

describe('the imports', () => {
  for (const name of ['spindle', 'spindle/worker', 'spindle/threads', 'spindle/options'])
    it(`${name} loads nothing of Node that few programs need`, async () => {
      const { stdout, stderr } = await runChild(`
        await import('node:util') // Node 26 loads node:net with it
        const before = new Set(process.moduleLoadList)
        await import('${name}')
        const loaded = process.moduleLoadList.filter((name) => !before.has(name))
        console.log(loaded.map((name) => name.replace('NativeModule ', '')).join(' '))
      `)
      const loaded = stdout.trim().split(' ')
      const heavy = HEAVY.filter((one) => loaded.includes(one))
      assert.deepEqual(heavy, [], stderr)
    })
})
