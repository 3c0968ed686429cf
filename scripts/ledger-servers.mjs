// Runs a command beside real servers of every engine that is installed here: Redis, PostgreSQL and
// NATS, each in a temporary folder and on a port of its own. The command finds their URLs in
// SPINDLE_LEDGERS, separated by spaces.
//   node scripts/ledger-servers.mjs [--only redis,nats] node scripts/test.mjs cluster/test/servers
// Debian: apt-get install redis-server postgresql nats-server
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const STARTED_MS = 20_000

/** The engines: what is needed, and how a server starts in a folder. */
const ENGINES = {
  redis: {
    find: () => onPath('redis-server'),
    url: (port) => `redis://127.0.0.1:${port}/0`,
    // Each change is on disk before its answer, so a killed server has forgotten nothing.
    start: (program, folder, port) => [
      ...[program, '--bind', '127.0.0.1', '--port', port, '--dir', folder, '--save', ''],
      ...['--appendonly', 'yes', '--appendfsync', 'always'],
    ],
  },
  postgres: {
    find: () => {
      const root = '/usr/lib/postgresql'
      const version = existsSync(root) ? readdirSync(root).sort().at(-1) : undefined
      return version && join(root, version, 'bin')
    },
    url: (port) => `postgres://spindle@127.0.0.1:${port}/postgres`,
    prepare(bin, folder) {
      chmodSync(folder, 0o777)
      const data = join(folder, 'data')
      run(asUser([join(bin, 'initdb'), '-D', data, '-U', 'spindle', '-A', 'trust', '-N']))
    },
    start: (bin, folder, port) =>
      asUser([
        ...[join(bin, 'postgres'), '-D', join(folder, 'data'), '-p', port],
        ...['-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=${folder}`],
      ]),
  },
  nats: {
    find: () => onPath('nats-server'),
    url: (port) => `nats://127.0.0.1:${port}`,
    prepare: (_, folder) =>
      writeFileSync(join(folder, 'nats.conf'), `jetstream { store_dir: "${folder}" }\n`),
    start: (program, folder, port) => [
      ...[program, '--addr', '127.0.0.1', '--port', port, '--config', join(folder, 'nats.conf')],
    ],
  },
}

/** A server that can be stopped, killed, frozen and started again on the same files. */
export class LedgerServer {
  constructor(engine, program) {
    this.engine = engine
    this.program = program
    this.folder = mkdtempSync(join(tmpdir(), `spindle-${engine}-`))
  }

  async start() {
    const { prepare, start, url } = ENGINES[this.engine]
    if (this.port === undefined) {
      this.port = await freePort()
      prepare?.(this.program, this.folder)
    }
    this.url = url(this.port)
    const command = start(this.program, this.folder, String(this.port))
    const until = performance.now() + STARTED_MS
    // A server that was killed may leave processes that keep it from starting for a moment.
    while (!(await this.#answers(command))) {
      if (performance.now() > until) throw new Error(`${this.engine} does not start: ${command}`)
      await this.#clear()
    }
  }

  /** Starts the server once, and waits until it answers or ends. */
  async #answers([program, ...args]) {
    const log = openSync(join(this.folder, 'log'), 'a')
    this.child = spawn(program, args, { stdio: ['ignore', log, log], detached: true })
    closeSync(log)
    this.ended = new Promise((resolve) => this.child.once('exit', resolve))
    let hasEnded = false
    this.ended.then(() => {
      hasEnded = true
    })
    while (!hasEnded && !(await isOpen(this.port))) await sleep(50)
    return !hasEnded
  }

  /** Sends a signal to the server and all its processes. */
  signal(name) {
    for (const pid of new Set([this.child.pid, ...processesIn(this.folder)]))
      try {
        process.kill(pid, name)
      } catch {} // it has ended
  }

  async kill() {
    this.signal('SIGKILL')
    await this.ended
    await this.#clear()
  }

  /** PostgreSQL's other processes can outlive its first one, and then keep it from starting. */
  async #clear() {
    do {
      this.signal('SIGKILL')
      await sleep(50)
    } while (processesIn(this.folder).length > 0)
  }

  async remove() {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Starts a server of each engine that is installed, and says which ones are not. */
export async function startServers(only) {
  const servers = []
  for (const [engine, { find }] of Object.entries(ENGINES)) {
    if (only && !only.includes(engine)) continue
    const program = find()
    if (program === undefined) {
      console.warn(`skipped: ${engine} is not installed here`)
      continue
    }
    const server = new LedgerServer(engine, program)
    servers.push(server)
    await server.start()
  }
  return servers
}

function onPath(name) {
  const folders = `${process.env.PATH}:/usr/sbin:/sbin`.split(':')
  return folders.map((folder) => join(folder, name)).find(existsSync)
}

/** PostgreSQL refuses to run as root. `setpriv` becomes the command and leaves no process. */
function asUser(command) {
  return process.getuid() === 0
    ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', ...command]
    : command
}

function run([command, ...args]) {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', cwd: '/' })
  if (status !== 0) throw new Error(`${command}: ${stderr}`)
}

/** The processes whose working directory is in a folder, as PostgreSQL's are. */
function processesIn(folder) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder)
      } catch {
        return false // it has ended
      }
    })
    .map(Number)
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

function isOpen(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2)
  const only = args[0] === '--only' ? args.splice(0, 2)[1].split(',') : undefined
  const servers = await startServers(only)
  try {
    const env = { ...process.env, SPINDLE_LEDGERS: servers.map(({ url }) => url).join(' ') }
    const child = spawn(args[0], args.slice(1), { stdio: 'inherit', env })
    process.exitCode = await new Promise((resolve) =>
      child.once('exit', (code) => resolve(code ?? 1)),
    )
  } finally {
    for (const server of servers) await server.remove()
  }
}
