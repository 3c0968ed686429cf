import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** Longest time for one file. */
const TIMEOUT_MS = 60_000

/** A program that answers line by line, and is restarted when it ends or hangs. */
export class Answerer {
  constructor(program, args) {
    this.command = [program, args]
  }

  async ask(question) {
    this.child ??= this.start()
    const { child, lines } = this.child
    const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS)
    child.stdin.write(`${JSON.stringify(question)}\n`)
    const { value, done } = await lines.next()
    clearTimeout(timer)
    if (!done) return JSON.parse(value)
    const ended = await this.child.ended
    this.child = undefined
    return { crash: `the process ended: ${ended}` }
  }

  stop() {
    this.child?.child.stdin.end()
  }

  start() {
    const child = spawn(...this.command, { stdio: ['pipe', 'pipe', 'pipe'] })
    child.stdin.on('error', () => {})
    let said = ''
    child.stderr.on('data', (text) => {
      said = (said + text).slice(-2000)
    })
    const ended = new Promise((resolve) => {
      child.on('close', (code, signal) =>
        resolve(
          `${signal ?? `status ${code}`} ${said.match(/^.*(?:error|assert).*$/im)?.[0] ?? ''}`.trim(),
        ),
      )
    })
    return { child, ended, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() }
  }
}
