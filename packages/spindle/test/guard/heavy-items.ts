import { PipelineBuilder } from '../../src/builder/builder.ts'

/* Items that take long to pack and to unpack: what crosses to a thread or process is copied. */

const OBJECTS = 60_000

/** An op for a worker: its results are what is heavy. */
export function makeHeavy(seed: number): readonly object[] {
  return Array.from({ length: OBJECTS }, (_, i) => ({ name: `item ${seed}`, i, half: i / 2 }))
}

/** Another: here it is the inputs. */
export function weigh(items: readonly object[]): number {
  return items.length
}

/** A pipeline for a worker or process. */
export function heavy(): PipelineBuilder<readonly object[]> {
  return new PipelineBuilder()
    .addSource(function* () {
      for (let i = 0; ; i++) yield i
    })
    .pipe(async (seed: number) => makeHeavy(seed), { name: 'make' })
}
