// Tables of three databases, as keyset-source.mjs takes them. Names of tables and columns are part
// of the program: do not make them from the input of strangers.

const select = (columns) => (columns === undefined ? '*' : columns.join(', '))

/** A table in SQLite, by a `DatabaseSync` of node:sqlite or a `Database` of better-sqlite3. */
export function sqliteTable(database, { table, key = 'id', columns }) {
  const one = (sql, ...values) => Object.values(database.prepare(sql).get(...values) ?? {})[0]
  const rows = `SELECT ${select(columns)} FROM ${table} WHERE ${key} <= ?`
  const next = database.prepare(`${rows} AND ${key} > ? ORDER BY ${key} LIMIT ?`)
  const begin = database.prepare(`${rows} ORDER BY ${key} LIMIT ?`)
  return {
    name: table,
    keyOf: (row) => row[key],
    lastKey: async () => one(`SELECT max(${key}) FROM ${table}`) ?? undefined,
    count: async (upTo) => one(`SELECT count(*) FROM ${table} WHERE ${key} <= ?`, upTo),
    keyAt: async (position) =>
      one(`SELECT ${key} FROM ${table} ORDER BY ${key} LIMIT 1 OFFSET ?`, position),
    page: async (after, limit, upTo) =>
      after === undefined ? begin.all(upTo, limit) : next.all(upTo, after, limit),
  }
}

/** A table in PostgreSQL, by a `Pool` or `Client` of pg. */
export function postgresTable(client, { table, key = 'id', columns }) {
  const one = async (sql, values = []) => {
    const { rows } = await client.query({ text: sql, values, rowMode: 'array' })
    return rows[0]?.[0] ?? undefined
  }
  const rows = `SELECT ${select(columns)} FROM ${table} WHERE ${key} <= $1`
  return {
    name: table,
    keyOf: (row) => row[key],
    lastKey: () => one(`SELECT max(${key}) FROM ${table}`),
    count: async (upTo) =>
      Number(await one(`SELECT count(*) FROM ${table} WHERE ${key} <= $1`, [upTo])),
    keyAt: (position) =>
      one(`SELECT ${key} FROM ${table} ORDER BY ${key} OFFSET $1 LIMIT 1`, [position]),
    page: async (after, limit, upTo) => {
      const query =
        after === undefined
          ? { text: `${rows} ORDER BY ${key} LIMIT $2`, values: [upTo, limit] }
          : {
              text: `${rows} AND ${key} > $3 ORDER BY ${key} LIMIT $2`,
              values: [upTo, limit, after],
            }
      return (await client.query(query)).rows
    },
  }
}

/** A table in DuckDB, or anything its SQL reads: `read_parquet('*.parquet')`. */
export function duckdbTable(connection, { table, key = 'id', columns }) {
  const all = async (sql, values = []) =>
    (await connection.runAndReadAll(sql, values)).getRowObjectsJS()
  const one = async (sql, values) =>
    Object.values((await all(sql, values))[0] ?? {})[0] ?? undefined
  const rows = `SELECT ${select(columns)} FROM ${table} WHERE ${key} <= $1`
  return {
    name: table,
    keyOf: (row) => row[key],
    lastKey: () => one(`SELECT max(${key}) FROM ${table}`),
    count: async (upTo) =>
      Number(await one(`SELECT count(*) FROM ${table} WHERE ${key} <= $1`, [upTo])),
    keyAt: (position) =>
      one(`SELECT ${key} FROM ${table} ORDER BY ${key} LIMIT 1 OFFSET ${Number(position)}`),
    page: (after, limit, upTo) =>
      after === undefined
        ? all(`${rows} ORDER BY ${key} LIMIT ${Number(limit)}`, [upTo])
        : all(`${rows} AND ${key} > $2 ORDER BY ${key} LIMIT ${Number(limit)}`, [upTo, after]),
  }
}
