// Stores and sinks against what the default tests do without: a real S3 server (moto, from PyPI, in
// a virtual environment under .cache), a disk that is really full (a small tmpfs, as root on
// Linux), and the example of examples/stores, killed and resumed.
//   node scripts/stores.mjs [--port 5055]     uses a server that runs there instead of its own
// Expects that `npm run build` was done. Ends with "N passed, N failed".
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { loadNpy } from '@spindle/io'
import { PipelineBuilder } from 'spindle'
import { jsonlShards } from 'spindle/sinks'
import { fromJsonLines, openStore } from 'spindle/source'
import { Checks, root, run } from './tools.mjs'

const MOTO = 'moto[s3,server]==5.2.*'
const cli = join(root, 'packages/spindle/dist/cli/main.js')
const checks = new Checks()
const home = mkdtempSync(join(tmpdir(), 'spindle-stores-'))
process.on('exit', () => rmSync(home, { recursive: true, force: true }))

await fullDisk()
const server = await startServer()
if (server !== undefined)
  try {
    await conformance(server.endpoint)
    await sinks(server.endpoint)
    await example(server.endpoint)
  } finally {
    await server.stop()
  }
checks.finish()

/** Adds a check whose work throws if something is wrong. */
async function check(name, work) {
  try {
    await work()
    checks.add(name)
  } catch (error) {
    checks.add(name, String(error?.stack ?? error))
  }
}

function equal(found, wanted) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)]
  if (a !== b) throw new Error(`got ${a}, expected ${b}`)
}

async function codeOf(promise) {
  return promise.then(
    () => 'no error',
    (error) => error.code,
  )
}

// --- The server -----------------------------------------------------------------------------------

async function startServer() {
  const at = process.argv.indexOf('--port')
  if (at !== -1) {
    const endpoint = `http://127.0.0.1:${process.argv[at + 1]}`
    return { endpoint: await withBucket(endpoint), stop: async () => {} }
  }
  const program = installed()
  if (program === undefined) return undefined
  const port = await freePort()
  const child = spawn(program, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  process.on('exit', () => child.kill('SIGKILL'))
  const endpoint = `http://127.0.0.1:${port}`
  for (let tries = 0; tries < 200; tries++) {
    const isUp = await fetch(endpoint).then(
      () => true,
      () => false,
    )
    if (isUp) break
    await wait(100)
  }
  const stop = () =>
    new Promise((resolve) => {
      child.once('exit', resolve)
      child.kill()
    })
  return { endpoint: await withBucket(endpoint), stop }
}

async function withBucket(endpoint) {
  await fetch(`${endpoint}/bucket`, { method: 'PUT' })
  return endpoint
}

/** The program of the server, installed first; `undefined` where there is no Python. */
function installed() {
  const folder = join(root, '.cache/moto')
  const program = join(folder, 'bin/moto_server')
  if (existsSync(program)) return program
  if (!run('python3', ['--version']).isOk) {
    console.log('No python3 here: the checks against a real S3 server are left out.')
    return undefined
  }
  mkdirSync(join(root, '.cache'), { recursive: true })
  for (const [command, args] of [
    ['python3', ['-m', 'venv', folder]],
    [join(folder, 'bin/pip'), ['install', '-q', '--disable-pip-version-check', MOTO]],
  ]) {
    const { isOk, output } = run(command, args, { timeout: 300_000 })
    if (isOk) continue
    rmSync(folder, { recursive: true, force: true })
    checks.add('the S3 server is installed', output || `${command} failed`)
    return undefined
  }
  return program
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}

// --- The store ------------------------------------------------------------------------------------

async function conformance(endpoint) {
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' }
  const open = (folder) =>
    openStore(`s3://bucket/${folder}`, { endpoint, credentials, minDelayMs: 5 })

  await check('names of all kinds: written, read, listed, deleted', async () => {
    const store = open('some folder')
    const names = ['a/b & c é.txt', 'a/+=%20?#.txt', "a/('!*).txt", 'z']
    for (const name of names) await store.create(name, `of ${name}`)
    const listed = []
    for await (const { name, size } of store.list()) listed.push([name, size])
    const wanted = names.map((name) => [name, Buffer.byteLength(`of ${name}`)])
    equal(
      listed,
      wanted.sort(([a], [b]) => (a < b ? -1 : 1)),
    )
    for (const name of names) {
      equal(String(await store.read(name)), `of ${name}`)
      equal(String(await store.read(name, { range: [1, 3] })), 'f ')
      equal((await store.head(name))?.size, Buffer.byteLength(`of ${name}`))
      await store.delete(name)
      equal(await store.head(name), undefined)
    }
    equal(await codeOf(store.read('z')), 'ERR_NOT_FOUND')
    await store.delete('z')
  })

  await check('one of many that make an object succeeds', async () => {
    const store = open('absent')
    const made = await Promise.all(
      Array.from({ length: 12 }, (_, n) => store.createIfAbsent('x', String(n))),
    )
    equal(made.filter(Boolean).length, 1)
    equal(String(await store.read('x')), String(made.indexOf(true)))
    equal(await codeOf(store.create('x', 'y', { ifAbsent: true })), 'ERR_EXISTS')
  })

  await check('large objects are uploaded in parts, and streamed back', async () => {
    const store = open('large')
    const piece = Buffer.alloc(3_000_001, 'abc')
    const writer = store.writer('big', { ifAbsent: true })
    for (let n = 0; n < 7; n++) await writer.write(piece)
    const { size } = await writer.close()
    equal(size, 7 * piece.length)
    let at = 0
    for await (const part of store.stream('big')) {
      for (const probe of [0, part.length - 1])
        equal(part[probe], piece[(at + probe) % piece.length])
      at += part.length
    }
    equal(at, size)
    const left = store.writer('unfinished')
    for (let n = 0; n < 7; n++) await left.write(piece)
    await store.discardUnfinished('')
    equal((await codeOf(left.close())) === 'no error', false)
    equal(await store.head('unfinished'), undefined)
  })

  await check('lists of several pages are whole and in order', async () => {
    const store = open('many')
    const names = Array.from({ length: 1100 }, (_, n) => `n-${String(n).padStart(5, '0')}`)
    for (let at = 0; at < names.length; at += 50)
      await Promise.all(names.slice(at, at + 50).map((name) => store.create(name, '')))
    const listed = []
    for await (const { name } of store.list('n-')) listed.push(name)
    equal(listed, names)
  })

  await check('records are read back from the bucket', async () => {
    const place = 's3://bucket/rows'
    const store = { endpoint, credentials }
    const items = Array.from({ length: 1000 }, (_, n) => ({ n }))
    const sink = () => jsonlShards(place, { store, maxRecords: 300, compress: 'gzip' })
    const first = await new PipelineBuilder()
      .addSource(items)
      .build()
      .writeTo(sink(), { resume: true })
    equal(first?.count, 1000)
    let sum = 0
    for await (const { n } of await fromJsonLines(`${place}/*.jsonl.gz`, { store })) sum += n
    equal(sum, 499_500)
    const again = new PipelineBuilder().addSource(items).build()
    equal(await codeOf(again.writeTo(sink())), 'ERR_EXISTS')
  })
}

// --- Sinks that are killed --------------------------------------------------------------------------

function child(code, env = {}) {
  return spawnSync(process.execPath, ['--import=tsx', '--input-type=module', '--eval', code], {
    cwd: root,
    encoding: 'utf8',
    timeout: 120_000,
    env: { ...process.env, AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', ...env },
  })
}

/** The job of the tests, which kills itself at a call of the store. */
async function sinks(endpoint) {
  const fixtures = join(root, 'packages/io/test/sinks/fixtures')
  for (const format of ['jsonl', 'tar', 'npy', 'safetensors', 'parquet'])
    await check(`${format} shards in a bucket, after kills at any call`, async () => {
      const place = `s3://bucket/killed-${format}`
      let kills = 0
      for (let at = 5; ; at += 37) {
        const { status, signal, stderr } = child(`
          import { runJob } from '${fixtures}/job.ts'
          import { checkRows } from '${fixtures}/rows.ts'
          import { openStore } from 'spindle/source'
          await runJob('${format}', '${place}', '${endpoint}', ${at})
          await checkRows('${format}', openStore('${place}', { endpoint: '${endpoint}' }))
        `)
        if (signal === 'SIGKILL') kills++
        else {
          if (status !== 0) throw new Error(stderr)
          break
        }
      }
      if (kills < 2) throw new Error(`only ${kills} kills`)
    })
}

// --- The example ------------------------------------------------------------------------------------

async function example(endpoint) {
  await check('the example: list, fetch, decode, batch, write; killed and resumed', async () => {
    const store = openStore('s3://bucket/photos', {
      endpoint,
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    })
    const photos = join(root, 'examples/photos')
    const names = readdirSync(photos).filter((name) => /\.(jpg|png)$/.test(name))
    for (const name of names) await store.create(name, readFileSync(join(photos, name)))
    const env = {
      ...process.env,
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'b',
    }
    const start = (to, timeout) =>
      spawnSync(
        process.execPath,
        [
          '--import=tsx',
          cli,
          'run',
          'examples/stores/job.ts',
          '--json',
          '--',
          's3://bucket/photos',
          to,
        ],
        { cwd: root, encoding: 'utf8', env, timeout, killSignal: 'SIGKILL' },
      )
    let kills = 0
    for (let timeout = 500; ; timeout += 150) {
      const { signal, status, stdout, stderr } = start('s3://bucket/pixels', timeout)
      if (signal === 'SIGKILL') {
        kills++
        continue
      }
      if (status !== 0) throw new Error(stderr)
      equal(JSON.parse(stdout).written.records, names.length)
      break
    }
    if (kills === 0) throw new Error('it was never killed')
    const whole = start('s3://bucket/whole', 120_000)
    if (whole.status !== 0) throw new Error(whole.stderr)
    const pixels = async (folder) => {
      const at = openStore(`s3://bucket/${folder}`, {
        endpoint,
        credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      })
      const sums = []
      for (const { name } of JSON.parse(String(await at.read('manifest.json'))).shards) {
        const { data, shape } = await loadNpy(name, { store: at })
        const size = data.length / shape[0]
        for (let row = 0; row < shape[0]; row++) {
          let sum = 0
          for (let n = row * size; n < (row + 1) * size; n++) sum = (sum * 31 + data[n]) % 1e9
          sums.push(sum)
        }
      }
      return sums.sort((a, b) => a - b)
    }
    equal(await pixels('pixels'), await pixels('whole'))
  })
}

// --- A full disk ------------------------------------------------------------------------------------

async function fullDisk() {
  const disk = join(home, 'disk')
  mkdirSync(disk)
  const mounted = run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk])
  if (!mounted.isOk) {
    console.log(
      'No small disk can be mounted here (not root?): a full disk is tried by faked errors only.',
    )
    return
  }
  try {
    await check(
      'a disk that is full: what is named is complete, and a larger disk continues',
      async () => {
        const write = () =>
          new PipelineBuilder()
            .addSource(Array.from({ length: 4000 }, (_, n) => n))
            .pipe((n) => ({ n, text: 'x'.repeat(1000) }))
            .build()
            .writeTo(jsonlShards(join(disk, 'out'), { maxRecords: 250 }), { resume: true })
        const refused = await write().catch((error) => error)
        equal(refused.code, 'ERR_WRITE')
        if (!/ENOSPC.*make room/.test(refused.message)) throw refused
        equal(run('mount', ['-o', 'remount,size=32m', disk]).isOk, true)
        equal((await write())?.count, 4000)
        let sum = 0
        for await (const { n } of await fromJsonLines(join(disk, 'out/*.jsonl'))) sum += n
        equal(sum, (3999 * 4000) / 2)
      },
    )
  } finally {
    run('umount', ['-l', disk])
  }
}
