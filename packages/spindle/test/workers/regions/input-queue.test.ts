import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Item } from '../../../src/engine/flow/item.ts'
import type { Consumer } from '../../../src/engine/flow/queue.ts'
import { shouldYield } from '../../../src/engine/flow/time-slice.ts'
import { InputQueue } from '../../../src/workers/regions/inside/input-queue.ts'

it('a feed that let the loop turn before an input tells when it has given it on', async () => {
  let received = 0
  const taken: Item[] = []
  const feed = new InputQueue(() => received++)
  // Takes what it is handed, and so never asks for more.
  const consumer: Partial<Consumer> = { offer: (item) => taken.push(item) > 0 }
  feed.queue.consumer = consumer as Consumer
  shouldYield()
  for (const until = performance.now() + 10; performance.now() < until; );
  feed.put({ index: 0 } as Item)
  feed.pump()
  assert.deepEqual([taken.length, feed.isResting, received], [0, false, 0])
  while (!feed.isResting) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([taken.length, received], [1, 1])
})
