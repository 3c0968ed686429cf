import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import {
  PipelineChannel,
  type PipelineChannelOwner,
} from '../../../src/workers/pipelines/pipeline-channel.ts'
import type { RemoteMessage } from '../../../src/workers/pipelines/pipeline-protocol.ts'

// A worker side that answers each 'begin' by one message, at once or a little later.
const answering = `
const { workerData: { port, control: buffer, lifeline } } = require('node:worker_threads')
const control = new Int32Array(buffer)
globalThis.lifeline = lifeline
const answer = () => {
  port.postMessage({ kind: 'end' })
  Atomics.add(control, 0, 1)
  Atomics.notify(control, 0)
}
port.on('message', ({ kind, epoch }) => {
  if (kind === 'kill') return void process.exit(7)
  if (kind === 'stop') for (;;);
  if (epoch % 3 === 0) answer()
  else if (epoch % 3 === 1) setImmediate(answer)
  else { for (let i = 0; i < epoch % 50 * 1000; i++); answer() }
})`

const open = (
  owner: Partial<PipelineChannelOwner> = {},
): { channel: PipelineChannel; worker: Worker } => {
  let worker: Worker | undefined
  const channel = new PipelineChannel(
    { onMessage: () => {}, gone: () => {}, ...owner },
    undefined,
    (ends) => {
      worker = new Worker(answering, {
        eval: true,
        workerData: ends,
        transferList: [ends.port, ends.lifeline],
      })
      return worker
    },
  )
  return { channel, worker: worker as Worker }
}

describe('a channel', () => {
  it('loses no wake-up of a thread that blocks', () => {
    const { channel } = open()
    for (let epoch = 0; epoch < 5000; epoch++) {
      channel.post({ kind: 'begin', epoch })
      assert.deepEqual(channel.wait(10_000), { kind: 'end' })
    }
    // Where the machine is so busy that an answer takes 50 ms, one may come just then: that is no
    // lost one.
    assert.ok(channel.lostWakeUps <= 2, `${channel.lostWakeUps} lost`)
    channel.kill()
  })

  it('gives messages in order, however they are taken', async () => {
    const onMessage: RemoteMessage[] = []
    const { channel } = open({ onMessage: (message) => onMessage.push(message) })
    channel.setRef(true)
    let asked = 0
    for (let round = 0; round < 50; round++) {
      for (let i = 0; i < 3; i++) channel.post({ kind: 'begin', epoch: 3 * asked++ })
      if (round % 2 === 0) onMessage.push(channel.wait(10_000) as RemoteMessage)
      while (onMessage.length < asked) await new Promise((resolve) => setImmediate(resolve))
    }
    assert.equal(onMessage.length, 150)
    channel.kill()
  })

  it('waits no longer than its limit', () => {
    const { channel } = open()
    assert.equal(channel.wait(0), undefined)
    assert.equal(channel.wait(60), undefined)
    channel.kill()
  })

  it('finds that the thread is gone while it blocks, with or without its last words', () => {
    for (const end of [
      ({ channel }: ReturnType<typeof open>) => channel.post({ kind: 'kill' }),
      ({ worker }: ReturnType<typeof open>) => void worker.terminate(),
    ]) {
      const opened = open()
      opened.channel.post({ kind: 'begin', epoch: 0 })
      opened.channel.wait(10_000)
      end(opened)
      assert.equal(opened.channel.wait(10_000), 'gone')
    }
  })

  it('does not take a thread that is busy for one that is gone', () => {
    const { channel } = open()
    channel.post({ kind: 'begin', epoch: 0 })
    channel.wait(10_000)
    channel.post({ kind: 'stop', mode: 'abort', timeoutMs: undefined })
    assert.equal(channel.wait(300), undefined)
    channel.kill()
  })
})
