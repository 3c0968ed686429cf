import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { SqliteCheckpoint, type SqliteDatabase } from 'spindle/checkpoint'
import { runChild } from '../support/child.ts'

interface State {
  readonly next: number
}

interface Database extends SqliteDatabase {
  prepare(sql: string): ReturnType<SqliteDatabase['prepare']> & { all(): any[] }
  close(): void
}

/** `node:sqlite` came with Node 22.5. */
const sqlite: { DatabaseSync: new (path: string, options?: object) => Database } | undefined =
  await import('node:sqlite' as string).catch(() => undefined)
const skip = sqlite === undefined ? 'this Node has no node:sqlite' : false

const home = mkdtempSync(join(tmpdir(), 'checkpoint-sqlite-'))
after(() => rmSync(home, { recursive: true, force: true }))
let files = 0
const newFile = () => join(home, `${files++}.db`)
const open = (file: string, options: object = {}) => new sqlite!.DatabaseSync(file, options)
const rowsOf = (database: Database) =>
  database
    .prepare('SELECT id FROM rows ORDER BY id')
    .all()
    .map(({ id }) => Number(id))

describe('SqliteCheckpoint', { skip }, () => {
  it('commits rows and state together, and goes on where it was', () => {
    const file = newFile()
    const first = open(file)
    first.exec('CREATE TABLE rows (id INTEGER)')
    const output = new SqliteCheckpoint<State>(first)
    assert.deepEqual([output.state, output.commits], [undefined, 0])
    const insert = first.prepare('INSERT INTO rows VALUES (?)')
    for (let next = 1; next <= 3; next++) {
      output.commit(() => {
        insert.run(next)
        return { next }
      })
    }
    assert.deepEqual([output.state, output.commits], [{ next: 3 }, 3])
    first.close()
    const second = open(file)
    const again = new SqliteCheckpoint<State>(second)
    assert.deepEqual([again.state, again.commits], [{ next: 3 }, 3])
    assert.deepEqual(rowsOf(second), [1, 2, 3])
    second.close()
  })

  it('rolls rows back when the work fails, says why, and goes no further', () => {
    const database = open(newFile())
    database.exec('CREATE TABLE rows (id INTEGER UNIQUE)')
    const output = new SqliteCheckpoint<State>(database)
    const insert = database.prepare('INSERT INTO rows VALUES (?)')
    output.commit(() => {
      insert.run(1)
      return { next: 1 }
    })
    assert.throws(
      () =>
        output.commit(() => {
          insert.run(2)
          insert.run(1)
          return { next: 2 }
        }),
      /UNIQUE/,
    )
    assert.deepEqual(rowsOf(database), [1])
    assert.deepEqual(output.state, { next: 1 })
    assert.throws(() => output.commit(() => ({ next: 2 })), {
      code: 'ERR_CHECKPOINT_BROKEN',
      message: /pipeline may be ahead/,
    })
    const again = new SqliteCheckpoint<State>(database)
    again.commit(() => {
      insert.run(2)
      return { next: 2 }
    })
    assert.deepEqual(rowsOf(database), [1, 2])
    database.close()
  })

  it('refuses a promise of a state, and what is none, with nothing written', () => {
    for (const bad of [async () => ({ next: 1 }), () => 7, () => null, 7]) {
      const database = open(newFile())
      database.exec('CREATE TABLE rows (id INTEGER)')
      const output = new SqliteCheckpoint<State>(database)
      assert.throws(
        () =>
          output.commit(
            (typeof bad === 'function'
              ? () => {
                  database.exec('INSERT INTO rows VALUES (1)')
                  return bad()
                }
              : bad) as never,
          ),
        { code: 'ERR_BAD_OPTION' },
      )
      assert.deepEqual(rowsOf(database), [])
      database.close()
    }
  })

  it('lets the first of two runs commit, and refuses the other with nothing written', () => {
    const file = newFile()
    const [one, two] = [open(file), open(file)]
    one.exec('CREATE TABLE rows (id INTEGER)')
    const [first, second] = [new SqliteCheckpoint<State>(one), new SqliteCheckpoint<State>(two)]
    first.commit(() => {
      one.exec('INSERT INTO rows VALUES (1)')
      return { next: 1 }
    })
    assert.throws(
      () =>
        second.commit(() => {
          two.exec('INSERT INTO rows VALUES (1)')
          return { next: 1 }
        }),
      { code: 'ERR_CHECKPOINT_TAKEN' },
    )
    assert.deepEqual(rowsOf(one), [1])
    one.close()
    two.close()
  })

  it('may be tried again when the database was busy, for nothing had begun', () => {
    const file = newFile()
    const [one, two] = [open(file), open(file)]
    const output = new SqliteCheckpoint<State>(two)
    one.exec('BEGIN IMMEDIATE')
    let calls = 0
    const work = () => ({ next: ++calls })
    assert.throws(() => output.commit(work), /locked/)
    assert.equal(calls, 0)
    one.exec('ROLLBACK')
    output.commit(work)
    assert.deepEqual(output.state, { next: 1 })
    one.close()
    two.close()
  })

  it('keeps several checkpoints apart by their names, and tables by theirs', () => {
    const file = newFile()
    const database = open(file)
    for (const options of [{}, { name: 'rank 0' }, { name: "rank '1'" }, { table: 'other' }]) {
      const output = new SqliteCheckpoint<object>(database, options)
      assert.equal(output.state, undefined)
      output.commit(() => ({ options }))
    }
    for (const options of [{}, { name: 'rank 0' }, { name: "rank '1'" }, { table: 'other' }])
      assert.deepEqual(new SqliteCheckpoint<object>(database, options).state, { options })
    database.exec(`UPDATE spindle_checkpoint SET state = '{' WHERE name = 'rank 0'`)
    assert.throws(() => new SqliteCheckpoint(database, { name: 'rank 0' }), {
      code: 'ERR_BAD_CHECKPOINT',
      message: /table "spindle_checkpoint" holds no state under "rank 0"/,
    })
    database.close()
  })

  // A child works through 40 items, five a commit; `step` is called at each call of the database.
  const child = (file: string, step: string) => `
    import { writeSync } from 'node:fs'
    import { DatabaseSync } from 'node:sqlite'
    import { SqliteCheckpoint } from 'spindle/checkpoint'
    process.removeAllListeners('warning')
    const real = new DatabaseSync(${JSON.stringify(file)})
    real.exec('CREATE TABLE IF NOT EXISTS rows (id INTEGER)')
    let calls = 0
    const step = () => { calls++; ${step} }
    const database = {
      exec: (sql) => { step(); const result = real.exec(sql); step(); return result },
      prepare: (sql) => {
        const statement = real.prepare(sql)
        return { get: (...args) => statement.get(...args), run: (...args) => { step(); return statement.run(...args) } }
      },
    }
    const output = new SqliteCheckpoint(database)
    const insert = database.prepare('INSERT INTO rows VALUES (?)')
    for (let next = output.state?.next ?? 0; next < 40; next += 5) {
      output.commit(() => {
        for (let id = next; id < next + 5; id++) insert.run(id)
        return { next: next + 5 }
      })
      writeSync(1, next + 5 + '\\n')
    }
  `
  const all = Array.from({ length: 40 }, (_, id) => id)

  function checkAfterKill(file: string, stdout: string): void {
    const database = open(file)
    const next = new SqliteCheckpoint<State>(database).state?.next ?? 0
    assert.ok(
      next >= Number(stdout.trim().split('\n').at(-1)),
      'what was said to be committed is there',
    )
    assert.deepEqual(rowsOf(database), all.slice(0, next))
    database.close()
  }

  // The second commit: begun, the rows, the state, committed.
  for (const at of [14, 15, 17, 20, 21, 22, 23]) {
    it(`holds what its state says after SIGKILL at the ${at}th call, and the next run completes it`, async () => {
      const file = newFile()
      const killed = await runChild(
        child(file, `if (calls === ${at}) process.kill(process.pid, 'SIGKILL')`),
      )
      assert.equal(killed.signal, 'SIGKILL', killed.stderr)
      checkAfterKill(file, killed.stdout)
      const completed = await runChild(child(file, ''))
      assert.equal(completed.code, 0, completed.stderr)
      checkAfterKill(file, completed.stdout)
      const database = open(file)
      assert.deepEqual(rowsOf(database), all)
      database.close()
    })
  }
})

describe('SqliteCheckpoint, whatever the database', () => {
  /** Notes what it is told; `failing` fails. */
  function fakeDatabase(failing?: string) {
    const told: string[] = []
    const tell = (sql: string) => {
      told.push(sql)
      if (sql === failing) throw new Error(`${sql} failed`)
    }
    const database = {
      exec: tell,
      prepare: (sql: string) => ({
        get: () => (sql.startsWith('SELECT') ? { commits: 7n, state: '{"next":7}' } : undefined),
        run: (...parameters: unknown[]) => tell(`save ${parameters.join(' ')}`),
      }),
    }
    return { database, told }
  }

  it('begins as a writer, works, saves the state, and commits, in this order', () => {
    const { database, told } = fakeDatabase()
    const output = new SqliteCheckpoint<State>(database)
    told.length = 0
    output.commit(() => {
      told.push('work')
      return { next: 8 }
    })
    assert.deepEqual(told, ['BEGIN IMMEDIATE', 'work', 'save pipeline 8 {"next":8}', 'COMMIT'])
    assert.deepEqual([output.commits, output.state], [8, { next: 8 }])
  })

  it('rolls back and goes no further when the commit fails, even if the roll-back does', () => {
    const { database, told } = fakeDatabase('COMMIT')
    const output = new SqliteCheckpoint<State>(database)
    assert.throws(() => output.commit(() => ({ next: 8 })), /COMMIT failed/)
    assert.equal(told.at(-1), 'ROLLBACK')
    assert.deepEqual([output.commits, output.state], [7, { next: 7 }])
    assert.throws(() => output.commit(() => ({ next: 8 })), { code: 'ERR_CHECKPOINT_BROKEN' })
  })

  it('refuses bad arguments with the rule', () => {
    const { database } = fakeDatabase()
    const make = (...args: any[]) => new SqliteCheckpoint(...(args as [any]))
    const badOption = (message: RegExp) => ({ code: 'ERR_BAD_OPTION', message })
    assert.throws(() => make('x.db'), badOption(/`database` must be a `DatabaseSync`.*got 'x.db'/))
    assert.throws(() => make(database, { names: '' }), badOption(/unknown option `names`/))
    assert.throws(
      () => make(database, { name: '' }),
      badOption(/`name` must be a string that is not empty/),
    )
    assert.throws(
      () => make(database, { table: 'a"b' }),
      badOption(/`table` must be a name of letters/),
    )
  })
})
