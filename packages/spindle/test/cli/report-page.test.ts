import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { checkOutputFile } from '../../src/cli/page-output.ts'
import type { ChildResult } from '../support/child.ts'
import { problemsInMarkup } from '../support/html.ts'
import { NODE_FLAGS } from '../support/typescript.ts'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const counting = fileURLToPath(new URL('fixtures/counting.ts', import.meta.url))

function start(args: readonly string[]) {
  const child = spawn(process.execPath, [...NODE_FLAGS, main, 'run', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
    killSignal: 'SIGKILL',
  })
  const result = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (result.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (result.stderr += text))
  const ended = once(child, 'close').then(
    ([code, signal]): ChildResult => ({ code, signal, ...result }),
  )
  return { child, result, ended }
}

interface Answer {
  readonly status: number | undefined
  readonly type: string | undefined
  readonly body: string
}

function ask(url: string, options: { method?: string; host?: string } = {}): Promise<Answer> {
  const { method = 'GET', host } = options
  return new Promise((resolve, reject) => {
    const asking = request(
      url,
      { method, ...(host === undefined ? {} : { headers: { host } }) },
      (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (text: string) => (body += text))
        response.on('end', () =>
          resolve({ status: response.statusCode, type: response.headers['content-type'], body }),
        )
        response.on('error', reject)
      },
    )
    asking.on('error', reject).end()
  })
}

describe('spindle run --report and --ui', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'spindle-report-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('writes the page, and leaves --json as it is', async () => {
    const file = join(folder, 'out.html')
    const { code, stdout, stderr } = await start([counting, '--json', '--report', file]).ended
    assert.equal(code, 0, stderr)
    assert.equal(stderr, `spindle: report in ${file}\n`, 'and no view: nobody looks')
    const { unit, count, failed } = JSON.parse(stdout)
    assert.deepEqual({ unit, count, failed }, { unit: 'numbers', count: 200, failed: 4 })
    const html = readFileSync(file, 'utf8')
    assert.deepEqual(problemsInMarkup(html), [])
    assert.match(html, /<h1>counting\.[jt]s<\/h1><p class="state done">/)
    assert.match(html, /number 107 is bad/)
  })

  it('shows the page live to this machine alone, and ends with the run', async () => {
    const { child, result, ended } = start([counting, '--ui', '--no-progress', '--', '2000', '4'])
    while (!result.stderr.includes('live at')) await once(child.stderr, 'data')
    const url = result.stderr.match(/http:\/\/127\.0\.0\.1:\d+\//)?.[0] as string
    const { port } = new URL(url)

    const page = await ask(url)
    assert.deepEqual([page.status, page.type], [200, 'text/html; charset=utf-8'])
    assert.match(page.body, /data-live="events"/)
    assert.equal((await ask(url, { host: `localhost:${port}` })).status, 200)
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1:1`])
      assert.equal((await ask(url, { host })).status, 403, `Host: ${host}`)
    assert.equal((await ask(url, { method: 'POST' })).status, 405)
    assert.equal((await ask(`${url}etc/passwd`)).status, 404)

    // Told of until the run ends.
    const { type, body } = await ask(`${url}events`)
    assert.equal(type, 'text/event-stream')
    const events = [...body.matchAll(/^event: (\w+)\ndata:(.*)\n\n/gm)]
    assert.equal(events.at(-1)?.[1], 'end')
    assert.ok(events.length >= 4, `${events.length} events`)
    const parts = JSON.parse(events.at(-2)?.[2] as string)
    assert.match(parts.head, /class="state done"[\s\S]*<dd>2000<\/dd>/)
    const { code, stdout } = await ended
    assert.equal(code, 0)
    assert.match(stdout, /2000 numbers in/)
  })

  it('with --tune the pipeline tunes itself, and result and page say what was found', async () => {
    const file = join(folder, 'tuned.html')
    const { code, stdout } = await start([counting, '--tune', '--json', '--report', file]).ended
    assert.equal(code, 0)
    const { tuning } = JSON.parse(stdout)
    assert.ok(Number.isSafeInteger(tuning.options.wait.concurrency))
    assert.ok(Array.isArray(tuning.moves))
    assert.match(readFileSync(file, 'utf8'), /<h2 id="tuning-heading">Tuning<\/h2>/)
  })

  it('says early and clearly what is wrong with a value', async () => {
    const missing = join(folder, 'no/such/out.html')
    for (const [file, message] of [
      [missing, /--report cannot be written to .*there is no folder/],
      [folder, /--report cannot be written to .*it is a folder/],
    ] as const)
      assert.throws(() => checkOutputFile('report', file), { code: 'ERR_BAD_OPTION', message })
    const { code, stdout, stderr } = await start([counting, '--ui=65536']).ended
    assert.equal(code, 2)
    assert.match(stderr, /--ui must be followed by a port, 0 to 65535, or by none, got "65536"/)
    assert.equal(stdout, '')
  })
})
