import {
  FileCheckpoint,
  readFileState,
  SqliteCheckpoint,
  type SqliteDatabase,
} from 'spindle/checkpoint'

declare function same<A, B>(
  ...differs: (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? [] : [never]
): void

interface State {
  readonly version: number
  readonly sources: readonly { readonly epoch: number }[]
}
declare const pipeline: { state(): State; commit(batch: string[]): void }

const output = await FileCheckpoint.open<State>('folder', { partName: (part) => `${part}.jsonl` })
same<typeof output.state, State | undefined>()
await output.write('text')
await output.write(new Uint8Array(1))
await output.writeFile('a', async (path) => {
  same<typeof path, string>()
})
await output.commit(() => pipeline.state())
FileCheckpoint.openSync<State>(new URL('file:///folder')).writeFileSync('a', 'text')
const state = await readFileState<State>('folder')
same<typeof state, State | undefined>()

// @ts-expect-error the state must be given at once
await output.commit(async () => pipeline.state())
// @ts-expect-error it is a function, so that it is taken when the commit begins
await output.commit(pipeline.state())
// @ts-expect-error text or bytes
await output.write({ id: 1 })
// @ts-expect-error a state is an object
await FileCheckpoint.open<number>('folder')

// As better-sqlite3 and node:sqlite have them.
declare const database: {
  exec(sql: string): void
  prepare(sql: string): {
    run(...parameters: (null | number | bigint | string | Uint8Array)[]): {
      changes: number | bigint
    }
    get(
      ...parameters: (null | number | bigint | string | Uint8Array)[]
    ): Record<string, unknown> | undefined
  }
}
const structural: SqliteDatabase = database
const rows = new SqliteCheckpoint<State>(structural, { name: 'rank 0', table: 'states' })
same<typeof rows.state, State | undefined>()
rows.commit(() => {
  pipeline.commit(['batch'])
  return pipeline.state()
})
// @ts-expect-error it must return the state
rows.commit(() => pipeline.commit(['batch']))
