import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'node:test'
import type { BuildOptions, ItemError } from 'spindle'
import { range } from '../../support/sources.ts'
import type { Deadly } from './fixtures/deadly.ts'

const markers: string[] = []

/** The name of a file that an op writes when it dies, so that it dies once. */
export function marker(): string {
  const file = join(tmpdir(), `spindle-${randomUUID()}`)
  markers.push(file)
  return file
}

/** Has the files removed after each test. */
export function removeMarkers(): void {
  afterEach(() => {
    for (const file of markers.splice(0)) rmSync(file, { force: true })
  })
}

/** Numbered items, some of which are deadly. */
export const items = (count: number, fates: Record<number, Omit<Deadly, 'n'>>): Deadly[] =>
  range(count).map((n) => ({ n, ...fates[n] }))

export const without = (count: number, ...missing: number[]): number[] =>
  range(count).filter((n) => !missing.includes(n))

/** What is told of failed items, and the options that have it told. */
export function letters(): { readonly received: ItemError[]; readonly options: BuildOptions } {
  const received: ItemError[] = []
  return { received, options: { deadLetter: (letter) => void received.push(letter) } }
}
