import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { PipelineBuilder } from '../../src/builder/builder.ts'
import type { Aggregator, TaskHook } from '../../src/engine/types.ts'
import { sourceFile } from '../support/typescript.ts'

/*
 * Pipelines whose code holds the loop in one place each. What holds it stands on a line that says
 * so, and some types stand about it, so that lines of the source and of what runs differ.
 */

type Kind = keyof typeof kinds

/**
 * Microseconds of work for which each call holds the loop. Of work, for on a machine that is busy
 * with others the clock says nothing.
 */
export const HELD_US = 25_000
export const usage: typeof process.cpuUsage = process.cpuUsage

interface Held {
  readonly stage: string | undefined
  readonly place: string
  readonly function: string
}

type Endless = () => Generator<number>

const endless: Endless = function* (): Generator<number> {
  for (let i = 0; ; i++) yield i
}

const begin = (): PipelineBuilder<number> => new PipelineBuilder().addSource(endless)

/** Line of this file on which the comment `held: <what>` stands. */
export function lineOf(what: string): number {
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.findIndex((line) => line.includes(`// held: ${what}`)) + 1
}

export const file: string = sourceFile(import.meta.url)

async function opBefore(item: number): Promise<number> {
  for (let u = usage(), n = u; n.user + n.system - u.user - u.system < HELD_US; n = usage()); // held: op before await
  await delay(1)
  return item
}

async function opAfter(item: number): Promise<number> {
  await delay(1)
  for (let u = usage(), n = u; n.user + n.system - u.user - u.system < HELD_US; n = usage()); // held: op after await
  return item
}

async function opOfHelper(item: number): Promise<number> {
  await delay(1)
  return await helper(item)
}

function opThatReturns(item: number): Promise<number> {
  return returned(item)
}

async function returned(item: number): Promise<number> {
  await delay(1)
  for (let u = usage(), n = u; n.user + n.system - u.user - u.system < HELD_US; n = usage()); // held: returned promise
  return item
}

async function helper(item: number): Promise<number> {
  await delay(1)
  for (let u = usage(), n = u; n.user + n.system - u.user - u.system < HELD_US; n = usage()); // held: helper
  return item
}

function* opOfGenerator(item: number): Generator<number> {
  for (let u = usage(), n = u; n.user + n.system - u.user - u.system < HELD_US; n = usage()); // held: generator
  yield item
}

function* slowSource(): Generator<number> {
  for (let i = 0; ; i++) {
    for (let u = usage(), n = u; n.user + n.system - u.user - u.system < HELD_US; n = usage()); // held: source
    yield i
  }
}

async function* slowAsyncSource(): AsyncGenerator<number> {
  for (let i = 0; ; i++) {
    await delay(1)
    for (let u = usage(), n = u; n.user + n.system - u.user - u.system < HELD_US; n = usage()); // held: async source
    yield i
  }
}

function slowRouter(item: number): number {
  for (let u = usage(), n = u; n.user + n.system - u.user - u.system < HELD_US; n = usage()); // held: router
  return item % 2
}

class Slow implements Aggregator<number, number[]> {
  accumulate(item: number): number[] {
    for (let u = usage(), n = u; n.user + n.system - u.user - u.system < HELD_US; n = usage()); // held: aggregator
    return [item]
  }
  flush(): undefined {
    return undefined
  }
}

const hook: TaskHook = {
  onTaskStart: function slowHook(): void {
    for (let u = usage(), n = u; n.user + n.system - u.user - u.system < HELD_US; n = usage()); // held: hook
  },
}

const wait = async (item: number): Promise<number> => {
  await delay(1)
  return item
}

const stage = (name: string, of: string): Held => ({ place: 'stage', stage: name, function: of })

/** Each kind of place: how to build a pipeline that blocks there, and what is to be said of it. */
export const kinds = {
  'op before await': {
    build: (name = 'opBefore') => begin().pipe(opBefore, { name }),
    held: stage('opBefore', 'opBefore'),
  },
  'op after await': {
    build: () => begin().pipe(wait).pipe(opAfter, { concurrency: 3 }),
    held: stage('opAfter', 'opAfter'),
  },
  helper: { build: () => begin().pipe(opOfHelper).pipe(wait), held: stage('opOfHelper', 'helper') },
  'returned promise': {
    build: () => begin().pipe(opThatReturns).pipe(wait),
    held: stage('opThatReturns', 'returned'),
  },
  'inline op among others': {
    build: () =>
      begin()
        .pipe((item) => [item])
        .disaggregate()
        .pipe(async (item) => item, { name: 'first' })
        .pipe(
          async (item) => {
            await delay(1)
            // biome-ignore format: what holds the loop stands on one line
            for (let u = usage(), n = u; n.user + n.system - u.user - u.system < HELD_US; n = usage()); // held: inline op among others
            return item
          },
          { name: 'second' },
        )
        .pipe(async (item) => item, { name: 'third' }),
    held: stage('second', 'anonymous function'),
  },
  generator: {
    build: () => begin().pipe(opOfGenerator),
    held: stage('opOfGenerator', 'opOfGenerator'),
  },
  source: {
    build: (name = 'source') => new PipelineBuilder().addSource(slowSource, { name }),
    held: stage('source', 'slowSource'),
  },
  'async source': {
    build: () => new PipelineBuilder().addSource(slowAsyncSource).pipe(wait),
    held: stage('source', 'slowAsyncSource'),
  },
  router: {
    build: () =>
      begin().pathVariants(slowRouter, [(path) => path.pipe(wait), (path) => path.pipe(wait)]),
    held: stage('path_variants', 'slowRouter'),
  },
  aggregator: {
    build: () => begin().aggregate(() => new Slow()),
    held: stage('aggregate(aggregator)', 'accumulate'),
  },
  hook: { build: () => begin().pipe(wait), hooks: [hook], held: stage('wait', 'slowHook') },
} satisfies Record<
  string,
  { build: (name?: string) => PipelineBuilder<unknown>; hooks?: readonly TaskHook[]; held: Held }
>

export type { Kind }
